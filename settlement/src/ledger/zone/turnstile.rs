//! What went in and out of a zone, of one asset.
//!
//! ```text
//!  appended ──► in_flight ──────────────────── block settles ──► paid_in ─┐
//!                  └─ consumed: by ordered blocks, provisional            ├─ held = paid_in − paid_out
//!               leaving: in outboxes of ordered blocks, provisional ──► paid_out ─┘
//! ```
//!
//! A header is ordered only if leaving stays within held and consumed; what settles stays within what was paid in.

use super::record::Overdrawn;
use plinth_types::id::AssetId;
use plinth_types::quantity::Amount;
use plinth_types::record;

/// What went into a zone and out of it, of one asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turnstile {
    /// In messages of the inbox that no settled block has consumed.
    pub in_flight: Amount,
    /// Of those, in messages that ordered, unsettled blocks consumed and did not refuse.
    pub consumed: Amount,
    /// In messages that settled blocks consumed.
    pub paid_in: Amount,
    /// In outboxes of ordered, unsettled blocks.
    pub leaving: Amount,
    /// In outboxes of settled blocks, and in exits. Never above `paid_in`.
    pub paid_out: Amount,
    /// Of that, in exits: the zone's own books still have it.
    pub exited: Amount,
}

record!(Turnstile { in_flight, consumed, paid_in, leaving, paid_out, exited });

impl Turnstile {
    /// What the zone holds: paid in less paid out.
    ///
    /// # Panics
    ///
    /// If more was paid out than in.
    #[must_use]
    pub const fn held(&self) -> Amount {
        self.paid_in.checked_sub(self.paid_out).expect("a turnstile pays out at most what was paid in")
    }

    /// Counts a message in that was appended to the inbox.
    ///
    /// # Panics
    ///
    /// If there is more of the asset than was issued.
    pub(in crate::ledger) fn append(&mut self, amount: Amount) {
        self.in_flight = self.in_flight.checked_add(amount).expect("at most what was issued");
    }

    /// Counts provisionally what an ordered block consumes.
    pub(in crate::ledger) fn consume(&mut self, amount: Amount) {
        self.consumed = self.consumed.checked_add(amount).expect("at most what is in flight");
    }

    /// Whether `more` beside all that is leaving already could be paid out if all that was consumed were paid in.
    ///
    /// # Errors
    ///
    /// [`Overdrawn`].
    pub(in crate::ledger) fn can_leave(&self, asset: AssetId, more: Amount) -> Result<(), Overdrawn> {
        let there = self.held().checked_add(self.consumed).expect("at most what was issued");
        let held = there.checked_sub(self.leaving).unwrap_or_default();
        if more > held { Err(Overdrawn { asset, held, requested: more }) } else { Ok(()) }
    }

    /// Counts provisionally what an ordered block sends.
    pub(in crate::ledger) fn leave(&mut self, amount: Amount) {
        self.leaving = self.leaving.checked_add(amount).expect("at most what is there");
    }

    /// Takes back what an ordered block consumed or sent: it is rejected.
    pub(in crate::ledger) fn undo(&mut self, consumed: Amount, leaving: Amount) {
        self.consumed = self.consumed.checked_sub(consumed).expect("counted when the block was ordered");
        self.leaving = self.leaving.checked_sub(leaving).expect("counted when the block was ordered");
    }

    /// A message goes back that the zone refused.
    pub(in crate::ledger) fn refuse(&mut self, amount: Amount) {
        self.in_flight = self.in_flight.checked_sub(amount).expect("counted when it was appended");
    }

    /// What was consumed is settled.
    pub(in crate::ledger) fn pay_in(&mut self, amount: Amount) {
        self.refuse(amount);
        self.consumed = self.consumed.checked_sub(amount).expect("counted when the block was ordered");
        self.paid_in = self.paid_in.checked_add(amount).unwrap_or_else(|| {
            // Over a zone's life an amount may pass more often than can be counted; what it holds can.
            self.rebase();
            self.paid_in.checked_add(amount).expect("at most what was issued")
        });
    }

    /// Lets `amount` of `asset` out.
    ///
    /// # Errors
    ///
    /// [`Overdrawn`], and the turnstile is as it was.
    pub fn pay_out(&mut self, asset: AssetId, amount: Amount) -> Result<(), Overdrawn> {
        let held = self.held();
        if amount > held {
            return Err(Overdrawn { asset, held, requested: amount });
        }
        // At most what was paid in, which is an amount.
        self.paid_out = self.paid_out.checked_add(amount).expect("at most what was paid in");
        Ok(())
    }

    /// Lets `amount` of `asset` out to the bearer of a proof.
    ///
    /// # Errors
    ///
    /// As [`Turnstile::pay_out`].
    pub(in crate::ledger) fn exit(&mut self, asset: AssetId, amount: Amount) -> Result<(), Overdrawn> {
        self.pay_out(asset, amount)?;
        self.exited = self.exited.checked_add(amount).expect("a part of what was paid out");
        Ok(())
    }

    fn rebase(&mut self) {
        (self.paid_in, self.paid_out) = (self.held(), Amount::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASSET: AssetId = AssetId::new(3);

    fn amount(units: u128) -> Amount {
        Amount::new(units).unwrap()
    }

    #[test]
    fn a_turnstile_stops_at_what_was_paid_in() {
        let mut turnstile = Turnstile { in_flight: amount(1_000), paid_in: amount(100), ..Turnstile::default() };
        turnstile.pay_out(ASSET, amount(60)).unwrap();
        let (held, requested) = (amount(40), amount(41));
        assert_eq!(turnstile.pay_out(ASSET, requested), Err(Overdrawn { asset: ASSET, held, requested }), "flight is not yet in");
        turnstile.pay_out(ASSET, held).unwrap();
        assert_eq!(turnstile.held(), amount(0));
    }

    #[test]
    fn what_was_consumed_may_leave_and_what_leaves_counts() {
        let mut turnstile = Turnstile { in_flight: amount(70), paid_in: amount(100), paid_out: amount(90), ..Turnstile::default() };
        turnstile.consume(amount(50));
        turnstile.can_leave(ASSET, amount(60)).unwrap();
        turnstile.leave(amount(45));
        assert_eq!(turnstile.can_leave(ASSET, amount(16)).unwrap_err().held, amount(15));
        turnstile.undo(amount(50), amount(45));
        assert_eq!(turnstile.can_leave(ASSET, amount(11)).unwrap_err().held, amount(10));
    }

    #[test]
    fn an_amount_may_pass_more_often_than_can_be_counted() {
        let all = Amount::new(plinth_types::limits::AMOUNT_MAX).unwrap();
        let mut turnstile = Turnstile::default();
        for _ in 0..3 {
            turnstile.append(all);
            turnstile.consume(all);
            turnstile.pay_in(all);
            turnstile.pay_out(ASSET, all).unwrap();
        }
        assert_eq!(turnstile.held(), Amount::ZERO);
    }
}
