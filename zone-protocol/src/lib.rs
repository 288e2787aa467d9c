//! The local protocol between a zone process, which executes, and its host, which settles: as Ethereum's execution and consensus clients
//! have it. Whoever speaks it is a zone, in whatever language.
//!
//! ```text
//!  zone process ── Hello ──────────────► host (plinth-zone) ══ QUIC ══ validators
//!               ◄── Welcome | Refused ──
//!               ── Block … ────────────►      seals, enciphers, signs, sends until it is ordered
//!               ◄── Finalized … ────────      one for each settlement block, in order, exactly once a connection
//!               ── Processed … ────────►
//! ```
//!
//! Over one Unix socket that only its owner may open: a length of four bytes, little-endian, then a message, its version byte first, in the
//! encoding of [`plinth_types::codec`]. `tests/golden` pins every message. Blocking, no runtime.
//!
//! # What the host promises
//!
//! * **News without gaps or repetition**: one [`Finalized`] for every settlement block behind [`Hello::settlement_height`]. All is verified against
//!   certificates of 2f+1 validators; nothing comes from a block that is not final.
//! * **The headers as they were ordered**: [`Finalized::completions`] has what the link wrote into each, so a zone can show its clients the
//!   chain of headers behind a fact of the base layer. The zone compares the id; it need not believe the host.
//! * **It keeps nothing.** A host that is killed loses no more than blocks that the zone hands over again, so any host with the key will do.
//! * **Memory is bounded.** So many blocks and bytes wait to be ordered (`plinth_settlement::link::limits`); then the host reads no more, and
//!   [`Outgoing::block`] waits. At most [`limits::NEWS_UNPROCESSED_MAX`] news are told beyond the last [`Outgoing::processed`].
//! * **One zone process at a time**; the second is [`Refusal::Busy`]. Garbage, an oversize frame or half of one ends that connection alone.
//! * A producer that was replaced is told ([`Refusal::NotProducer`]), and the host stops for good.
//!
//! # What a zone promises
//!
//! * **Durable first.** A block is in its journal before it is handed over, with everything needed to hand it over again byte for byte; if
//!   settlement has ordered a block that the zone lacks, [`Refusal::FilesBehind`] is the end.
//! * **It begins with [`Welcome::settled`] + 1**, after every hello, whatever it handed over before, and goes on in order of height. What is
//!   ordered already the host drops, its messages it may still need.
//! * **It hands over again** from the first of [`Finalized::rejected`] on. The blocks are the same, executed once: settlement rejects what was sent, not what was
//!   executed.
//! * **An inbox message has its effect once**: messages come in order of `index`; what a journal has already is dropped by it. The effect and the settlement height
//!   are durable together, or the height later.
//! * **[`Outgoing::processed`] no earlier than that.** A zone that acknowledges late hears nothing new; one that names a lower height in its next hello hears
//!   the news again, the host begins anew with the chain then, which takes longer.
//!
//! # What settlement demands of a header
//!
//! It reads no body. A header that breaks a rule is never ordered, and nothing behind it: so a host checks what it can and refuses
//! with [`Refusal::Block`].
//!
//! | Field | Demand |
//! | --- | --- |
//! | `chain`, `zone` | those of [`Welcome`] |
//! | `height` | the last one and 1; the first is 1 |
//! | `epoch` | that of [`Welcome`]; the link writes a later one itself |
//! | `parent`, `body_key`, `shard_root` | zero: the link's |
//! | `guest_image` | that of [`Welcome`] |
//! | `policy` | the zone's own word |
//! | `pre_root` | `post_root` of the block before; free in the first |
//! | `post_root`, `exit_root` | the zone's own word; `exit_root` zero, or the root of [`plinth_types::exit`] by which owners leave a frozen zone |
//! | `inbox_index` | the last message that this block or an earlier one consumed: every message up to it, in order, each once. Only messages that news have told of |
//! | `inbox_root` | SHA-256 of [`InboxMessage::range_bytes`](plinth_types::message::InboxMessage::range_bytes) of those this block consumes; zero for none |
//! | `inbox_refused` | those of them whose value goes back, ascending, at most 256; never a bounce |
//! | requests | answered within [`Welcome::request_blocks`] blocks of the zone from when they were appended |
//! | `outbox_root` | SHA-256 of [`OutboxMessage::list_bytes`](plinth_types::transfer::OutboxMessage::list_bytes), at most 256 messages; zero for none |
//! | messages | `channel_seq` counts from 1 per destination zone over the zone's whole life, amounts above zero |
//! | `outbox_totals` | their sums by asset, ascending, none of them zero. More than the zone holds freezes it |
//! | `body_hash`, `body_size` | SHA-256 and bytes of the body, 1 byte to 4 MiB. The body is whatever the zone's auditors read |
//! | `first_seq`, `last_seq` | ascending over all blocks, no gap needed: records of the body, in the zone's own count |
//! | `command_count` | 1 to `last_seq` − `first_seq` + 1, at most 65,536 and at most a record a byte |
//! | `time` | never falls; settlement compares it with nothing else |
//! | `trade_count` | the zone's own word |
//!
//! While a zone is attested, an asset leaves it only under a cap of its genesis entry.
//!
//! Known limitations: the socket is local, since whoever may speak to it makes the zone's blocks. A standby's zone process needs the
//! zone's files: nothing here hands it the bodies that validators keep (`plinth_settlement::link::recover`).

pub mod error;
mod frame;
pub mod host;
pub mod limits;
pub mod list;
pub mod message;
pub mod port;
pub mod status;

pub use error::ProtocolError;
pub use list::{Bytes, List, Reason};
pub use message::{Block, BlockRef, Completion, Finalized, Hello, HostMessage, Refusal, Welcome, ZoneMessage};
pub use port::{Incoming, News, Outgoing, Port, ask_status};
pub use status::{AssetFlow, HostStatus};
