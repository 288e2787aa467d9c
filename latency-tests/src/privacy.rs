//! `privacy`: what a private transaction costs to prove, to check and to find, in CPU time on one thread, beside Zcash's Orchard circuit with two
//! actions (the same two notes in, two notes out; one asset, no registry, no auditor) in the same run.
//!
//! Every transaction is a real one: a firm's shielding of its own deposit, with its own proof, through the pool's rules into a block that is
//! checked without state. All join-splits are of one circuit, so a transfer costs the same. CPU is of the whole process, which does
//! nothing else; proofs are made and checked on pools of one thread.

use crate::cpu_time;
use crate::figures::{Figures, rounded};
use crate::state::peak_kib;
use ed25519_dalek::{Signer, SigningKey};
use orchard::builder::{Builder, BundleType};
use orchard::bundle::{Authorized, BatchValidator, BundleVersion, Flags, TxVersion};
use orchard::circuit::{OrchardCircuitVersion, ProvingKey as OrchardKey};
use orchard::keys::{FullViewingKey, Scope, SpendingKey};
use orchard::value::NoteValue;
use orchard::{Anchor, Bundle};
use plinth_privacy::circuit::keys::{CircuitVersion, PROOF_SIZE, ProvingKey};
use plinth_privacy::limits::BATCH_PROOFS_MAX;
use plinth_privacy::note::{Eligibility, Jurisdiction, PoolAsset, Value};
use plinth_privacy::pool::batch::{SenderId, Verifier};
use plinth_privacy::pool::block::check;
use plinth_privacy::pool::directive::{Directive, SignedDirective};
use plinth_privacy::pool::state::PoolState;
use plinth_privacy::pool::{Draft as BlockDraft, Pool, Sealed};
use plinth_privacy::registry::{Day, Registration, Registry};
use plinth_privacy::transaction::{PoolId, Transaction};
use plinth_privacy::wallet::Wallet;
use plinth_privacy::wallet::draft::{self, Frame, Intent};
use plinth_privacy::wallet::keys::{Seed, SpendingKey as PoolSpendingKey};
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, ChainId, Height, InboxIndex, PublicKey, Signature, TimestampNs, ZoneId};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::transfer::{Address, Party};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use std::error::Error;
use std::time::Duration;

/// What `privacy` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct PrivacyArgs {
    /// Transactions with a proof of their own; a full batch is 64
    #[arg(long, default_value_t = BATCH_PROOFS_MAX)]
    transactions: usize,
    /// Leave Orchard out
    #[arg(long)]
    no_orchard: bool,
}

const ASSET: AssetId = AssetId::new(1);
const TODAY: u32 = 20_000;
const NOW: TimestampNs = TimestampNs::new(20_000 * 86_400_000_000_000);
const ORCHARD_PROOFS: usize = 4;
const SCAN_ROUNDS: usize = 64;

/// Runs.
pub(crate) fn run(args: &PrivacyArgs, figures: &mut Figures) -> Result<bool, Box<dyn Error>> {
    measure(args, figures).map_err(|error| error as Box<dyn Error>)
}

