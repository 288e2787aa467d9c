//! From records to ITCH: the publisher's updates as messages, in sessions of a day.

use super::day::{SessionName, TradingDay};
use super::message::{Body, Message, Stock};
use super::pieces::{Piece, Pieces};
use crate::limits::{ITCH_LOCATES_MAX, ITCH_PRICE_DECIMALS};
use crate::numbers::NumberMap;
use crate::publisher::Publisher;
use crate::update::{Change, Reference, ShownOrder, Update};
use plinth_matching::limits::Capacity;
use plinth_types::command::{Body as CommandBody, Command, Side};
use plinth_types::id::{InstrumentId, TimestampNs, ZoneId};
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reference::{Instrument, Phase};
use std::collections::BTreeSet;

/// Takes what the feed says, in order.
pub trait BlockSink {
    /// A session begins; the one before has ended.
    fn begin(&mut self, session: SessionName);
    /// So many messages of the session, each with its size in front.
    fn blocks(&mut self, count: u64, blocks: &[u8]);
    /// The session has no more messages.
    fn end(&mut self);
}

/// What ITCH could not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Instruments whose prices or numbers do not fit.
    pub instruments: u64,
    /// Orders whose price or size does not fit.
    pub orders: u64,
    /// Trades with them.
    pub trades: u64,
}

/// The feed of a zone.
#[derive(Debug)]
pub struct Feed {
    publisher: Publisher,
    zone: ZoneId,
    updates: Vec<Update>,
    encoder: Encoder,
}

impl Feed {
    /// The feed before the zone's first record.
    #[must_use]
    pub fn new(zone: ZoneId, capacity: Capacity) -> Self {
        Self { publisher: Publisher::new(capacity), zone, updates: Vec::new(), encoder: Encoder::default() }
    }

    /// Takes a durable record. Notes are the host's own and say nothing, not even that a day has begun.
    ///
    /// # Panics
    ///
    /// As [`Publisher::apply`].
    pub fn apply(&mut self, command: &Command, tail: &[u8], sink: &mut impl BlockSink) {
        if command.body == CommandBody::Note {
            return;
        }
        let day = TradingDay::of(command.time);
        if self.encoder.day.is_none_or(|open| day > open) {
            self.open(day, command.time, sink);
        }
        self.updates.clear();
        self.publisher.apply(command, tail, &mut self.updates);
        for update in &self.updates {
            self.encoder.update(update);
        }
        self.encoder.flush(sink);
    }

    /// Ends the day before and says all that rests.
    fn open(&mut self, day: TradingDay, time: TimestampNs, sink: &mut impl BlockSink) {
        let Self { publisher, encoder, .. } = self;
        if encoder.day.is_some() {
            // Stamped at the end of the day, not when it was noticed.
            encoder.time_ns = encoder.time_ns.max(DAY_LAST_NS);
            b"MEC".iter().for_each(|&event| encoder.system(event));
            encoder.flush(sink);
            sink.end();
        }
        encoder.begin(day, time);
        sink.begin(day.session(self.zone));
        b"OS".iter().for_each(|&event| encoder.system(event));
        for instrument in publisher.instruments() {
            encoder.list(&instrument, 0, publisher.engine().phase(instrument.id));
        }
        for instrument in publisher.instruments() {
            publisher.shown(instrument.id).for_each(|order| encoder.show(instrument.id, &order));
        }
        encoder.system(b'Q');
        encoder.flush(sink);
    }

    /// The session that is open; `None` before the first record.
    #[must_use]
    pub fn session(&self) -> Option<SessionName> {
        self.encoder.day.map(|day| day.session(self.zone))
    }

    /// The books themselves.
    #[must_use]
    pub const fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// What was left out since the day began; orders that rested then count again.
    #[must_use]
    pub const fn left(&self) -> Left {
        self.encoder.left
    }

