//! `disperse`: what it costs to put a zone body into the hands of many validators, and to get it back.
//!
//! Everything runs on the code of the zone's link and of the validators, on one thread, in CPU time: the steps of a round follow each
//! other, and each figure is the median over the rounds. Bytes are those of the very frames that the link writes, header, path and
//! length included; what QUIC adds below is not counted. A megabyte is 10⁶ bytes of body.

use crate::cpu_time;
use crate::figures::{Figures, rounded};
use plinth_settlement::block::header_id;
use plinth_settlement::committee::ValidatorCount;
use plinth_settlement::digest::sha256;
use plinth_settlement::dispersal::{BodyCommitment, CheckedShard, Encoded, Layout, ReaderKey, rebuild};
use plinth_settlement::keys::SecretKey;
use plinth_settlement::wire::Request;
use plinth_types::block::{SignedHeader, ZoneHeader};
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, Height, InboxIndex, ProducerEpoch, Seq, TimestampNs, ZoneId};
use plinth_types::limits::BODY_SIZE_MAX;
use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

/// Bytes in front of a frame: its length.
const FRAME_HEAD_SIZE: usize = 4;

/// What `disperse` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct DisperseArgs {
    /// Rounds; each figure is their median
    #[arg(long, default_value_t = 25)]
    rounds: usize,
}

/// Runs; `false` if something did not come back as it went out.
pub(crate) fn run(args: &DisperseArgs, figures: &mut Figures) -> Result<bool, Box<dyn Error>> {
    let cases = [
        (1 << 20, 100, ""),
        (BODY_SIZE_MAX, 100, "_4mib"),
        (1 << 20, 4, "_at_4"),
        (1 << 20, 31, "_at_31"),
        (16 << 10, 4, "_16kib_at_4"),
    ];
    let mut right = true;
    for (size, count, suffix) in cases {
        let case = Case::new(size, ValidatorCount::new(count).ok_or("a number of validators")?);
        let rounds: Vec<Round> = (0..args.rounds.max(1)).map(|_| case.round()).collect::<Result<_, _>>()?;
        right &= rounds.iter().all(|round| round.is_right);
        let median = |step: fn(&Round) -> Duration| {
            let mut times: Vec<f64> = rounds.iter().map(|round| step(round).as_secs_f64()).collect();
            times.sort_unstable_by(f64::total_cmp);
            times[times.len() / 2]
        };
        let megabytes = size as f64 / 1e6;
        let mut rate = |name: &str, seconds: f64| figures.add(format!("disperse.{name}{suffix}"), rounded(megabytes / seconds));
        rate("encipher_mb_per_cpu_s", median(|round| round.encipher));
        rate("encode_mb_per_cpu_s", median(|round| round.encode));
        rate("frames_mb_per_cpu_s", median(|round| round.frames));
        rate("rebuild_mb_per_cpu_s", median(|round| round.rebuild));
        rate("rebuild_parity_mb_per_cpu_s", median(|round| round.rebuild_parity));
        rate("open_mb_per_cpu_s", median(|round| round.open));
        figures
            .add(format!("disperse.encode_hash_share{suffix}"), rounded(median(|round| round.hash) / median(|round| round.encode)));
        figures.add(format!("disperse.check_us_per_shard{suffix}"), rounded(median(|round| round.check) * 1e6 / count as f64));
        let bytes = |frames: usize| rounded(frames as f64 / size as f64);
        let place = if suffix.is_empty() { "_at_100" } else { suffix };
        let frames = case.frame_sizes()?;
        figures.add(format!("disperse.share{place}"), bytes(frames.iter().max().copied().unwrap_or_default()));
        figures.add(format!("disperse.leader_egress{suffix}"), bytes(frames.iter().sum()));
        figures.add(format!("disperse.rebuilder_share{place}"), bytes(case.answers_size()?));
    }
    Ok(right)
}

/// One body and its header, as a busy trading zone makes them: nothing from the inbox, nothing into the outbox.
struct Case {
    header: ZoneHeader,
    body: Vec<u8>,
    reader_key: ReaderKey,
    validators: ValidatorCount,
    layout: Layout,
}

/// CPU time of each step.
struct Round {
    encipher: Duration,
    encode: Duration,
    hash: Duration,
    frames: Duration,
    check: Duration,
    rebuild: Duration,
    rebuild_parity: Duration,
    open: Duration,
    is_right: bool,
}

