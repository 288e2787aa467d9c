//! `plinth recover`: the files of a trading zone whose producer is lost, made anew on this machine.
//!
//! ```text
//! validators ── ledger ──► governors decide: our key, the next epoch ──► whoever else signs for the zone is refused from here on
//!            ── shards ──► bodies ──► journal and block log in zone.recovering ◄── what is left of the old journal
//!                                              └── put in the place of zone/ in one step, the old one kept beside it
//! ```
//!
//! * **Fenced first, read then.** Bodies are fetched behind the block that began the new epoch, so nothing can be ordered behind our back.
//! * **Nothing is believed** of any validator ([`plinth_settlement::link::recover_each`]), and every body is executed and must give its
//!   header. A body whose shards are gone is taken from the old journal, if it gives that header; else the recovery ends with its height.
//! * **What was acknowledged and never available** is named record by record and taken over, as far as the old journal's hash chain holds; of
//!   the rest it is said where it begins.
//! * **Trades that were told and are lost** are known from the list that lies beside the old journal, be the journal damaged or too old; the first
//!   start busts them. Without that list nobody here knows of them.
//! * Nothing is deleted, and a recovery that is interrupted at any moment can be begun again.
//! * FIX sessions go on: no outbound number of an epoch was used in an earlier one, and a client that asks is told all its reports again.
//!
//! Known limitations: validators keep shards for so many blocks of a zone ([`plinth_settlement::dispersal::limits`]), so a longer history needs a
//! copy of the journal, which may be as old as the shards reach back: ship its segments to another machine. It wants validators that run as
//! processes of their own, as `plinth run` does. Each epoch has [`FIX_NUMBERS_PER_EPOCH`] outbound numbers of a session; who says more between
//! two replacements must reset its sessions. Trades are reported as available and settled once more, since what the old producer said of that
//! stood in its notes. Snapshots and files of market data are not made again; the former come with the blocks, the latter of past days are the
//! old machine's.

mod fence;
mod files;
mod report;

use crate::appliance::{DataFolder, FolderError, JOURNAL_FOLDER, ZONE_FOLDER};
use crate::config::{self, ConfigError, Resolved, read_secret};
use crate::told::{Entry, TOLD_FILE, ToldError, ToldLog};
use clap::Args;
use plinth_gateway::clock::Now;
use plinth_matching::journal::Identity;
use plinth_matching::replica::{Rebuild, RebuildError, ZoneConfig};
use plinth_settlement::keys::SecretKey;
use plinth_settlement::link::{BodyLost, LinkError, RecoverConfig, RecoverError, RecoveredBlock, recover_each};
use plinth_types::id::{Height, MsgSeqNum, ProducerEpoch, Seq, ZoneId};
use plinth_types::message::Note;
use report::Report;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Outbound FIX numbers of one session that each epoch of the producer has: more than are said between two replacements, and 31 epochs of
/// them fit the 31 bits that FIX engines count with.
pub const FIX_NUMBERS_PER_EPOCH: u64 = 1 << 26;

/// What is recovered, and on whose authority.
#[derive(Debug, Args)]
pub struct Recover {
    /// Configuration file of the new producer; zone.genesis_producer names the key that the genesis names
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where the zone's files are made; by default the configuration's folder
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// File with a governor's secret key; once for each. They make this configuration's producer the zone's, in a new epoch
    #[arg(long, required = true)]
    key: Vec<PathBuf>,
    /// Folder of the old journal, or of a copy, if anything is left of it; by default the zone's own in the data directory, if it is there
    #[arg(long)]
    journal: Option<PathBuf>,
    /// Take nothing over from an old journal
    #[arg(long, conflicts_with = "journal")]
    without_journal: bool,
}