    /// All that is shown now, as messages that a consumer begins with, and how many they are. The tracking numbers are those of each
    /// stock's last message.
    #[must_use]
    pub fn snapshot(&self) -> (u64, Vec<u8>) {
        let Encoder { day, time_ns, .. } = self.encoder;
        let (large, left_out) = (self.encoder.large.clone(), self.encoder.left_out.clone());
        let mut encoder = Encoder { day, time_ns, large, left_out, repeats: true, ..Encoder::default() };
        for instrument in self.publisher.instruments() {
            let tracking = self.encoder.listed(instrument.id).map_or(0, |listed| listed.tracking);
            encoder.list(&instrument, tracking, self.publisher.engine().phase(instrument.id));
            self.publisher.shown(instrument.id).for_each(|order| encoder.show(instrument.id, &order));
        }
        (encoder.count, encoder.blocks)
    }
}

const DAY_LAST_NS: u64 = 86_400 * 1_000_000_000 - 1;

/// Makes messages of updates.
#[derive(Debug, Default)]
struct Encoder {
    day: Option<TradingDay>,
    /// Since midnight, never going back.
    time_ns: u64,
    /// Messages of the venue, modulo 2^16.
    system: u16,
    listed: Vec<Option<Listed>>,
    symbols: BTreeSet<Stock>,
    /// Orders of more than one piece.
    large: NumberMap<Reference, Pieces>,
    /// Orders that are not carried.
    left_out: NumberMap<Reference, ()>,
    left: Left,
    blocks: Vec<u8>,
    count: u64,
    /// It says again what was said, so its messages do not count.
    repeats: bool,
}

/// An instrument that is carried.
#[derive(Clone, Copy, Debug)]
struct Listed {
    locate: u16,
    stock: Stock,
    /// Ten-thousandths of a tick.
    per_tick: u64,
    /// Its last message.
    tracking: u16,
    /// The kind of auction that its orders are collected for.
    cross: u8,
}

impl Encoder {
    fn begin(&mut self, day: TradingDay, time: TimestampNs) {
        *self = Self { day: Some(day), time_ns: day.since_midnight(time), ..Self::default() };
    }

    fn flush(&mut self, sink: &mut impl BlockSink) {
        if self.count > 0 {
            sink.blocks(self.count, &self.blocks);
        }
        self.blocks.clear();
        self.count = 0;
    }

    fn listed(&self, instrument: InstrumentId) -> Option<&Listed> {
        self.listed.get(instrument.get() as usize)?.as_ref()
    }

    fn system(&mut self, event: u8) {
        self.system = self.system.wrapping_add(1);
        let body = Body::SystemEvent { event };
        self.write(&Message { locate: 0, tracking: self.system, time_ns: self.time_ns, body });
    }

    /// Says something of an instrument that is carried; nothing of another one.
    fn say(&mut self, instrument: InstrumentId, body: impl FnOnce(&Listed) -> Body) {
        let Some(Some(listed)) = self.listed.get_mut(instrument.get() as usize) else { return };
        listed.tracking = listed.tracking.wrapping_add(u16::from(!self.repeats));
        let message = Message { locate: listed.locate, tracking: listed.tracking, time_ns: self.time_ns, body: body(listed) };
        self.write(&message);
    }

    fn write(&mut self, message: &Message) {
        message.write_block(&mut self.blocks);
        self.count += 1;
    }

