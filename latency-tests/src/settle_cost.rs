//! What a settlement block costs a validator's ledger, on the pure path: checking a block with its signatures, applying it, proposing the
//! next one on top. CPU time of one thread, rounds interleaved, medians.
//!
//! * `settle.cost_per_block_ratio`: zone blocks of ten times as many commands. A settlement block carries headers only, so 1 is expected.
//! * `settle.three_zones_ratio`: three zones, a header of each in every settlement block, to one zone.

use crate::cpu_time;
use crate::figures::{Figures, rounded};
use plinth_settlement::block::{HeaderTransaction, Transaction, header_id};
use plinth_settlement::body::inbox_root;
use plinth_settlement::genesis::{ChainLimits, Draft, GenesisZone, Governance, ZoneMode, ZoneRules};
use plinth_settlement::keys::SecretKey;
use plinth_settlement::ledger::{OneByOne, State};
use plinth_settlement::receipt::{BodyStatement, Word};
use plinth_types::block::{SignedHeader, ZoneHeader};
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, Height, InboxIndex, ProducerEpoch, Seq, TimestampNs, ZoneId};
use plinth_types::reference::Name;
use std::error::Error;
use std::sync::Arc;

const CHAIN: ChainId = ChainId::new(7);
const VALIDATORS: u8 = 4;
const RECEIPTS: usize = 3;
/// Settlement blocks of one round.
const BLOCKS: u64 = 96;
const ROUNDS: usize = 9;
/// Commands of a small zone block.
const COMMANDS: u32 = 50;

/// Adds the figures.
pub(crate) fn run(figures: &mut Figures) -> Result<(), Box<dyn Error>> {
    let setups = [(1, COMMANDS), (1, 10 * COMMANDS), (3, COMMANDS)];
    let mut times: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        for (times, (zones, commands)) in times.iter_mut().zip(setups) {
            times.push(round(zones, commands)?);
        }
    }
    let [small, large, three] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    figures.add("settle.cost_per_block_us", rounded(small));
    figures.add("settle.cost_per_block_ratio", rounded(large / small));
    figures.add("settle.three_zones_ratio", rounded(three / small));
    Ok(())
}

/// Microseconds of CPU time of one settlement block.
fn round(zones: u16, commands: u32) -> Result<f64, Box<dyn Error>> {
    let secret = |kind: u8, index: u8| {
        let mut seed = [kind; 32];
        seed[1] = index;
        SecretKey::from_seed(seed)
    };
    let mut validators: Vec<SecretKey> = (0..VALIDATORS).map(|index| secret(1, index)).collect();
    validators.sort_by_key(SecretKey::public_key);
    let producers: Vec<SecretKey> = (1..=zones).map(|zone| secret(2, zone as u8)).collect();
    let zone = |(number, producer): (u16, &SecretKey)| {
        Ok::<_, Box<dyn Error>>(GenesisZone {
            id: ZoneId::new(number),
            name: Name::new(&format!("zone-{number}")).ok_or("a name")?,
            producer: producer.public_key(),
            epoch: ProducerEpoch::new(1),
            mode: ZoneMode::Attested { delay_blocks: 2 },
            rules: ZoneRules::default(),
        })
    };
    let genesis = Draft {
        chain: CHAIN,
        time: TimestampNs::new(0),
        validators: validators.iter().map(SecretKey::public_key).collect(),
        zones: (1..).zip(&producers).map(zone).collect::<Result<_, _>>()?,
        assets: Vec::new(),
        limits: ChainLimits::default(),
        governance: Governance::default(),
        requests: None,
    };
    let mut state = State::genesis(Arc::new(genesis.build()?));
    let mut last: Vec<Option<ZoneHeader>> = vec![None; producers.len()];
    let mut used = 0.0;
    for number in 1..=BLOCKS {
        let mut transactions = Vec::new();
        for (index, producer) in producers.iter().enumerate() {
            let header = next_header(ZoneId::new(index as u16 + 1), last[index].as_ref(), commands);
            let statement = BodyStatement::of(&header, header_id(&header));
            let receipts = (0_u16..)
                .zip(&validators[..RECEIPTS])
                .map(|(index, key)| statement.sign(Word::ShardChecked { index, count: u16::from(VALIDATORS) }, key).receipt)
                .collect();
            let signed = SignedHeader { signature: producer.sign(&header.signed_bytes()), header: header.clone() };
            transactions.push(Transaction::Header(Box::new(HeaderTransaction { signed, receipts })));
            last[index] = Some(header);
        }
        let started = cpu_time::thread();
        let block = state.propose(TimestampNs::new(number), transactions);
        let checked = state.check(&block, &mut OneByOne::default())?;
        let _outcome = state.apply(checked);
        used += (cpu_time::thread() - started).as_secs_f64();
    }
    Ok(used * 1e6 / BLOCKS as f64)
}

/// Of a body that nobody wrote: the ledger sees headers only.
fn next_header(zone: ZoneId, last: Option<&ZoneHeader>, commands: u32) -> ZoneHeader {
    let first_seq = last.map_or(Seq::new(1), |last| last.last_seq.next());
    let last_seq = Seq::new(first_seq.get() + u64::from(commands) - 1);
    ZoneHeader {
        chain: CHAIN,
        zone,
        height: last.map_or(Height::new(1), |last| last.height.next()),
        epoch: ProducerEpoch::new(1),
        parent: last.map_or(Digest::ZERO, header_id),
        guest_image: Digest::ZERO,
        policy: Digest([1; 32]),
        pre_root: last.map_or(Digest([2; 32]), |last| last.post_root),
        post_root: Digest([2; 32]),
        inbox_index: InboxIndex::new(0),
        inbox_root: inbox_root([]),
        outbox_root: Digest::ZERO,
        outbox_totals: Vec::new(),
        inbox_refused: Vec::new(),
        exit_root: Digest::ZERO,
        body_hash: Digest([3; 32]),
        body_size: commands * 128,
        body_key: Digest([5; 32]),
        shard_root: Digest([4; 32]),
        first_seq,
        last_seq,
        time: TimestampNs::new(last_seq.get()),
        command_count: commands,
        trade_count: 0,
    }
}
