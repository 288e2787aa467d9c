//! Asks provers for the proofs of what is available, and brings what has come to the validators.

use super::limits::{LOOK_INTERVAL, REFUSED_DELAY, WANTED_MAX};
use super::spool::{Spool, SpoolError};
use plinth_settlement::link::{Delivered, ProofDelivery, ZoneLink, unproven};
use plinth_types::id::ZoneId;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tracing::{error, info};

/// What is known of proofs beside the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProofReport {
    /// Proofs that have come and are not in a verdict yet.
    pub at_hand: usize,
    /// Why validators refused a proof, the last time that they did since the start.
    pub refused: Option<String>,
}

/// The stage. It runs on a thread of its own.
#[derive(Debug)]
pub struct ProofStage {
    /// Where provers work.
    pub spool: Spool,
    /// The way to the validators.
    pub delivery: ProofDelivery,
    /// What it knows of the ledger.
    pub link: Arc<ZoneLink>,
    /// What it says of itself.
    pub report: Arc<Mutex<ProofReport>>,
    /// Set when it is to end.
    pub stopping: Arc<AtomicBool>,
}

impl ProofStage {
    /// Runs until it is told to stop.
    ///
    /// # Errors
    ///
    /// [`SpoolError`]: the disk is full or broken.
    pub fn run(mut self) -> Result<(), SpoolError> {
        let mut rest_until = Instant::now();
        while !self.stopping.load(Ordering::Acquire) {
            self.ask()?;
            let mut pause = LOOK_INTERVAL;
            if Instant::now() >= rest_until {
                pause = self.bring(&mut rest_until)?;
            }
            thread::sleep(pause);
        }
        Ok(())
    }

    /// Writes what is wanted and not yet asked for; forgets what is settled.
    fn ask(&mut self) -> Result<(), SpoolError> {
        let Some(ledger) = self.link.ledger() else { return Ok(()) };
        let Some(zone) = ledger.zone(ZoneId::TRADING) else { return Ok(()) };
        self.spool.forget_to(zone.settled())?;
        let mut at_hand = 0;
        for block in unproven(&ledger, ZoneId::TRADING).take(WANTED_MAX) {
            at_hand += usize::from(self.spool.has_proof(block.height));
            if !self.spool.wants(block.height, block.id)
                && let Some(header) = self.delivery.header(&block)
            {
                self.spool.want(&header)?;
            }
        }
        self.report.lock().unwrap_or_else(PoisonError::into_inner).at_hand = at_hand;
        Ok(())
    }

    /// Brings the next proof, if it is there; says how long there is nothing else to do.
    fn bring(&mut self, rest_until: &mut Instant) -> Result<Duration, SpoolError> {
        let Self { spool, delivery, link, report, .. } = self;
        let mut garbage = None;
        let delivered = delivery.deliver(link, |block| {
            let proof = spool.proof(block.height, block.id);
            if proof.is_none() && spool.has_proof(block.height) {
                garbage = Some(block.height);
            }
            proof
        });
        if let Some(height) = garbage {
            error!(%height, "what a prover gave is no proof of this block; it is set aside and asked for again");
            spool.refuse(height)?;
        }
        match delivered {
            Delivered::Nothing => Ok(LOOK_INTERVAL),
            Delivered::Verdict { height } => {
                info!(%height, "a block is proven");
                Ok(Duration::ZERO)
            }
            Delivered::Refused { height, words, is_right, reason } => {
                error!(%height, words, reason, "a validator refuses a proof");
                report.lock().unwrap_or_else(PoisonError::into_inner).refused = Some(format!("block {height}: {reason}"));
                if !is_right {
                    spool.refuse(height)?;
                }
                *rest_until = Instant::now() + REFUSED_DELAY;
                Ok(LOOK_INTERVAL)
            }
        }
    }
}