/// Its errors cross threads.
fn measure(args: &PrivacyArgs, figures: &mut Figures) -> Result<bool, Box<dyn Error + Send + Sync>> {
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let (key, keygen) = timed(|| one_thread.install(|| ProvingKey::new(CircuitVersion::V1)));
    let key = key?;
    figures.add("privacy.keygen_cpu_s", rounded(keygen.as_secs_f64()));
    let verifier = Verifier::new(key.verifying_key(), 1)?;
    let mut bench = Bench::new(&verifier)?;

    let count = args.transactions.clamp(1, BATCH_PROOFS_MAX);
    bench.deposit(&verifier, count)?;
    let mut proving = Vec::with_capacity(count);
    let mut transactions = Vec::with_capacity(count);
    for index in 0..count {
        let (transaction, spent) = one_thread.install(|| bench.shield(&key, index))?;
        proving.push(spent);
        transactions.push(transaction);
    }
    figures.add("privacy.prove_cpu_s", rounded(median(proving).as_secs_f64()));
    figures.add("privacy.proof_bytes", PROOF_SIZE);
    figures.add("privacy.transaction_bytes", transactions[0].to_bytes().len());
    figures.add("privacy.peak_memory_mb", peak_kib()? / 1_024);

    let claims: Vec<_> = transactions.iter().flat_map(Transaction::claims).collect();
    let (bad, alone) = timed(|| verifier.bad_claims(&claims[..1]));
    figures.add("privacy.verify_ms", rounded(milliseconds(alone)));
    let (bad_in_batch, batch) = timed(|| verifier.bad_claims(&claims));
    let each = milliseconds(batch) / count as f64;
    figures.add(format!("privacy.batch{count}_verify_ms"), rounded(each));
    let mut forged = claims.clone();
    forged[count / 2].0.day = Day::new(1);
    let (found, search) = timed(|| verifier.bad_claims(&forged));
    figures.add(format!("privacy.batch{count}_find_bad_ms"), rounded(milliseconds(search)));

    let (sealed, admitted) = timed(|| bench.seal(&verifier, transactions));
    let sealed = sealed?;
    figures.add("privacy.admitted_per_cpu_s", rounded(count as f64 / admitted.as_secs_f64()));
    let bytes = sealed.witness.to_bytes().len();
    figures.add("privacy.block_witness_bytes", bytes);
    let (checked, checking) =
        timed(|| check(|| &verifier, sealed.pre_root, sealed.post_root, &sealed.block, sealed.witness.clone()));
    figures.add("privacy.checked_per_cpu_s", rounded(count as f64 / checking.as_secs_f64()));
    figures.add("privacy.scanned_per_cpu_s", rounded(scan(&sealed)));

    let mut right = bad.is_empty() && bad_in_batch.is_empty() && found == [count / 2];
    right &= checked.is_ok() && sealed.refused.is_empty();
    if !args.no_orchard {
        let orchard = one_thread.install(|| Orchard::measure(count))?;
        figures.add("privacy.orchard_prove_cpu_s", rounded(orchard.prove.as_secs_f64()));
        figures.add("privacy.orchard_proof_bytes", orchard.proof_bytes);
        figures.add(format!("privacy.orchard_batch{count}_verify_ms"), rounded(orchard.batch_each_ms));
        right &= orchard.accepted;
    }
    Ok(right)
}

/// One firm, its registration, a pool.
struct Bench {
    pool: Pool,
    registry: Registry,
    key: PoolSpendingKey,
    wallet: Wallet,
    owner: SigningKey,
}

impl Bench {
    fn new(verifier: &Verifier) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let key = Seed::new([1; 32]).account(0);
        let wallet = Wallet::new(key.full_viewing_key());
        let owner = SigningKey::from_bytes(&[9; 32]);
        let jurisdiction = Jurisdiction::new(0).ok_or("a jurisdiction")?;
        let mut registry = Registry::default();
        registry.add(Registration {
            owner: wallet.key().owner(),
            audit_key: wallet.key().audit_key(),
            expires: Day::new(TODAY + 1),
            jurisdiction,
        })?;
        let id = PoolId { chain: ChainId::new(1), zone: ZoneId::new(2), generation: 1, circuit: CircuitVersion::V1 };
        let public = PublicKey(owner.verifying_key().to_bytes());
        let mut bench = Self { pool: Pool::new(PoolState::genesis(id, public, public)), registry, key, wallet, owner };
        let directives = [Directive::Registry(bench.registry.root()), Directive::List(ASSET, Eligibility::ALL)];
        let directives = (1..).zip(directives).map(|(number, directive)| {
            let signature = bench.sign(&SignedDirective::signed_bytes(id, number, directive));
            SignedDirective { number, directive, signature }
        });
        let draft = BlockDraft { time: NOW, directives: directives.collect(), ..BlockDraft::default() };
        let sealed = bench.pool.seal(verifier, draft)?;
        bench.wallet.scan(&sealed.block.compact())?;
        Ok(bench)
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        Signature(self.owner.sign(bytes).to_bytes())
    }

    fn deposit(&mut self, verifier: &Verifier, count: usize) -> Result<(), Box<dyn Error + Send + Sync>> {
        let message = |index: u64| InboxMessage {
            zone: ZoneId::new(2),
            index: InboxIndex::new(index),
            id: Digest([index as u8; 32]),
            from: Party::owner(PublicKey(self.owner.verifying_key().to_bytes())),
            channel_seq: index,
            kind: InboxKind::Transfer,
            asset: ASSET,
            amount: Value::new(100).amount(),
            account: Address::of_owner(PublicKey(self.owner.verifying_key().to_bytes())),
        };
        let arrivals = (1..=count as u64).map(message).collect();
        let sealed = self.pool.seal(verifier, BlockDraft { time: NOW, arrivals, ..BlockDraft::default() })?;
        self.wallet.scan(&sealed.block.compact())?;
        Ok(())
    }

    /// A shielding transaction, and what its proof took.
    fn shield(&mut self, key: &ProvingKey, index: usize) -> Result<(Transaction, Duration), Box<dyn Error + Send + Sync>> {
        let asset = PoolAsset::new(ASSET, Eligibility::ALL).ok_or("an asset")?;
        let credit = Digest([index as u8 + 1; 32]);
        let frame = Frame { pool: self.pool.state().id, expires: Height::new(1_000), day: Day::new(TODAY) };
        let intent = Intent::Shield { asset, value: Value::new(100), credit };
        let draft = self.wallet.draft(&self.key, &frame, &self.registry, &intent, &mut UnwrapErr(SysRng))?;
        let skeleton = draft::skeleton(&frame, &[(draft.leg().clone(), draft.registry())]).ok_or("one leg")?;
        let (transaction, spent) = timed(|| draft::finish(key, skeleton, &[draft], |bytes| self.sign(bytes)));
        Ok((transaction?, spent))
    }

    fn seal(&mut self, verifier: &Verifier, transactions: Vec<Transaction>) -> Result<Sealed, Box<dyn Error + Send + Sync>> {
        let candidates = transactions.into_iter().map(|transaction| (SenderId(1), transaction)).collect();
        Ok(self.pool.seal(verifier, BlockDraft { time: NOW, candidates, ..BlockDraft::default() })?)
    }
}

