//! From the market data stage to the FIX gateway: the best levels of each book that has changed, as they are when the gateway takes them.
//!
//! The channel is bounded. A book that finds it full is said when there is room again, as it is then.

use crossbeam_channel::Sender;
use plinth_gateway::Waker;
use plinth_gateway::limits::MARKET_DEPTH_MAX;
use plinth_gateway::market::{MarketView, ViewLevel};
use plinth_market_data::{Publisher, UpdateSeq};
use plinth_types::command::Side;
use plinth_types::id::InstrumentId;

/// Views that wait for the gateway.
pub(super) const VIEWS_DEPTH: usize = 1_024;

/// The gateway's end is elsewhere.
#[derive(Debug)]
pub(super) struct Views {
    sender: Sender<MarketView>,
    waker: Waker,
    /// The last update of each instrument that the gateway was told of.
    told: Vec<Option<UpdateSeq>>,
}

impl Views {
    pub(super) const fn new(sender: Sender<MarketView>, waker: Waker) -> Self {
        Self { sender, waker, told: Vec::new() }
    }

    /// Says what has changed since it was last said.
    pub(super) fn say(&mut self, publisher: &Publisher) {
        let mut said = false;
        for (index, instrument) in publisher.instruments().enumerate() {
            let seq = publisher.seq(instrument.id);
            if self.told.len() <= index {
                self.told.resize(index + 1, None);
            }
            if self.told[index] == Some(seq) {
                continue;
            }
            if self.sender.try_send(view_of(publisher, instrument.id)).is_err() {
                break;
            }
            self.told[index] = Some(seq);
            said = true;
        }
        if said {
            self.waker.wake();
        }
    }
}

fn view_of(publisher: &Publisher, instrument: InstrumentId) -> MarketView {
    let side = |side| {
        let levels = publisher.engine().depth(instrument, side).take(MARKET_DEPTH_MAX);
        levels.map(|level| ViewLevel { price: level.price, lots: level.lots }).collect()
    };
    MarketView { instrument, bids: side(Side::Buy), offers: side(Side::Sell) }
}
