//! What is shown of an instrument's book, as the gateway is told it.

use plinth_types::id::InstrumentId;
use plinth_types::quantity::{Lots, Price};

/// The best levels of an instrument's book behind some durable record. A later one says all that an earlier one did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketView {
    /// Of what.
    pub instrument: InstrumentId,
    /// Best first; more than [`MARKET_DEPTH_MAX`](crate::limits::MARKET_DEPTH_MAX) are not looked at.
    pub bids: Vec<ViewLevel>,
    /// Best first.
    pub offers: Vec<ViewLevel>,
}

/// One price and what is shown at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewLevel {
    /// The price.
    pub price: Price,
    /// What is shown.
    pub lots: Lots,
}