/// Why nothing was recovered. The zone's folder is as it was.
#[derive(Debug, Error)]
pub enum RecoverZoneError {
    /// The configuration is wrong, or a key cannot be read.
    #[error("configuration: {0}")]
    Config(#[from] ConfigError),
    /// The data directory cannot be used, or a process runs on it.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The validators, or what they say.
    #[error("the validators: {0}")]
    Chain(#[from] RecoverError),
    /// The link that brings the decision.
    #[error("settlement link: {0}")]
    Link(#[from] LinkError),
    /// Settlement has no such zone.
    #[error("settlement knows no trading zone")]
    NoZone,
    /// The validators refuse that our key takes the zone over.
    #[error("the validators refuse the new producer: {reason}")]
    Refused {
        /// What one of them said.
        reason: String,
    },
    /// It was not ordered in time.
    #[error("the new producer is not decided within {seconds} s")]
    NotDecided {
        /// How long was waited.
        seconds: u64,
    },
    /// Another decision came first.
    #[error("another decision came first, and the zone's producer is {producer}; try again")]
    Overtaken {
        /// Who it is.
        producer: plinth_types::id::PublicKey,
    },
    /// An ordered body cannot be rebuilt or opened.
    #[error(
        "block {height}: {error}; with more validators, or a copy of the old journal of any age (--journal), it may be had. If it is lost for good and not settled, governors can drop it ('plinth govern revert')"
    )]
    Body {
        /// Its block.
        height: Height,
        /// Why.
        error: BodyLost,
    },
    /// The bodies and the old journal make no zone.
    #[error("{0}")]
    Rebuild(#[from] RebuildError),
    /// What the old producer told of trades.
    #[error(transparent)]
    Told(#[from] ToldError),
    /// A file or folder.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl Recover {
    /// Takes the zone over and makes its files anew; prints what it found.
    ///
    /// # Errors
    ///
    /// [`RecoverZoneError`].
    pub fn run(&self) -> Result<(), RecoverZoneError> {
        let mut resolved = config::load(&self.config)?;
        resolved.keep_zone_only()?;
        // `parent` of a bare file name is empty, and means here.
        let beside = self.config.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = DataFolder::open(self.data_dir.as_deref().unwrap_or(beside))?;
        let governors = self.key.iter().map(|file| read_secret(file)).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = governors.first() else { return Err(RecoverZoneError::NoZone) };
        let mut source = source(&resolved, first);
        let fence = fence::take_over(&resolved, &mut source, &governors)?;
        println!("{fence}");
        let report = self.rebuild(&resolved, folder.path(), &source, fence.epoch)?;
        print!("{report}");
        Ok(())
    }

    fn rebuild(
        &self,
        resolved: &Resolved,
        data: &Path,
        source: &RecoverConfig,
        epoch: ProducerEpoch,
    ) -> Result<Report, RecoverZoneError> {
        let building = files::begin(data)?;
        let identity = Identity { chain: resolved.chain, zone: ZoneId::TRADING };
        let config = ZoneConfig::new(building, identity, resolved.zone.capacity.core());
        let old = self.old_journal(data);
        let mut rebuild = Rebuild::start(&config, old.as_deref(), Now::read().utc)?;
        let mut available = Height::new(0);
        let mut taken = (Height::new(0), Seq::new(0));
        recover_each(source, |RecoveredBlock { signed, is_available, body }| {
            let header = signed.header;
            match body {
                Ok(body) => rebuild.block(&header, &body)?,
                Err(_) if rebuild.kept_block(&header)? => {}
                Err(error) => return Err(RecoverZoneError::Body { height: header.height, error }),
            }
            if is_available {
                available = header.height;
            }
            taken = (header.height, header.last_seq);
            Ok::<(), RecoverZoneError>(())
        })?;
        let mut restored = Vec::new();
        let trades = rebuild.rest(|command, tail| restored.push(report::describe(resolved, command, tail)))?;
        rebuild.note(&Note::TookOver { epoch })?;
        let reserved = MsgSeqNum::new(u64::from(epoch.get()) * FIX_NUMBERS_PER_EPOCH);
        for session in &resolved.sessions {
            rebuild.note(&Note::ReserveOutbound { session: session.id, next: MsgSeqNum::new(1), up_to: reserved })?;
        }
        let kept = rebuild.kept().clone();
        rebuild.finish()?;
        let told = carry_told(&config, old.as_deref())?;
        let behind = kept.last_seq.max(taken.1);
        let lost_trades = told.iter().filter(|entry| matches!(entry, Entry::Trade(told) if told.record > behind)).count();
        let replaced = files::put_in_place(data)?;
        let (blocks, available_to) = taken;
        Ok(Report { blocks, available, available_to, old, kept, restored, trades, lost_trades, reserved, replaced })
    }

    fn old_journal(&self, data: &Path) -> Option<PathBuf> {
        if self.without_journal {
            return None;
        }
        let own = data.join(ZONE_FOLDER).is_dir().then(|| data.join(JOURNAL_FOLDER)).filter(|journal| journal.is_dir());
        self.journal.clone().or(own)
    }
}

/// Takes over what the old producer told of trades: it lies beside its journal, and the first start busts what the new journal does not make.
fn carry_told(config: &ZoneConfig, old: Option<&Path>) -> Result<Vec<Entry>, ToldError> {
    let Some(folder) = old.and_then(Path::parent) else { return Ok(Vec::new()) };
    let told = ToldLog::read(&folder.join(TOLD_FILE), config.block.identity)?;
    ToldLog::rewrite(&config.path.join(TOLD_FILE), config.block.identity, &told)?;
    Ok(told)
}

/// Where everything is fetched, as one of the governors: validators let those in whatever became of the producers.
fn source(resolved: &Resolved, client: &SecretKey) -> RecoverConfig {
    RecoverConfig {
        client: client.clone(),
        reader_key: resolved.reader_key.clone(),
        zone: ZoneId::TRADING,
        from: Height::new(1),
        at_least: Height::new(0),
        genesis: Arc::clone(&resolved.genesis),
        validators: resolved.peers(),
    }
}
