//! What a wallet takes for the zone's blocks: those that the base layer has settled, whoever shows them.
//!
//! ```text
//!  fact of the base layer: height N, header id, state root       by certificate: whoever asks for it
//!    │ id
//!  header N ──parent──► … ──parent──► header M+1 ──parent──► what was checked before ([`Checked`])
//!    │ body hash
//!  body N, whole ──► by the pool's rules from the state before to the state behind it ──► its note tree is the wallet's
//! ```
//!
//! * [`follow`] believes [`Settled`] alone. Headers, bodies and blocks are the zone's, and each is compared with what the fact commits to, so
//!   whatever the zone does otherwise is an error that names it ([`CheckError`]).
//! * **Checked once.** A wallet that scans from the first block again takes what it checked before without bodies: [`Checked::blocks`] is over all
//!   blocks as wallets are shown them. It holds nothing of the wallet's own.
//! * The state behind the last settled block comes out: assets, registries and credits are then no word of the zone's either.
//!
//! Known limitations: proofs are left out. In a zone of mode `proven` validators have checked them; in an attested one nobody has. What was not
//! checked before is in memory by about 140 bytes a block.

mod error;

pub use error::CheckError;

use crate::block::{Body, header_id, policy};
use crate::client::{Client, ClientError};
use plinth_privacy::pool::block::{Compact, reach};
use plinth_privacy::pool::error::BlockError;
use plinth_privacy::pool::state::PoolState;
use plinth_privacy::wallet::Wallet;
use plinth_types::block::ZoneHeader;
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, ZoneId};
use plinth_types::record;
use sha2::{Digest as _, Sha256};

/// What the base layer has settled of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The zone.
    pub zone: ZoneId,
    /// Its last block that is settled; 0 for none.
    pub height: Height,
    /// The id of that block's header.
    pub id: Digest,
    /// The pool's root behind it.
    pub post_root: Digest,
}

/// What was checked last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The last block; 0 for none.
    pub height: Height,
    /// The id of its header.
    pub id: Digest,
    /// Over all blocks up to it, as wallets are shown them.
    pub blocks: Digest,
}

impl Checked {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
}

record!(Checked { height, id, blocks }, version "version of what a wallet checked");

/// Who shows headers, bodies and blocks. Nothing of it is believed.
pub trait Shows {
    /// Headers from this height on, in order of height; none if there is none.
    fn headers(&mut self, from: Height) -> Result<Vec<ZoneHeader>, ClientError>;
    /// The body of this block; empty if there is none.
    fn body(&mut self, height: Height) -> Result<Vec<u8>, ClientError>;
    /// Blocks without proofs from this height on, in order of height; none if there is none.
    fn blocks(&mut self, from: Height) -> Result<Vec<Compact>, ClientError>;
}

impl Shows for Client {
    fn headers(&mut self, from: Height) -> Result<Vec<ZoneHeader>, ClientError> {
        Self::headers(self, from)
    }

    fn body(&mut self, height: Height) -> Result<Vec<u8>, ClientError> {
        Self::body(self, height)
    }

    fn blocks(&mut self, from: Height) -> Result<Vec<Compact>, ClientError> {
        Self::blocks(self, from)
    }
}

/// Has an empty wallet scan what has settled, and nothing else, up to `last` or all of it. Gives the state behind the last settled block, and what
/// is to be kept for the next time. After an error the wallet is to be dropped.
///
/// # Errors
///
/// [`CheckError`].
pub fn follow(
    zone: &mut impl Shows,
    settled: &Settled,
    before: Checked,
    wallet: &mut Wallet,
    last: Option<Height>,
) -> Result<(PoolState, Checked), CheckError> {
    let links = certified(zone, settled, before)?;
    let first = links.first().ok_or(CheckError::NothingSettled(settled.zone))?.height;
    let mut walk = Walk { wallet: &mut *wallet, last, before, reached: Checked::default() };
    while walk.reached.height.next() < first {
        let from = walk.reached.height;
        for block in &zone.blocks(from.next())? {
            let next = walk.reached.height.next();
            if block.height != next || next == first {
                break;
            }
            walk.take(block)?;
        }
        if walk.reached.height == from {
            return Err(CheckError::Withheld { height: from.next(), settled: settled.height });
        }
    }
    let mut state: Option<PoolState> = None;
    for link in &links {
        let body = zone.body(link.height)?;
        let pre_root = state.as_ref().map_or(link.pre_root, PoolState::root);
        let (behind, block) = link.execute(&body, pre_root, settled.zone)?;
        walk.take(&block)?;
        walk.reached.id = link.id;
        state = Some(behind);
    }
    let (Some(state), reached) = (state, walk.reached) else { return Err(CheckError::NothingSettled(settled.zone)) };
    let (built, in_state) = (wallet.anchor(), state.notes.root());
    if last.is_none() && built != in_state {
        return Err(CheckError::OtherTree { built, settled: in_state });
    }
    Ok((state, reached))
}

