//! What went in and out of a zone, of one asset.

use super::record::Overdrawn;
use crate::record::record;
use plinth_types::id::AssetId;
use plinth_types::quantity::Amount;

/// What went into a zone and out of it, of one asset, over the zone's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turnstile {
    /// In messages that wait in the inbox.
    pub in_flight: Amount,
    /// In messages that ordered headers consumed.
    pub paid_in: Amount,
    /// In messages that ordered headers sent. Never above `paid_in`.
    pub paid_out: Amount,
}

record!(Turnstile { in_flight, paid_in, paid_out });

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

    /// Lets `amount` of `asset` out.
    ///
    /// # Errors
    ///
    /// [`Overdrawn`], and the turnstile is as it was.
    pub fn pay_out(self, asset: AssetId, amount: Amount) -> Result<Self, Overdrawn> {
        let held = self.held();
        match (held.checked_sub(amount), self.paid_out.checked_add(amount)) {
            (Some(_), Some(paid_out)) => Ok(Self { paid_out, ..self }),
            (None, _) | (_, None) => Err(Overdrawn { asset, held, requested: amount }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turnstile_stops_at_what_was_paid_in() {
        let asset = AssetId::new(3);
        let amount = |units| Amount::new(units).unwrap();
        let turnstile = Turnstile { in_flight: amount(1_000), paid_in: amount(100), paid_out: amount(0) };
        let turnstile = turnstile.pay_out(asset, amount(60)).unwrap();
        let (held, requested) = (amount(40), amount(41));
        assert_eq!(turnstile.pay_out(asset, requested), Err(Overdrawn { asset, held, requested }), "flight is not yet in");
        assert_eq!(turnstile.pay_out(asset, held).unwrap().held(), amount(0));
    }
}
