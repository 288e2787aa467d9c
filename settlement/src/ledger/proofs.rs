//! Whether a proof of a zone block is of any use. Asked before a byte of the proof is looked at: all of it is cheap.

use super::error::TransactionError;
use super::state::State;
use crate::block::header_id;
use crate::genesis::ZoneMode;
use plinth_types::block::ZoneHeader;

/// What a proof of a header would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofWanted {
    /// With 2f+1 validators' words on it the block settles when its turn comes.
    Now,
    /// Its block is not ordered yet.
    Later,
    /// Its block is settled, or vouched for.
    Never,
}

impl State {
    /// Whether a proof of this header is wanted: of this chain, of a zone in mode `proven` and its guest, of the very block that is ordered.
    ///
    /// # Errors
    ///
    /// [`TransactionError`]: it never will be, as this ledger is.
    pub fn wants_proof(&self, header: &ZoneHeader) -> Result<ProofWanted, TransactionError> {
        let &ZoneHeader { chain, zone, height, guest_image, .. } = header;
        let expected = self.chain();
        if chain != expected {
            return Err(TransactionError::Chain { chain, expected });
        }
        let known = self.zone(zone).ok_or(TransactionError::UnknownZone { zone })?;
        match known.mode() {
            ZoneMode::Proven { guest_image: expected, .. } if guest_image == expected => {}
            ZoneMode::Proven { .. } | ZoneMode::Attested { .. } | ZoneMode::Audited { .. } => {
                return Err(TransactionError::VerdictOfAnotherMode { zone });
            }
        }
        if height <= known.settled() {
            return Ok(ProofWanted::Never);
        }
        let Some(unsettled) = known.unsettled_at(height) else { return Ok(ProofWanted::Later) };
        let (found, expected) = (header_id(header), unsettled.block.id);
        if found != expected {
            return Err(TransactionError::OtherHeader { header: found, expected });
        }
        Ok(if unsettled.vouched { ProofWanted::Never } else { ProofWanted::Now })
    }
}