    fn update(&mut self, update: &Update) {
        let instrument = update.instrument;
        if let Some(day) = self.day {
            // A record of the day before can follow one of the day: clocks are set back. Its messages stay in the day that is open.
            self.time_ns = self.time_ns.max(day.since_midnight(update.time));
        }
        match update.change {
            Change::Listed(listed) => self.list(&listed, 0, None),
            Change::Phase(phase) => self.phase(instrument, phase),
            Change::Indicative { price, lots, surplus, surplus_side } => {
                self.indicate(instrument, price, (lots, surplus, surplus_side));
            }
            Change::Added { reference, side, price, qty } => {
                self.show(instrument, &ShownOrder { reference, side, price, lots: qty.into() });
            }
            Change::Executed { reference, qty, trade } => {
                self.trade(instrument, reference, qty, |reference, shares| Body::Executed { reference, shares, trade });
            }
            Change::ExecutedAt { reference, qty, trade, price, printable } => match self.price(instrument, price) {
                Some(price) => self.trade(instrument, reference, qty, |reference, shares| Body::ExecutedAt {
                    reference,
                    shares,
                    trade,
                    printable,
                    price,
                }),
                // The order at least is smaller.
                None => {
                    self.left.trades += 1;
                    self.trade(instrument, reference, qty, |reference, shares| Body::Cancelled { reference, shares });
                }
            },
            Change::Reduced { reference, qty } => self.reduce(instrument, reference, qty),
            Change::Deleted { reference } => self.delete(instrument, reference),
            Change::Replaced { old, new, side, price, qty } => {
                self.replace(instrument, old, &ShownOrder { reference: new, side, price, lots: qty.into() });
            }
            Change::Traded { side, price, qty, trade } => {
                let pieces = Pieces::of(Reference::new(0), qty.lots());
                match (self.price(instrument, price), pieces) {
                    (Some(price), Some(pieces)) => pieces.left().for_each(|Piece { shares, .. }| {
                        self.say(instrument, |listed| Body::Trade { side, shares, stock: listed.stock, price, trade });
                    }),
                    _ => self.left.trades += 1,
                }
            }
        }
    }

    /// `tracking` is its last message's.
    fn list(&mut self, instrument: &Instrument, tracking: u16, phase: Option<Phase>) {
        let index = instrument.id.get();
        let fits = index < ITCH_LOCATES_MAX && instrument.price_decimals <= ITCH_PRICE_DECIMALS;
        self.left.instruments += u64::from(!fits);
        let listed = fits.then(|| {
            let locate = (index + 1) as u16;
            let decimals = ITCH_PRICE_DECIMALS - instrument.price_decimals;
            let stock = self.stock(instrument.symbol.as_str(), locate);
            let cross = cross_of(phase.unwrap_or(Phase::Continuous));
            Listed { locate, stock, per_tick: 10_u64.pow(decimals.into()), tracking, cross }
        });
        self.listed.resize(index as usize, None);
        self.listed.push(listed);
        self.say(instrument.id, |listed| Body::StockDirectory { stock: listed.stock, round_lot_size: 1 });
        self.phase(instrument.id, phase.unwrap_or(Phase::Continuous));
    }

    fn phase(&mut self, instrument: InstrumentId, phase: Phase) {
        let state = match phase {
            Phase::Continuous => b'T',
            Phase::PreOpen | Phase::OpeningAuction | Phase::ClosingAuction => b'Q',
            Phase::VolatilityAuction => b'P',
            Phase::Halt => b'H',
        };
        if let Some(Some(listed)) = self.listed.get_mut(instrument.get() as usize) {
            listed.cross = cross_of(phase);
        }
        self.say(instrument, |listed| Body::TradingAction { stock: listed.stock, state, reason: *b"    " });
    }

    /// A price that does not fit, or is none, is zero, as the standard has it.
    fn indicate(&mut self, instrument: InstrumentId, price: Option<Price>, (paired, surplus, side): (Lots, Lots, Side)) {
        let price = price.and_then(|price| self.price(instrument, price)).unwrap_or(0);
        let direction = match (paired == Lots::ZERO, surplus == Lots::ZERO, side) {
            (true, _, _) => b'O',
            (false, true, _) => b'N',
            (false, false, Side::Buy) => b'B',
            (false, false, Side::Sell) => b'S',
        };
        self.say(instrument, |listed| Body::Imbalance {
            paired: paired.get(),
            imbalance: surplus.get(),
            direction,
            stock: listed.stock,
            prices: [price; 3],
            cross: listed.cross,
            variation: b' ',
        });
    }

    fn stock(&mut self, symbol: &str, locate: u16) -> Stock {
        let padded = |text: &str| {
            let mut stock = [b' '; 8];
            stock[..text.len()].copy_from_slice(text.as_bytes());
            stock
        };
        let whole =
            (symbol.len() <= 8 && !symbol.starts_with('#')).then(|| padded(symbol)).filter(|stock| !self.symbols.contains(stock));
        let stock = whole.unwrap_or_else(|| padded(&format!("#{locate}")));
        self.symbols.insert(stock);
        stock
    }

