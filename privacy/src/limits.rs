//! Every bound of the privacy zone, by name. What is a parameter of the circuit can only change together with its version.

/// Levels of the note tree: a pool holds at most `2^NOTE_TREE_DEPTH` notes in its life.
pub const NOTE_TREE_DEPTH: usize = 32;
/// Levels of the registry.
pub const REGISTRY_DEPTH: usize = 20;
/// Holders that the registry has room for: each has two leaves.
pub const HOLDERS_MAX: usize = 1 << (REGISTRY_DEPTH - 1);
/// Bits of an amount inside the pool.
pub const VALUE_BITS: usize = 64;
/// Bits of an asset's number.
pub const ASSET_ID_BITS: usize = 16;
/// Jurisdictions that the circuit tells apart: one bit each in an asset's terms and in a registration.
pub const JURISDICTIONS_MAX: usize = 16;
/// Bits of a day number.
pub const DAY_BITS: usize = 32;
/// Notes spent and notes made by one join-split.
pub const NOTES_PER_SIDE: usize = 2;
/// Owners that a join-split names: the spender and the owners of both outputs.
pub const HOLDERS: usize = 1 + NOTES_PER_SIDE;
/// Words of the auditor's ciphertext: asset with both amounts, and the owner of each output.
pub const AUDIT_WORDS: usize = 1 + NOTES_PER_SIDE;
/// Join-splits that one transaction binds together.
pub const LEGS_MAX: usize = 8;
/// Transactions in one privacy block.
pub const BLOCK_TRANSACTIONS_MAX: usize = 256;
/// Inbox messages that one privacy block may take in.
pub const BLOCK_CREDITS_MAX: usize = 256;
/// Payments to the base layer by one privacy block: as many as a header may have assets, so they may all differ.
pub const BLOCK_PAYOUTS_MAX: usize = plinth_types::limits::HEADER_ASSETS_MAX;
/// Credits that wait for their shielding transaction; all of them stand in the state that a block carries.
pub const CREDITS_WAITING_MAX: usize = 1_024;
/// Roots of the note tree that a proof may still name: one a block.
pub const ANCHORS_MAX: usize = 128;
/// Roots of the registry that a proof may still name. Short, because it is how long a revoked holder can still act.
pub const REGISTRY_ROOTS_MAX: usize = 4;
/// Assets of one pool.
pub const ASSETS_MAX: usize = 1_024;
/// Days by which a proof's day may be behind or ahead of the pool's.
pub const DAY_GRACE: u32 = 1;
/// Directives of registrar and controller in one block.
pub const BLOCK_DIRECTIVES_MAX: usize = 64;
/// Bytes of a memo in an encrypted note.
pub const MEMO_SIZE: usize = 32;
/// Proofs in one batch of the verifier.
pub const BATCH_PROOFS_MAX: usize = 64;
/// Bad proofs that a sender may submit before its transactions are refused unseen until the next window.
pub const BAD_PROOFS_PER_SENDER_MAX: u32 = 3;
/// Branches on one path of the nullifier trie: a key has 256 bits.
pub const NULLIFIER_DEPTH_MAX: usize = 256;
/// Nodes of a nullifier witness.
pub const NULLIFIER_WITNESS_NODES_MAX: usize = 2 * NULLIFIER_DEPTH_MAX * NOTES_PER_SIDE * BLOCK_TRANSACTIONS_MAX;

const _: () =
    assert!(JURISDICTIONS_MAX + ASSET_ID_BITS + 2 * VALUE_BITS <= 250, "asset and both amounts fit one word for the auditor");
const _: () = assert!(BLOCK_PAYOUTS_MAX <= plinth_types::limits::OUTBOX_MESSAGES_MAX, "an outbox holds them");
const _: () =
    assert!(BLOCK_CREDITS_MAX <= plinth_types::limits::HEADER_REFUSED_MAX, "a header may refuse all that a block consumes");
const _: () = assert!(LEGS_MAX <= BLOCK_PAYOUTS_MAX, "any transaction fits some block");
const _: () = assert!(BATCH_PROOFS_MAX >= LEGS_MAX, "a transaction is checked in one batch");