impl Case {
    fn new(size: usize, validators: ValidatorCount) -> Self {
        // SplitMix64 (Steele, Lea, Flood 2014): a body that no compiler or cache knows.
        let mut state = 7_u64;
        let body = std::iter::repeat_with(|| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)).to_le_bytes()
        });
        let body: Vec<u8> = body.flatten().take(size).collect();
        let root = |name: &[u8]| sha256(&[name]);
        let header = ZoneHeader {
            chain: ChainId::new(7),
            zone: ZoneId::TRADING,
            height: Height::new(1_000_000),
            epoch: ProducerEpoch::new(1),
            parent: root(b"parent"),
            guest_image: Digest::ZERO,
            policy: Digest::ZERO,
            pre_root: root(b"pre"),
            post_root: root(b"post"),
            inbox_index: InboxIndex::new(1_000),
            inbox_root: Digest::ZERO,
            outbox_root: Digest::ZERO,
            outbox_totals: Vec::new(),
            inbox_refused: Vec::new(),
            exit_root: Digest::ZERO,
            body_hash: sha256(&[&body]),
            body_size: size as u32,
            body_key: Digest::ZERO,
            shard_root: Digest::ZERO,
            first_seq: Seq::new(1 << 40),
            last_seq: Seq::new((1 << 40) + 10_000),
            time: TimestampNs::new(1_777_680_000_123_456_789),
            command_count: 10_000,
            trade_count: 4_000,
        };
        let layout = Layout::new(size, validators).expect("a body of a legal size");
        Self { header, body, reader_key: ReaderKey::new([7; 32]), validators, layout }
    }

    fn round(&self) -> Result<Round, Box<dyn Error>> {
        let key = self.reader_key.body_key(&self.header);
        let (ciphertext, encipher) = timed(|| key.close(self.header.height, &self.body));
        let ciphertext = ciphertext.into();
        let (encoded, encode) = timed(|| Encoded::new(&ciphertext, self.validators));
        let encoded = encoded?;
        let count = self.validators.get();
        let (frames, writing) = timed(|| (0..count).map(|index| encoded.shard(index)).collect::<Option<Vec<_>>>());
        let frames = frames.ok_or("a shard for each validator")?;
        // What the coding hashes: every shard once. The tree above them is a hundredth of that.
        let (_, hash) = timed(|| frames.iter().map(|frame| sha256(&[frame])).fold(0_u8, |sum, digest| sum ^ digest.0[0]));
        let root = encoded.root();
        let (checked, check) = timed(|| {
            let check = |(index, frame)| CheckedShard::check(&self.layout, root, index, frame);
            (0..count).zip(frames).map(check).collect::<Result<Vec<_>, _>>()
        });
        let checked = checked?;
        let needed = self.layout.shards_min();
        let (rebuilt, from_data) = timed(|| rebuild(&self.layout, &checked[..needed]));
        let (from_others, from_parity) = timed(|| rebuild(&self.layout, &checked[checked.len() - needed..]));
        let (rebuilt, from_others) = (rebuilt?, from_others?);
        let commitment = BodyCommitment { key: key.commitment(), shard_root: root, ..BodyCommitment::of(&self.header) };
        let (opened, open) = timed(|| key.open(&commitment, &rebuilt));
        let is_right = rebuilt == from_others && opened? == self.body;
        let (rebuild, rebuild_parity) = (from_data, from_parity);
        Ok(Round { encipher, encode, hash, frames: writing, check, rebuild, rebuild_parity, open, is_right })
    }

    fn encoded(&self) -> Result<(ZoneHeader, Encoded), Box<dyn Error>> {
        let key = self.reader_key.body_key(&self.header);
        let encoded = Encoded::new(&key.close(self.header.height, &self.body).into(), self.validators)?;
        let header = ZoneHeader { body_key: key.commitment(), shard_root: encoded.root(), ..self.header.clone() };
        Ok((header, encoded))
    }

    /// Bytes of the frame that each validator is sent.
    fn frame_sizes(&self) -> Result<Vec<usize>, Box<dyn Error>> {
        let (header, encoded) = self.encoded()?;
        let signature = SecretKey::from_seed([7; 32]).sign(&header.signed_bytes());
        let signed = Box::new(SignedHeader { header, signature });
        let size = |index| {
            let shard = encoded.shard(index).ok_or("a shard for each validator")?;
            Ok(FRAME_HEAD_SIZE + Request::Submit(signed.clone(), shard).to_frame().len())
        };
        (0..self.validators.get()).map(size).collect()
    }

    /// Bytes that one of the f+1 validators whose turn it is receives to rebuild the body: f shards, each in a message.
    fn answers_size(&self) -> Result<usize, Box<dyn Error>> {
        let (header, encoded) = self.encoded()?;
        let id = header_id(&header);
        let size = |index| {
            let shard = encoded.shard(index).ok_or("a shard for each validator")?;
            Ok::<_, Box<dyn Error>>(
                FRAME_HEAD_SIZE + plinth_settlement::dispersal::Message::Answer(id, Some(shard)).to_bytes().len(),
            )
        };
        (1..self.validators.rebuild_min()).map(size).sum()
    }
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let started = cpu_time::thread();
    let result = black_box(run());
    (result, cpu_time::thread() - started)
}