    fn price(&self, instrument: InstrumentId, price: Price) -> Option<u32> {
        let ticks = u64::try_from(price.ticks()).ok()?;
        u32::try_from(ticks.checked_mul(self.listed(instrument)?.per_tick)?).ok()
    }

    fn show(&mut self, instrument: InstrumentId, order: &ShownOrder) {
        let &ShownOrder { reference, side, price, lots } = order;
        if self.listed(instrument).is_none() {
            return;
        }
        // A large order that is said again is as it was left.
        let pieces = self.large.get(&reference).cloned().or_else(|| Pieces::of(reference, lots.get()));
        let (Some(price), Some(pieces), false) = (self.price(instrument, price), pieces, self.left_out.contains_key(&reference))
        else {
            self.left.orders += 1;
            self.left_out.insert(reference, ());
            return;
        };
        for piece in pieces.left() {
            let (reference, shares) = (piece.reference, piece.shares);
            self.say(instrument, |listed| Body::AddOrder { reference, side, shares, stock: listed.stock, price });
        }
        if pieces.left().nth(1).is_some() {
            self.large.insert(reference, pieces);
        }
    }

    /// Takes a traded quantity from an order, piece by piece.
    fn trade(&mut self, instrument: InstrumentId, reference: Reference, qty: Qty, body: impl Fn(Reference, u32) -> Body) {
        if self.left_out.contains_key(&reference) {
            self.left.trades += 1;
        } else if let Some(pieces) = self.large.get_mut(&reference) {
            let taken = pieces.trade(qty.lots());
            if pieces.is_gone() {
                self.large.remove(&reference);
            }
            taken.iter().for_each(|piece| self.say(instrument, |_| body(piece.reference, piece.shares)));
        } else {
            self.say(instrument, |_| body(reference, shares(qty)));
        }
    }

    fn reduce(&mut self, instrument: InstrumentId, reference: Reference, qty: Qty) {
        if self.left_out.contains_key(&reference) {
            return;
        }
        let Some(pieces) = self.large.get_mut(&reference) else {
            return self.say(instrument, |_| Body::Cancelled { reference, shares: shares(qty) });
        };
        for piece in pieces.reduce(qty.lots()) {
            let (reference, shares) = (piece.reference, piece.shares);
            self.say(instrument, |_| if piece.all { Body::Deleted { reference } } else { Body::Cancelled { reference, shares } });
        }
    }

    fn delete(&mut self, instrument: InstrumentId, reference: Reference) {
        if self.left_out.remove(&reference).is_some() {
            return;
        }
        match self.large.remove(&reference) {
            None => self.say(instrument, |_| Body::Deleted { reference }),
            Some(pieces) => {
                pieces.left().for_each(|piece| self.say(instrument, |_| Body::Deleted { reference: piece.reference }));
            }
        }
    }

    fn replace(&mut self, instrument: InstrumentId, old: Reference, order: &ShownOrder) {
        let new = order.reference;
        let simple = !self.left_out.contains_key(&old) && !self.large.contains_key(&old);
        match (self.price(instrument, order.price), u32::try_from(order.lots.get())) {
            (Some(price), Ok(shares)) if simple => self.say(instrument, |_| Body::Replaced { old, new, shares, price }),
            _ => {
                self.delete(instrument, old);
                self.show(instrument, order);
            }
        }
    }
}

/// The auction behind a phase, as ITCH names it.
const fn cross_of(phase: Phase) -> u8 {
    match phase {
        Phase::Continuous | Phase::PreOpen | Phase::OpeningAuction => b'O',
        Phase::ClosingAuction => b'C',
        Phase::VolatilityAuction | Phase::Halt => b'H',
    }
}

/// An order of one piece has as many.
fn shares(qty: Qty) -> u32 {
    u32::try_from(qty.lots()).expect("an order of one piece has no more shares")
}
