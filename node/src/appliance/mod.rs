//! The running appliance: every stage on its thread, and how they are joined.
//!
//! ```text
//!  thread            owns                                  is told by
//!  plinth-core       sockets, sessions, sequencer, engine  sockets; journal (eventfd); bridge, admin (channels + eventfd)
//!  journal           the journal's disk                    core (ring)
//!  plinth-producer   replica, block log, snapshots,        journal (signal); core (trades that were told)
//!                    what was told of trades
//!  market data       publisher, sockets of the feed       journal (eventfd); consumers
//!  zone link         QUIC to the validators                producer (blocks), start (deposits), admin (what owners bring)
//!  plinth-proofs     the folder of provers                 link (what is not proven), provers (files)
//!  plinth-prover     a prover, if one is to run            the prover's end
//!  plinth-bridge     nothing                               link (finalized blocks) → core (inbox, block states), producer (rejections)
//!  validator ×n      votes, blocks                         each other, link
//!  plinth-admin      the admin socket                      operators, owners
//!  plinth-space      nothing                               time; it looks at the disk
//! ```
//!
//! * **Start**: lock the folder, read the configuration, recover the zone from its journal, start the validators, the link, the
//!   stages; on the first start sequence the reference data and submit the deposits. Ready when the deposits are credited.
//! * **Stop** goes against the stream: intake, journal, producer, market data, link, validators. A stage that fails stops the process: nothing is
//!   acknowledged by the others behind its back, and the next start recovers.

mod admin;
mod announce;
mod bridge;
mod control;
mod core;
mod cursor;
mod desk;
mod folder;
mod intake;
mod market;
mod markets;
mod parts;
mod producer;
mod reference;
mod rules;
mod running;
mod scheduling;
mod space;
mod start;
mod status;
pub mod timetable;
mod views;

pub use admin::{SOCKET_FILE, request, request_status};
pub use announce::{Ready, ReadyInstrument, ReadyValidator};
pub use core::CoreError;
pub(crate) use folder::DataFolder;
pub use folder::{FolderError, JOURNAL_FOLDER, ZONE_FOLDER};
pub use market::ReadyMarketData;
pub use producer::ProducerError;
pub use running::{Appliance, Stopped, announce};
pub use start::{Options, Parts, StartError};
pub use status::{AssetStatus, MarketStatus, SessionStatus, StageStatus, Status, ValidatorStatus};