/// Outputs that a wallet looks at in a second of CPU and finds not its own.
fn scan(sealed: &Sealed) -> f64 {
    let stranger = Seed::new([200; 32]).account(0).full_viewing_key().incoming();
    let mut outputs = 0;
    let (found, spent) = timed(|| {
        let mut found = 0;
        for _ in 0..SCAN_ROUNDS {
            for leg in sealed.block.transactions.iter().flat_map(|transaction| &transaction.skeleton.legs) {
                found += leg.notes.receive(&stranger, &leg.commitments).count();
                outputs += leg.commitments.len();
            }
        }
        found
    });
    assert_eq!(found, 0, "nothing was sent to the stranger");
    outputs as f64 / spent.as_secs_f64()
}

/// Zcash's circuit, two actions, outputs with dummy spends: the circuit does not tell them apart.
struct Orchard {
    prove: Duration,
    proof_bytes: usize,
    batch_each_ms: f64,
    accepted: bool,
}

impl Orchard {
    fn measure(batch: usize) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let key = OrchardKey::build(OrchardCircuitVersion::PostNu6_3);
        let mut proving = Vec::new();
        let mut bundles = Vec::new();
        for _ in 0..ORCHARD_PROOFS {
            let (bundle, spent) = Self::bundle(&key)?;
            proving.push(spent);
            bundles.push(bundle);
        }
        let verifying = key.verifying_key();
        let mut validator = BatchValidator::new(&verifying);
        for index in 0..batch {
            let bundle = &bundles[index % bundles.len()];
            let hash = bundle.commitment(TxVersion::V6).map_err(|error| format!("{error:?}"))?.into();
            validator.add_bundle(bundle, hash).map_err(|error| format!("{error:?}"))?;
        }
        let (accepted, spent) = timed(|| validator.validate(UnwrapErr(SysRng)));
        Ok(Self {
            prove: median(proving),
            proof_bytes: bundles[0].authorization().proof().as_ref().len(),
            batch_each_ms: milliseconds(spent) / batch as f64,
            accepted,
        })
    }

    fn bundle(key: &OrchardKey) -> Result<(Bundle<Authorized, i64>, Duration), Box<dyn Error + Send + Sync>> {
        let spender = Option::<SpendingKey>::from(SpendingKey::from_bytes([7; 32])).ok_or("a key")?;
        let to = FullViewingKey::from(&spender).address_at(0_u32, Scope::External);
        let version = BundleVersion::ironwood_v3();
        let mut builder = Builder::new(BundleType::DEFAULT, version, Flags::SPENDS_DISABLED, Anchor::empty_tree())
            .map_err(|error| format!("{error:?}"))?;
        for _ in 0..2 {
            builder.add_output(None, to, NoteValue::from_raw(100), [0; 512]).map_err(|error| format!("{error:?}"))?;
        }
        let built = builder.build::<i64>(UnwrapErr(SysRng)).map_err(|error| format!("{error:?}"))?;
        let (unproven, _) = built.ok_or("two outputs")?;
        let hash = unproven.commitment(TxVersion::V6).map_err(|error| format!("{error:?}"))?.into();
        let (proven, spent) = timed(|| unproven.create_proof(key, UnwrapErr(SysRng)));
        let proven = proven.map_err(|error| format!("{error:?}"))?;
        let bundle = proven.apply_signatures(UnwrapErr(SysRng), hash, &[]).map_err(|error| format!("{error:?}"))?;
        Ok((bundle, spent))
    }
}

/// A result and the CPU time that the process spent on it.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let before = cpu_time::process();
    let result = work();
    (result, cpu_time::process() - before)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
