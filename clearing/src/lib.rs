//! Custody of the trading zone: who owns what, and how much of it is promised to open orders.
//!
//! The accounts of the trading zone are its only home of money (DESIGN 4.6). A [`Custody`] holds one [`Balance`] for each pair of
//! account and asset, as tables of the zone's state (see [`plinth_types::table`]).
//!
//! Invariants, kept by every operation and checked by [`Custody::check`]:
//! * `reserved <= settled` in every balance: what is promised is owned, and nothing is below zero;
//! * for every asset the `settled` of all accounts sum to [`Custody::total`], which only [`Custody::credit`] and
//!   [`Custody::debit`] change;
//! * a total is at most [`AMOUNT_MAX`](plinth_types::limits::AMOUNT_MAX), so no sum of balances can overflow.
//!
//! A refusal is a [`Reject`](plinth_types::reject::Reject) and changes nothing. Releasing or settling what was not reserved is a bug
//! of the engine, and stops the process before a wrong balance can be signed.
//!
//! Known limitations: `due_in` and `due_out` are laid out for settlement policies that come later and are always zero today: a fill
//! moves both legs at once.

#![no_std]
#![deny(clippy::float_arithmetic)]

mod balance;
mod custody;
pub mod region;

pub use balance::Balance;
pub use custody::{BalancePlace, Custody, Imbalance, Settlement};
