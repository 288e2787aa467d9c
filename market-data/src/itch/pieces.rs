//! Large orders in a format with small quantities: one order as several, side by side in the queue.

use crate::limits::{ITCH_PIECES_MAX, ITCH_SHARES_MAX};
use crate::update::Reference;
use std::collections::VecDeque;

/// The ITCH orders that stand for an order of more than [`ITCH_SHARES_MAX`] lots. They follow each other in the queue, since the publisher
/// leaves out as many numbers as they need. Trades take from the first, reductions from the last, so the sum and the place are the order's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pieces {
    first: Reference,
    /// What is left of each.
    shares: VecDeque<u32>,
}

/// What happens to one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its place.
    pub reference: Reference,
    /// How much of it.
    pub shares: u32,
    /// Whether that is all that was left of it.
    pub all: bool,
}

impl Pieces {
    /// Of an order; `None` if it is larger than [`ITCH_PIECES_MAX`] pieces.
    #[must_use]
    pub fn of(first: Reference, lots: u64) -> Option<Self> {
        let most = u64::from(ITCH_SHARES_MAX);
        if lots.div_ceil(most) > ITCH_PIECES_MAX {
            return None;
        }
        let mut shares = VecDeque::new();
        let mut left = lots;
        while left > 0 {
            let piece = left.min(most);
            shares.push_back(piece as u32);
            left -= piece;
        }
        Some(Self { first, shares })
    }

    /// What is left, first piece first.
    pub fn left(&self) -> impl Iterator<Item = Piece> + '_ {
        (0..).zip(&self.shares).map(|(at, &shares)| Piece { reference: self.first.plus(at), shares, all: true })
    }

    /// Takes from the front, and says from which pieces.
    pub fn trade(&mut self, lots: u64) -> Vec<Piece> {
        let mut taken = Vec::new();
        let mut wanted = lots;
        while wanted > 0
            && let Some(front) = self.shares.front_mut()
        {
            let shares = u64::from(*front).min(wanted) as u32;
            *front -= shares;
            wanted -= u64::from(shares);
            let all = *front == 0;
            taken.push(Piece { reference: self.first, shares, all });
            if all {
                self.shares.pop_front();
                self.first = self.first.plus(1);
            }
        }
        taken
    }

    /// Takes from the back, and says from which pieces.
    pub fn reduce(&mut self, lots: u64) -> Vec<Piece> {
        let mut taken = Vec::new();
        let mut wanted = lots;
        while wanted > 0 && !self.shares.is_empty() {
            let reference = self.first.plus(self.shares.len() as u64 - 1);
            let back = self.shares.back_mut().expect("it is not empty");
            let shares = u64::from(*back).min(wanted) as u32;
            *back -= shares;
            wanted -= u64::from(shares);
            let all = *back == 0;
            taken.push(Piece { reference, shares, all });
            if all {
                self.shares.pop_back();
            }
        }
        taken
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.shares.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_order_is_its_pieces_from_both_ends() {
        let most = u64::from(ITCH_SHARES_MAX);
        let first = Reference::new(10);
        let mut pieces = Pieces::of(first, 2 * most + 5).unwrap();
        let piece = |at, shares, all| Piece { reference: first.plus(at), shares, all };
        assert_eq!(pieces.left().collect::<Vec<_>>(), [piece(0, u32::MAX, true), piece(1, u32::MAX, true), piece(2, 5, true)]);
        assert_eq!(pieces.trade(7), [piece(0, 7, false)]);
        assert_eq!(pieces.reduce(6), [piece(2, 5, true), piece(1, 1, false)]);
        assert_eq!(pieces.trade(most - 6), [piece(0, u32::MAX - 7, true), piece(1, 1, false)]);
        assert_eq!(pieces.trade(most - 2), [piece(1, u32::MAX - 2, true)]);
        assert!(pieces.is_gone());
        assert!(Pieces::of(first, most * ITCH_PIECES_MAX).is_some());
        assert_eq!(Pieces::of(first, most * ITCH_PIECES_MAX + 1), None);
    }
}
