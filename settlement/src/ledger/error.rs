//! Why a block, or one transaction of it, is refused.

use super::zone::Overdrawn;
use crate::genesis::{DECIMALS_MAX, ZoneRulesError};
use crate::keys::SignatureError;
use crate::ledger::{AuthorityError, CommitteeError, Signer};
use crate::limits::ASSETS_MAX;
use crate::receipt::QuorumError;
use crate::store::StoreParameters;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, ChainId, Height, InboxIndex, ProducerEpoch, PublicKey, Seq, TimestampNs, ZoneId};
use plinth_types::limits::{BODY_COMMANDS_MAX, BODY_SIZE_MAX};
use plinth_types::quantity::Amount;
use plinth_types::reference::Name;

/// Why a block is no child of this state. In the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// Larger than the chain allows.
    #[error("a block of {size} bytes, at most {size_max} are allowed")]
    Size {
        /// Bytes of the block.
        size: usize,
        /// The chain's bound.
        size_max: u32,
    },
    /// More transactions than the chain allows.
    #[error("a block of {count} transactions, at most {count_max} are allowed")]
    TransactionCount {
        /// Transactions of the block.
        count: usize,
        /// The chain's bound.
        count_max: u32,
    },
    /// Not the next height.
    #[error("a block of height {height}, the next one is {expected}")]
    Height {
        /// The block's.
        height: Height,
        /// The next.
        expected: Height,
    },
    /// On top of another block.
    #[error("a block on top of {parent}, the state is that of {expected}")]
    Parent {
        /// The block's parent.
        parent: Digest,
        /// The state's block.
        expected: Digest,
    },
    /// Not later than its parent.
    #[error("a block of time {time}, its parent's is {parent}")]
    Time {
        /// The block's.
        time: TimestampNs,
        /// Its parent's.
        parent: TimestampNs,
    },
    /// Whoever made the block has another ledger than we.
    #[error("a block for a ledger of digest {pre_state}, ours is {expected}")]
    PreState {
        /// In the block.
        pre_state: Digest,
        /// Of our state.
        expected: Digest,
    },
    /// A transaction is refused, so the block is.
    #[error("transaction {index}: {error}")]
    Transaction {
        /// Its place, from 0.
        index: usize,
        /// Why.
        error: TransactionError,
    },
    /// A signature is invalid.
    #[error("transaction {index}, {signer}: {error}")]
    Signature {
        /// Place of the transaction, from 0.
        index: usize,
        /// In which role the key signed.
        signer: Signer,
        /// Whose it should be.
        error: SignatureError,
    },
}

