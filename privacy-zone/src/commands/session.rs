//! An open wallet: its keys, the zone, and all that it found there.
//!
//! Known limitations: blocks are fetched and scanned from the first at every command (`privacy.scanned_per_cpu_s` outputs a second), so that no
//! file of the wallet holds what it received. Proving keys are made anew for every proof, about two seconds.

use super::Outcome;
use super::files::{self, SwapPending};
use super::text::today;
use super::wallet::Place;
use plinth_privacy::circuit::keys::ProvingKey;
use plinth_privacy::field::Nullifier;
use plinth_privacy::note::PoolAsset;
use plinth_privacy::registry::{Day, Registry};
use plinth_privacy::transaction::Transaction;
use plinth_privacy::wallet::draft::{self, Frame, Intent};
use plinth_privacy::wallet::keys::{DepositKey, Seed, SpendingKey};
use plinth_privacy::wallet::{Wallet, keyfile};
use plinth_privacy_zone::client::Client;
use plinth_privacy_zone::wire::Status;
use plinth_types::id::{AssetId, Height};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const ACCOUNT: u32 = 0;
const KEY_FILE_SIZE_MAX: u64 = 4_096;
/// Blocks within which a payment must be in one.
pub(crate) const EXPIRES_BLOCKS: u64 = 64;
/// Between two lines of a long scan.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// The keys of a wallet's folder.
pub(crate) struct Keys {
    pub(crate) spending: SpendingKey,
    pub(crate) deposit: DepositKey,
}

/// A wallet that has scanned all there is.
pub(crate) struct Session {
    pub(crate) keys: Keys,
    pub(crate) wallet: Wallet,
    pub(crate) client: Client,
    pub(crate) status: Status,
}

impl Keys {
    pub(crate) fn of(seed: &Seed) -> Self {
        Self { spending: seed.account(ACCOUNT), deposit: seed.deposit_key(ACCOUNT) }
    }

    pub(crate) fn open(place: &Place) -> Outcome<Self> {
        let file = files::read_bytes(&place.key_file(), KEY_FILE_SIZE_MAX)?;
        Ok(Self::of(&keyfile::open(&file, place.passphrase()?.as_bytes())?))
    }
}

impl Session {
    /// Opens the wallet and scans the zone up to `last`, or all of it.
    pub(crate) fn open(place: &Place, zone: SocketAddr, last: Option<Height>) -> Outcome<Self> {
        let keys = Keys::open(place)?;
        let mut client = Client::connect(zone)?;
        let status = client.status()?;
        let mut wallet = Wallet::new(keys.spending.full_viewing_key());
        scan(&mut wallet, &mut client, last.unwrap_or(status.height))?;
        if last.is_none() && wallet.height() == status.height && wallet.anchor() != status.anchor {
            return Err("the zone's blocks do not lead to its own tree of notes".into());
        }
        for pending in pending(&place.swaps())? {
            let swap: SwapPending = files::read(&pending)?;
            // What has expired holds nothing; a day behind the pool's grace is as good as an expiry.
            if swap.frame.day.number() + 2 > today().number() {
                wallet.hold(&swap.nullifiers, swap.frame.expires);
            }
        }
        Ok(Self { keys, wallet, client, status })
    }

    pub(crate) fn asset(&self, number: u16) -> Outcome<PoolAsset> {
        let asset = AssetId::new(number);
        let known = self.status.assets.iter().find(|known| known.asset == asset);
        let listed = known.and_then(|known| PoolAsset::new(asset, known.eligible));
        listed.ok_or_else(|| format!("the pool has no asset {asset}").into())
    }

    pub(crate) fn frame(&self, blocks: u64) -> Frame {
        let expires = Height::new(self.status.height.get().saturating_add(blocks));
        Frame { pool: self.status.pool, expires, day: self.today() }
    }

    /// Drafts, proves, submits, and waits for the block.
    pub(crate) fn pay(&mut self, intent: &Intent) -> Outcome<Height> {
        let registry = self.client.registry()?;
        let transaction = self.transaction(&registry, intent)?;
        Ok(self.client.submit(transaction)?)
    }

    fn transaction(&mut self, registry: &Registry, intent: &Intent) -> Outcome<Transaction> {
        let frame = self.frame(EXPIRES_BLOCKS);
        let draft = self.wallet.draft(&self.keys.spending, &frame, registry, intent, &mut UnwrapErr(SysRng))?;
        let legs = [(draft.leg().clone(), draft.registry())];
        let skeleton = draft::skeleton(&frame, &legs).ok_or("no such transaction")?;
        let key = ProvingKey::new(frame.pool.circuit)?;
        Ok(draft::finish(&key, skeleton, &[draft], |bytes| self.keys.deposit.sign(bytes))?)
    }

    /// Holds all notes but these, so that a draft can choose no others.
    pub(crate) fn hold_all_but(&mut self, chosen: &[Nullifier]) {
        let others: Vec<_> = self.wallet.nullifiers().filter(|nullifier| !chosen.contains(nullifier)).collect();
        self.wallet.hold(&others, Height::new(u64::MAX));
        self.wallet.hold(chosen, Height::new(0));
    }

    /// By this machine's clock; the pool takes a day more or less.
    fn today(&self) -> Day {
        today()
    }
}

fn scan(wallet: &mut Wallet, client: &mut Client, last: Height) -> Outcome {
    let mut told = Instant::now();
    while wallet.height() < last {
        let blocks = client.blocks(wallet.height().next())?;
        if blocks.is_empty() {
            return Err(format!("the zone has no block {}", wallet.height().next()).into());
        }
        for block in blocks.iter().filter(|block| block.height <= last) {
            wallet.scan(block)?;
        }
        if told.elapsed() >= PROGRESS_INTERVAL {
            told = Instant::now();
            eprintln!("scanned block {} of {last}", wallet.height());
        }
    }
    Ok(())
}

/// Files of swaps that were offered and not settled.
fn pending(folder: &Path) -> Outcome<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>)?;
    let paths = entries.into_iter().map(|entry| entry.path());
    Ok(paths.filter(|path| path.extension().is_some_and(|extension| extension == "pending")).collect())
}