/// A block that has settled, by its header.
struct Link {
    height: Height,
    id: Digest,
    parent: Digest,
    body_hash: Digest,
    pre_root: Digest,
    post_root: Digest,
}

/// The blocks behind what was checked before, at least the last settled one, ascending: each is the parent of the next, and the last is the fact's.
fn certified(zone: &mut impl Shows, settled: &Settled, before: Checked) -> Result<Vec<Link>, CheckError> {
    if settled.height < before.height {
        return Err(CheckError::GoesBack { settled: settled.height, checked: before.height });
    }
    if settled.height == before.height && settled.id != before.id {
        return Err(CheckError::Contradiction { height: before.height, certified: settled.id, checked: before.id });
    }
    let first = before.height.next().min(settled.height);
    let (mut links, mut next): (Vec<Link>, _) = (Vec::new(), first.max(Height::new(1)));
    while next <= settled.height {
        let shown = zone.headers(next)?;
        let from = next;
        for header in shown.iter().take_while(|header| header.height <= settled.height) {
            if header.height != next {
                break;
            }
            links.push(Link::of(header));
            next = next.next();
        }
        if next == from {
            return Err(CheckError::Withheld { height: next, settled: settled.height });
        }
    }
    let mut certified = settled.id;
    for link in links.iter().rev() {
        if link.id != certified {
            return Err(CheckError::OtherHeader { height: link.height, shown: link.id, certified });
        }
        certified = link.parent;
    }
    if let Some(last) = links.last().filter(|last| last.post_root != settled.post_root) {
        return Err(CheckError::OtherRoot { height: last.height, header: last.post_root, fact: settled.post_root });
    }
    if first > before.height && certified != before.id {
        return Err(CheckError::Contradiction { height: before.height, certified, checked: before.id });
    }
    Ok(links)
}

impl Link {
    fn of(header: &ZoneHeader) -> Self {
        let ZoneHeader { height, parent, body_hash, pre_root, post_root, .. } = *header;
        Self { height, id: header_id(header), parent, body_hash, pre_root, post_root }
    }

    /// The state behind the block, and the block as wallets are shown it.
    fn execute(&self, bytes: &[u8], pre_root: Digest, zone: ZoneId) -> Result<(PoolState, Compact), CheckError> {
        let height = self.height;
        if bytes.is_empty() {
            return Err(CheckError::WithheldBody(height));
        }
        let shown = Digest(Sha256::digest(bytes).into());
        if shown != self.body_hash {
            return Err(CheckError::OtherBody { height, shown, certified: self.body_hash });
        }
        let Body { block, witness } = Body::decode(bytes).map_err(|error| CheckError::NoBlock { height, error })?;
        let (empty, found) = (policy(&witness.state), witness.state.root());
        if height == Height::new(1) && found != empty {
            return Err(CheckError::Beginning { found, empty });
        }
        let state = reach(pre_root, self.post_root, &block, witness).map_err(|error| CheckError::Rules { height, error })?;
        if state.height != height {
            let error = BlockError::Height { expected: height, received: state.height };
            return Err(CheckError::Rules { height, error });
        }
        if state.id.zone != zone {
            return Err(CheckError::OtherZone(state.id.zone));
        }
        Ok((state, block.compact()))
    }
}

/// A wallet on its way.
struct Walk<'w> {
    wallet: &'w mut Wallet,
    last: Option<Height>,
    before: Checked,
    reached: Checked,
}

impl Walk<'_> {
    fn take(&mut self, block: &Compact) -> Result<(), CheckError> {
        let (blocks, height) = (self.reached.blocks, self.reached.height.next());
        let digest = Sha256::new().chain_update(b"plinth/wallet-blocks/1").chain_update(blocks.0).chain_update(block.to_bytes());
        self.reached = Checked { height, blocks: Digest(digest.finalize().into()), ..self.reached };
        if height == self.before.height && self.reached.blocks != self.before.blocks {
            return Err(CheckError::OtherBlocks(height));
        }
        if self.last.is_none_or(|last| height <= last) {
            self.wallet.scan(block)?;
        }
        Ok(())
    }
}
