//! An open wallet: its keys, the zone, and all that it found there.
//!
//! With `--validator` it believes no zone: what has settled is checked ([`plinth_privacy_zone::settled`]) and is all that it has and pays from. Of blocks
//! behind, it takes the zone's word for what of its own is spent in them, which can keep a note back and nothing else.
//!
//! Known limitations: blocks are fetched and scanned from the first at every command (`privacy.scanned_per_cpu_s` outputs a second), so that no
//! file of the wallet holds what it received. Proving keys are made anew for every proof, about two seconds.

use super::Outcome;
use super::files::{self, SwapPending};
use super::text::today;
use super::wallet::{Place, Zone};
use plinth_privacy::circuit::keys::ProvingKey;
use plinth_privacy::field::Nullifier;
use plinth_privacy::note::PoolAsset;
use plinth_privacy::pool::state::PoolState;
use plinth_privacy::registry::{Day, Registry};
use plinth_privacy::transaction::Transaction;
use plinth_privacy::wallet::draft::{self, Frame, Intent};
use plinth_privacy::wallet::keys::{DepositKey, Seed, SpendingKey};
use plinth_privacy::wallet::{Wallet, keyfile};
use plinth_privacy_zone::client::Client;
use plinth_privacy_zone::limits::{SETTLED_PATIENCE, UNSETTLED_BLOCKS_MAX};
use plinth_privacy_zone::settled::{Checked, Settled, follow};
use plinth_privacy_zone::wire::{AssetStatus, Status, WaitingCredit};
use plinth_types::codec::Codec as _;
use plinth_types::id::{AssetId, Height};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const ACCOUNT: u32 = 0;
const KEY_FILE_SIZE_MAX: u64 = 4_096;
/// Blocks within which a payment must be in one.
pub(crate) const EXPIRES_BLOCKS: u64 = 64;
/// Between two questions whether the zone has heard of what is settled.
const ASK_AGAIN_DELAY: Duration = Duration::from_millis(200);
/// Between two lines of a long scan.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// The keys of a wallet's folder.
pub(crate) struct Keys {
    pub(crate) spending: SpendingKey,
    pub(crate) deposit: DepositKey,
}

/// A wallet that has scanned all there is; of a zone that it does not believe, what has settled.
pub(crate) struct Session {
    pub(crate) keys: Keys,
    pub(crate) wallet: Wallet,
    pub(crate) client: Client,
    /// The zone's word. Where settled blocks were checked: pool, height, anchor and assets are what has settled.
    pub(crate) status: Status,
    /// The state behind the last settled block, where it was checked.
    settled: Option<PoolState>,
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
    /// Opens the wallet and scans the zone up to `last`, or all of it; where validators are named, what has settled, checked against their fact.
    pub(crate) fn open(place: &Place, zone: &Zone, last: Option<Height>) -> Outcome<Self> {
        let keys = Keys::open(place)?;
        let fact = zone.light.settled(place)?;
        let mut client = Client::connect(zone.address)?;
        let mut wallet = Wallet::new(keys.spending.full_viewing_key());
        let (status, settled) = match fact {
            Some(fact) => {
                let state = checked(place, &mut wallet, &mut client, &fact, last)?;
                (of_settled(client.status()?, &state)?, Some(state))
            }
            None => (believed(&mut wallet, &mut client, last)?, None),
        };
        for pending in pending(&place.swaps())? {
            let swap: SwapPending = files::read(&pending)?;
            // What has expired holds nothing; a day behind the pool's grace is as good as an expiry.
            if swap.frame.day.number() + 2 > today().number() {
                wallet.hold(&swap.nullifiers, swap.frame.expires);
            }
        }
        Ok(Self { keys, wallet, client, status, settled })
    }

    /// The registry that the zone shows, if it is one of the pool's.
    pub(crate) fn registry(&mut self) -> Outcome<Registry> {
        let registry = self.client.registry()?;
        match &self.settled {
            Some(state) if !state.registries.contains(&registry.root()) => {
                Err("the zone shows a registry that has not settled".into())
            }
            Some(_) | None => Ok(registry),
        }
    }

    /// What waits to be shielded by this wallet.
    pub(crate) fn credits(&mut self) -> Outcome<Vec<WaitingCredit>> {
        let owner = self.keys.deposit.public();
        let Some(state) = &self.settled else { return Ok(self.client.credits(owner)?) };
        let mine = state.credits.iter().filter(|(_, credit)| credit.owner == owner);
        Ok(mine.map(|(&id, credit)| WaitingCredit { id, asset: credit.asset, value: credit.value }).collect())
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
        let registry = self.registry()?;
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

/// Scans whatever the zone shows; its own tree is all that it is compared with.
fn believed(wallet: &mut Wallet, client: &mut Client, last: Option<Height>) -> Outcome<Status> {
    let status = client.status()?;
    scan(wallet, client, last.unwrap_or(status.height))?;
    if last.is_none() && wallet.height() == status.height && wallet.anchor() != status.anchor {
        return Err("the zone's blocks do not lead to its own tree of notes".into());
    }
    Ok(status)
}

/// Scans what has settled, and holds back what the zone says is spent in blocks behind it. Gives the state behind the last settled block.
fn checked(place: &Place, wallet: &mut Wallet, client: &mut Client, fact: &Settled, last: Option<Height>) -> Outcome<PoolState> {
    let path = place.checked(fact.zone);
    let before = if path.exists() { files::read(&path)? } else { Checked::default() };
    // The zone hears of what is settled a moment later than validators.
    let asked = Instant::now();
    while client.status()?.settled < fact.height && asked.elapsed() < SETTLED_PATIENCE {
        std::thread::sleep(ASK_AGAIN_DELAY);
    }
    let (state, reached) = follow(client, fact, before, wallet, last)?;
    if reached != before {
        files::replace(&path, &reached.to_bytes())?;
    }
    let mut unsettled = 0;
    while unsettled < UNSETTLED_BLOCKS_MAX {
        let blocks = client.blocks(Height::new(fact.height.get() + unsettled + 1))?;
        if blocks.is_empty() {
            break;
        }
        for leg in blocks.iter().flat_map(|block| &block.transactions).flat_map(|transaction| &transaction.legs) {
            wallet.hold(&leg.nullifiers, Height::new(u64::MAX));
        }
        unsettled += blocks.len() as u64;
    }
    let behind = if unsettled == 0 { String::new() } else { format!("; {unsettled} more are not settled") };
    eprintln!("checked up to block {}, settled{behind}", fact.height);
    Ok(state)
}

/// What the zone says of itself, with what has settled in its place.
fn of_settled(status: Status, state: &PoolState) -> Outcome<Status> {
    if status.pool != state.id {
        return Err("the zone says that it has another pool than the one whose blocks have settled".into());
    }
    let assets = state.assets.iter().map(|(&asset, known)| AssetStatus {
        asset,
        eligible: known.eligible,
        total: known.total,
        frozen: known.frozen,
    });
    Ok(Status { height: state.height, anchor: state.notes.root(), assets: assets.collect::<Vec<_>>().into(), ..status })
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