/// Why a transaction is refused. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// Not in the genesis.
    #[error("there is no zone {zone}")]
    UnknownZone {
        /// The number.
        zone: ZoneId,
    },
    /// The zone takes nothing.
    #[error("zone {zone} is frozen since block {at}")]
    ZoneFrozen {
        /// Which.
        zone: ZoneId,
        /// Since when.
        at: Height,
    },
    /// Neither in the genesis nor listed since.
    #[error("there is no asset {asset}")]
    UnknownAsset {
        /// The number.
        asset: AssetId,
    },
    /// An order that moves nothing.
    #[error("an order to move nothing")]
    ZeroAmount,
    /// A deposit or instruction that came already, or too early.
    #[error("order {nonce} of {owner}, the next one is {expected}")]
    Nonce {
        /// Whose.
        owner: PublicKey,
        /// Its number.
        nonce: u64,
        /// The next number.
        expected: u64,
    },
    /// The owner has less.
    #[error("{owner} has {balance} units of asset {asset}, {amount} is to move")]
    Balance {
        /// Whose.
        owner: PublicKey,
        /// Of what.
        asset: AssetId,
        /// What there is.
        balance: Amount,
        /// What is to move.
        amount: Amount,
    },
    /// The zone does not consume fast enough.
    #[error("{pending} messages wait in the inbox of zone {zone}, at most {pending_max} may")]
    InboxFull {
        /// Which.
        zone: ZoneId,
        /// Messages that wait.
        pending: usize,
        /// The chain's bound.
        pending_max: u32,
    },
    /// A header of another chain.
    #[error("a header of chain {chain}, this is {expected}")]
    Chain {
        /// The header's.
        chain: ChainId,
        /// Ours.
        expected: ChainId,
    },
    /// Not the zone's next header.
    #[error("header {height} of zone {zone}, the next one is {expected}")]
    HeaderHeight {
        /// Which zone.
        zone: ZoneId,
        /// The header's.
        height: Height,
        /// The next.
        expected: Height,
    },
    /// On top of another zone block.
    #[error("a header on top of {parent}, the zone's last block is {expected}")]
    HeaderParent {
        /// The header's parent.
        parent: Digest,
        /// The zone's last block.
        expected: Digest,
    },
    /// A producer that was replaced.
    #[error("a header of epoch {epoch}, the zone is in {current}")]
    Epoch {
        /// The header's.
        epoch: ProducerEpoch,
        /// The zone's.
        current: ProducerEpoch,
    },
    /// A proven zone has one guest, an attested zone none.
    #[error("a header of another guest image than the zone's")]
    GuestImage,
    /// From another state than the last block left.
    #[error("a header from state {pre_root}, the zone's last block left {expected}")]
    PreRoot {
        /// The header's.
        pre_root: Digest,
        /// The zone's.
        expected: Digest,
    },
    /// Records that do not follow the last block's, or run backwards.
    #[error("records {first} to {last} behind record {before}")]
    SeqRange {
        /// First record.
        first: Seq,
        /// Last record.
        last: Seq,
        /// Last record of the block before.
        before: Seq,
    },
    /// None, more than a body holds, or more than there are records.
    #[error("{count} commands in records {first} to {last}, 1 to {BODY_COMMANDS_MAX} are allowed")]
    CommandCount {
        /// Commands claimed.
        count: u32,
        /// First record.
        first: Seq,
        /// Last record.
        last: Seq,
    },
    /// Too large, or too small for its commands.
    #[error("a body of {size} bytes with {count} commands, at most {BODY_SIZE_MAX} bytes are allowed")]
    BodySize {
        /// Bytes claimed.
        size: u32,
        /// Commands claimed.
        count: u32,
    },
    /// Earlier than the block before.
    #[error("a header of time {time}, the block before has {before}")]
    HeaderTime {
        /// The header's.
        time: TimestampNs,
        /// The block before's.
        before: TimestampNs,
    },
    /// Consumed before it was appended, or taken back.
    #[error("messages up to {index} consumed, between {consumed} and {appended} are there")]
    InboxIndex {
        /// The header's.
        index: InboxIndex,
        /// Up to the block before.
        consumed: InboxIndex,
        /// The last one appended.
        appended: InboxIndex,
    },
    /// Other messages than those appended.
    #[error("inbox root {root}, the consumed messages' is {expected}")]
    InboxRoot {
        /// The header's.
        root: Digest,
        /// Of the messages appended.
        expected: Digest,
    },
    /// Messages without totals, or totals without messages.
    #[error("an outbox root and outbox totals that contradict each other")]
    OutboxContradiction,
    /// Totals that do not ascend or hold a zero: a value made by a program, not read from bytes.
    #[error("outbox totals that no encoder writes")]
    OutboxTotals,
    /// The window is full: what waits must be proven or attested first.
    #[error("{count} blocks of zone {zone} wait to be settled, no more may")]
    UnsettledFull {
        /// Which.
        zone: ZoneId,
        /// How many wait.
        count: usize,
    },
    /// Indexes that do not ascend, or too many.
    #[error("refused messages that no encoder writes")]
    RefusedOrder,
    /// Only what is consumed can be refused, and a bounce cannot.
    #[error("message {index} of zone {zone} is refused, and is not consumed here or is a bounce")]
    Refused {
        /// Which zone.
        zone: ZoneId,
        /// Which message.
        index: InboxIndex,
    },
    /// A request was not answered in time.
    #[error("request {index} of zone {zone} must be consumed by its block {deadline}")]
    RequestOverdue {
        /// Which zone.
        zone: ZoneId,
        /// Which message.
        index: InboxIndex,
        /// By which block of the zone.
        deadline: Height,
    },
    /// There is no such block, or it has settled, or it was rejected.
    #[error("block {height} of zone {zone} is not available and unsettled")]
    NotUnsettled {
        /// Which zone.
        zone: ZoneId,
        /// Which height.
        height: Height,
    },
    /// The messages came already, or there are none.
    #[error("the messages of block {height} of zone {zone} are known")]
    OutboxKnown {
        /// Which zone.
        zone: ZoneId,
        /// Which height.
        height: Height,
    },
    /// Other messages than the header committed to.
    #[error("messages of root {root}, the header says {expected}")]
    OutboxRoot {
        /// Of the messages.
        root: Digest,
        /// The header's.
        expected: Digest,
    },
    /// An earlier block's messages come first.
    #[error("messages of block {height} of zone {zone} before those of {first}")]
    OutboxOrder {
        /// Which zone.
        zone: ZoneId,
        /// Which height.
        height: Height,
        /// The block whose messages are missing.
        first: Height,
    },
    /// Not the channel's next message.
    #[error("message {index} has number {seq} in the channel to {to}, the next one is {expected}")]
    ChannelSeq {
        /// Its place in the list.
        index: usize,
        /// The destination.
        to: ZoneId,
        /// Its number.
        seq: u64,
        /// The next one.
        expected: u64,
    },
    /// The verdict is on another header than the one ordered.
    #[error("a verdict on {header}, the block is {expected}")]
    OtherHeader {
        /// The verdict's.
        header: Digest,
        /// The one ordered.
        expected: Digest,
    },
    /// It counts already.
    #[error("block {height} of zone {zone} is vouched for already")]
    Vouched {
        /// Which zone.
        zone: ZoneId,
        /// Which height.
        height: Height,
    },
    /// An attestation in a zone without auditors, a proof in one that is not proven, or by another guest.
    #[error("a verdict that the mode of zone {zone} does not know")]
    VerdictOfAnotherMode {
        /// Which zone.
        zone: ZoneId,
    },
    /// Exits and thaws are for frozen zones.
    #[error("zone {zone} is not frozen")]
    NotFrozen {
        /// Which.
        zone: ZoneId,
    },
    /// The leaf is not under the last settled block's root of exits, or the zone has none.
    #[error("the leaf is not in what zone {zone} lets out")]
    ExitProof {
        /// Which zone.
        zone: ZoneId,
    },
    /// A leaf is paid once.
    #[error("leaf {index} of zone {zone} was taken out already")]
    Exited {
        /// Which zone.
        zone: ZoneId,
        /// Which leaf.
        index: u64,
    },
    /// More than the zone holds.
    #[error(transparent)]
    Overdrawn(#[from] Overdrawn),
    /// Its books do not know of the exits.
    #[error("{exits} leaves were taken out of zone {zone}: it cannot go on")]
    ThawAfterExit {
        /// Which.
        zone: ZoneId,
        /// How many.
        exits: u64,
    },
    /// Auditors are changed together with a mode that is not theirs.
    #[error("the auditors of zone {zone} are at work: change the mode first")]
    AuditorsAtWork {
        /// Which zone.
        zone: ZoneId,
    },
    /// The store has that format already, or will have it.
    #[error("the store has this format already, or it is decided: {parameters}")]
    StoreFormat {
        /// Which format.
        parameters: StoreParameters,
    },
    /// No more can be listed.
    #[error("there are {ASSETS_MAX} assets, and no more are allowed")]
    TooManyAssets,
    /// Assets are numbered without a gap.
    #[error("asset {asset} is not the next one, which is {expected}")]
    AssetNumber {
        /// The number.
        asset: AssetId,
        /// The next one.
        expected: usize,
    },
    /// A name is one asset's for good.
    #[error("'{name}' is the name of asset {asset}")]
    AssetName {
        /// The name.
        name: Name,
        /// Whose it is.
        asset: AssetId,
    },
    /// Too fine.
    #[error("asset '{name}' of {decimals} decimals, at most {DECIMALS_MAX} are allowed")]
    AssetDecimals {
        /// Which.
        name: Name,
        /// Its decimals.
        decimals: u8,
    },
    /// The mode or the rules cannot be.
    #[error(transparent)]
    ZoneRules(#[from] ZoneRulesError),
    /// Thirty-two bytes that are no public key.
    #[error("{key} is no ed25519 public key")]
    NotAKey {
        /// The bytes.
        key: PublicKey,
    },
    /// Only an asset's issuer issues and redeems it.
    #[error("{owner} is not the issuer of asset {asset}")]
    NotTheIssuer {
        /// Who tried.
        owner: PublicKey,
        /// What.
        asset: AssetId,
    },
    /// The sum is no amount.
    #[error("more of asset {asset} would be issued than an amount can hold")]
    IssuedTooMuch {
        /// Which.
        asset: AssetId,
    },
    /// The chain or the zone takes none.
    #[error("zone {zone} takes no requests")]
    NoRequests {
        /// Which.
        zone: ZoneId,
    },
    /// The next block takes more.
    #[error("{count_max} requests for zone {zone} are in this block, no more may")]
    TooManyRequests {
        /// Which zone.
        zone: ZoneId,
        /// The chain's bound.
        count_max: u32,
    },
    /// More blocks than may wait to be rebuilt.
    #[error("{count} blocks of zone {zone} wait to become available, no more may")]
    UnavailableFull {
        /// Which.
        zone: ZoneId,
        /// How many wait.
        count: usize,
    },
    /// A word about a body that no ordered block of the zone, not yet settled, has.
    #[error("zone {zone} has no unsettled block {header} at height {height}")]
    BodyUnknown {
        /// Which zone.
        zone: ZoneId,
        /// At which height.
        height: Height,
        /// The header named.
        header: Digest,
    },
    /// Blocks become available in order of height.
    #[error("block {height} of zone {zone} becomes available, the next one is {expected}")]
    AvailabilityOrder {
        /// Which zone.
        zone: ZoneId,
        /// The block's height.
        height: Height,
        /// The first that is not available, 0 if all are.
        expected: Height,
    },
    /// Not a word that f+1 validators say of an ordered body.
    #[error("a receipt for a shard in the place of a word about an ordered body")]
    NotOfABody,
    /// The key shown is not that of the header.
    #[error("a body key of commitment {commitment}, the header says {commitment_claimed}")]
    BodyKey {
        /// Of the key shown.
        commitment: Digest,
        /// In the header.
        commitment_claimed: Digest,
    },
    /// A proof of fraud that shows none.
    #[error("a proof of fraud about block {header} that shows none")]
    NoFraud {
        /// The header named.
        header: Digest,
    },
    /// The receipts are no quorum.
    #[error(transparent)]
    Quorum(#[from] QuorumError),
    /// A decision that was made already, or too early.
    #[error("decision {nonce}, the next one is {expected}")]
    DecisionNonce {
        /// Its number.
        nonce: u64,
        /// The next number.
        expected: u64,
    },
    /// Those who signed have no authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The validators cannot follow the committee before.
    #[error(transparent)]
    Committee(#[from] CommitteeError),
}
