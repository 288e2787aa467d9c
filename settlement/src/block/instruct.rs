//! What owners sign besides deposits, what a zone sent, and an exit.

use crate::digest::sha256;
use crate::genesis::{encode_list, read_list};
use crate::keys::SecretKey;
use plinth_types::block::ZoneHeader;
use plinth_types::codec::{Codec, DecodeError, Reader};
use plinth_types::digest::Digest;
use plinth_types::exit::ExitLeaf;
use plinth_types::id::{ChainId, Height, Signature, ZoneId};
use plinth_types::limits::{EXIT_DEPTH_MAX, OUTBOX_MESSAGES_MAX};
use plinth_types::owner::Instruction;
use plinth_types::record;
use plinth_types::transfer::OutboxMessage;

/// An instruction with its owner's signature over [`Instruction::signed_bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedInstruction {
    /// What was signed.
    pub instruction: Instruction,
    /// By its owner.
    pub signature: Signature,
}

/// All messages that one zone block sends, against the outbox root of its header. Nobody signs it: the header did.
///
/// The whole list, not a message with a proof: the list is one hash over its bytes, it has the order of the channels in it, and
/// nobody can bring half of it. A zone that keeps its list back delays only itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxTransaction {
    /// Of which zone.
    pub zone: ZoneId,
    /// Of its block at this height.
    pub height: Height,
    /// In order.
    pub messages: Vec<OutboxMessage>,
}

/// Takes one leaf out of a frozen zone. Nobody signs it: it pays the leaf's owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitTransaction {
    /// Out of which zone.
    pub zone: ZoneId,
    /// What for whom.
    pub leaf: ExitLeaf,
    /// Siblings from the leaf up.
    pub path: Vec<Digest>,
}

impl SignedInstruction {
    /// Signs an instruction of the key's owner.
    #[must_use]
    pub fn sign(instruction: Instruction, chain: ChainId, key: &SecretKey) -> Self {
        Self { instruction, signature: key.sign(&instruction.signed_bytes(chain)) }
    }
}

impl OutboxTransaction {
    /// The messages of the block of this header.
    #[must_use]
    pub fn of(header: &ZoneHeader, messages: Vec<OutboxMessage>) -> Self {
        Self { zone: header.zone, height: header.height, messages }
    }

    /// What the header's outbox root must be.
    #[must_use]
    pub fn root(&self) -> Digest {
        outbox_root(&self.messages)
    }
}

/// Root of the messages that a zone block sends: zero for none, else SHA-256 of [`OutboxMessage::list_bytes`].
#[must_use]
pub fn outbox_root(messages: &[OutboxMessage]) -> Digest {
    if messages.is_empty() { Digest::ZERO } else { sha256(&[&OutboxMessage::list_bytes(messages)]) }
}

/// Root of a tree of exits from one leaf and its path; `None` if the leaf's index has a bit beyond the path.
#[must_use]
pub fn exit_root(chain: ChainId, zone: ZoneId, leaf: &ExitLeaf, path: &[Digest]) -> Option<Digest> {
    if path.len() > EXIT_DEPTH_MAX || leaf.index >> path.len() != 0 {
        return None;
    }
    let leaf_digest = sha256(&[&leaf.hashed_bytes(chain, zone)]);
    let root = path.iter().enumerate().fold(leaf_digest, |digest, (level, sibling)| {
        let (left, right) = if leaf.index >> level & 1 == 0 { (&digest, sibling) } else { (sibling, &digest) };
        sha256(&[ExitLeaf::NODE_DOMAIN, &left.0, &right.0])
    });
    Some(root)
}

/// The root and the paths of a tree of these leaves, whose indexes are their places; as many leaves as a power of two, the missing ones
/// empty.
#[must_use]
pub fn exit_tree(chain: ChainId, zone: ZoneId, leaves: &[ExitLeaf]) -> (Digest, Vec<Vec<Digest>>) {
    let digest = |leaf: &ExitLeaf| sha256(&[&leaf.hashed_bytes(chain, zone)]);
    let mut level: Vec<Digest> = leaves.iter().map(digest).collect();
    level.resize(leaves.len().next_power_of_two(), Digest::ZERO);
    let mut paths = vec![Vec::new(); leaves.len()];
    let mut depth = 0;
    while level.len() > 1 {
        for (index, path) in paths.iter_mut().enumerate() {
            path.push(level[index >> depth ^ 1]);
        }
        level = level.chunks(2).map(|pair| sha256(&[ExitLeaf::NODE_DOMAIN, &pair[0].0, &pair[1].0])).collect();
        depth += 1;
    }
    (level[0], paths)
}

record!(SignedInstruction { instruction, signature });

impl Codec for OutboxTransaction {
    fn encode(&self, out: &mut Vec<u8>) {
        self.zone.encode(out);
        self.height.encode(out);
        encode_list(&self.messages, out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (zone, height) = (Codec::read(reader)?, Codec::read(reader)?);
        Ok(Self { zone, height, messages: read_list(reader, "outbox messages", OUTBOX_MESSAGES_MAX)? })
    }
}

impl Codec for ExitTransaction {
    fn encode(&self, out: &mut Vec<u8>) {
        self.zone.encode(out);
        self.leaf.encode(out);
        encode_list(&self.path, out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (zone, leaf) = (Codec::read(reader)?, Codec::read(reader)?);
        Ok(Self { zone, leaf, path: read_list(reader, "siblings", EXIT_DEPTH_MAX)? })
    }
}
