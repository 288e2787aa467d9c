//! Reference data of the trading zone: assets, accounts, instruments, mandates. It enters the zone as sequenced commands, so a
//! replay knows every instrument exactly as it was when each order came.

use crate::choice;
use crate::codec::{Codec, DecodeError, Reader, signed_bytes};
use crate::firm::{FirmAccount, FirmLimits};
use crate::id::{AccountId, AssetId, FirmId, InstrumentId, MandateId, PublicKey, SessionId, Signature, TimestampNs};
use crate::limits::NAME_SIZE_MAX;
use crate::quantity::{Amount, Price, Qty};
use crate::quote::QuoteGroup;
use crate::record;
use crate::terms::Dated;
use alloc::vec::Vec;
use core::fmt;

/// A short display name: 1 to [`NAME_SIZE_MAX`] printable ASCII characters without space, zero-padded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name([u8; NAME_SIZE_MAX]);

impl Name {
    /// `None` for an empty, too long, non-ASCII or unprintable name.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.is_empty() || bytes.len() > NAME_SIZE_MAX || !bytes.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let mut name = [0; NAME_SIZE_MAX];
        name[..bytes.len()].copy_from_slice(bytes);
        Some(Self(name))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|&byte| byte == 0).unwrap_or(NAME_SIZE_MAX);
        core::str::from_utf8(&self.0[..len]).unwrap_or_default()
    }

    /// The zero-padded bytes, as they are stored.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; NAME_SIZE_MAX] {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Codec for Name {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes: [u8; NAME_SIZE_MAX] = reader.array()?;
        let name = core::str::from_utf8(&bytes).ok().and_then(|text| Self::new(text.trim_end_matches('\0')));
        name.filter(|name| name.0 == bytes).ok_or_else(|| reader.invalid("name"))
    }
}

/// Something that can be owned: cash, a coin, a security.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its number, dense from 0.
    pub id: AssetId,
    /// As people call it.
    pub name: Name,
    /// Decimal places of one display unit in smallest units: 1 BTC = 10^8 lots has 8.
    pub decimals: u8,
}

/// An account of the trading zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number, dense from 0.
    pub id: AccountId,
    /// As people call it.
    pub name: Name,
    /// Who signs its deposits, withdrawals and mandates.
    pub owner: PublicKey,
}

/// Something that trades: a base asset priced in a quote asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// Its number, dense from 0.
    pub id: InstrumentId,
    /// `Symbol`, FIX tag 55.
    pub symbol: Name,
    /// What is bought and sold; one lot is its smallest unit.
    pub base: AssetId,
    /// What is paid; one tick of one lot is its smallest unit.
    pub quote: AssetId,
    /// Decimal places of a price in the instrument's display unit: tick 0.01 has 2.
    pub price_decimals: u8,
    /// Decimal places of a quantity in the display unit: lot 10^-8 has 8.
    pub qty_decimals: u8,
    /// Largest order.
    pub qty_max: Qty,
    /// Lowest price of the dense window of levels; other prices are legal and slower.
    pub window_low: Price,
    /// Width of the window is `2^window_bits` ticks, 6 to 20.
    pub window_bits: u8,
}

/// An owner's signed leave for a session to trade on an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mandate {
    /// Its number, dense from 0.
    pub id: MandateId,
    /// Who may act.
    pub session: SessionId,
    /// On what.
    pub account: AccountId,
    /// Which acts are allowed.
    pub scope: Scope,
    /// Commands stamped later are refused.
    pub expires_at: TimestampNs,
}

/// Which acts a mandate allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// New orders, replaces and cancels.
    Trade,
    /// Cancels only.
    CancelOnly,
}

/// A mandate with its owner's signature over [`Mandate::signed_bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedMandate {
    /// What was signed.
    pub mandate: Mandate,
    /// By the owner of the account. The core does not check it; who sequences the mandate and who audits a body does.
    pub signature: Signature,
}

impl Mandate {
    /// Domain of the owner's signature.
    pub const DOMAIN: &'static [u8] = b"plinth/mandate/1";

    /// What the owner signs: domain, chain, mandate.
    #[must_use]
    pub fn signed_bytes(&self, chain: crate::id::ChainId) -> Vec<u8> {
        signed_bytes(Self::DOMAIN, chain, self)
    }
}

/// Whom a kill switch stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trader {
    /// A session, on whatever account.
    Session(SessionId),
    /// An account, through whatever session.
    Account(AccountId),
    /// All accounts of a firm.
    Firm(FirmId),
}

/// A kill switch: from this command on the trader may cancel only, and all its orders are taken off; or it may trade again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// Who.
    pub trader: Trader,
    /// Stopped, or free again.
    pub suspended: bool,
}

/// What an account is protected from. Replaces what was said before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protection {
    /// Which account.
    pub account: AccountId,
    /// Its orders and those of accounts with the same group do not trade with each other. `None`: it may trade with itself.
    pub self_match: Option<SelfMatch>,
    /// Most open orders, at least 1; `None` for no bound but the zone's.
    pub orders_max: Option<u32>,
    /// Most that a limit order may be worth, price times quantity in the quote asset, above zero.
    pub notional_max: Option<Amount>,
}

/// Self-match prevention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfMatch {
    /// The number of the group: any but 0.
    pub group: u32,
    /// What happens instead of a trade; the incoming order's account decides.
    pub mode: SelfMatchMode,
}

/// What happens to two orders of one group instead of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfMatchMode {
    /// What is left of the incoming order is cancelled.
    CancelNewest,
    /// The resting order is cancelled, and the incoming one goes on.
    CancelOldest,
    /// Both are cancelled.
    CancelBoth,
    /// Both lose the quantity of the smaller one, which is thereby cancelled.
    Decrement,
}

/// Between which prices an instrument's orders must be, and how far a market order reaches. Orders that rest already stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bands {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// Lowest price of an order.
    pub low: Price,
    /// Highest price of an order.
    pub high: Price,
    /// How many ticks from the best price that it meets a market order trades; `None`: as far as there are orders.
    pub market_reach: Option<u32>,
}

/// One change of reference data: the tail of a configuration command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "kept in place, so that reading one allocates nothing; none is kept for long")]
pub enum Configuration {
    /// Adds an asset.
    AddAsset(Asset),
    /// Opens an account.
    OpenAccount(Account),
    /// Lists an instrument.
    ListInstrument(Instrument),
    /// Grants a mandate.
    GrantMandate(SignedMandate),
    /// Stops a trader, or lets it trade again.
    Suspend(Suspension),
    /// Protects an account.
    Protect(Protection),
    /// Sets an instrument's bands.
    SetBands(Bands),
    /// Changes an instrument's phase.
    SetPhase(PhaseChange),
    /// Changes what an instrument is, now or at a date.
    Date(Dated),
    /// Makes a group of quotes, or changes what protects it.
    SetQuoteGroup(QuoteGroup),
    /// Makes a firm, or changes its limits.
    SetFirm(FirmLimits),
    /// Puts an account under a firm.
    AssignFirm(FirmAccount),
    /// Takes off orders that are due.
    Expire(Expiry),
}

/// What an instrument's market does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Orders trade as they come.
    Continuous,
    /// Orders are collected, before the auction that opens and after the one that closes.
    PreOpen,
    /// Orders are collected for the auction that opens.
    OpeningAuction,
    /// Orders are collected, since prices moved too far.
    VolatilityAuction,
    /// Orders are collected for the auction that closes.
    ClosingAuction,
    /// Only cancels are taken.
    Halt,
}

/// From now on, by word of an operator or a timer, an instrument is in this phase. The one that it is in asks for the indicative price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseChange {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// Its phase.
    pub phase: Phase,
}

/// Takes off orders whose time has passed, as every command does, and those of an instrument's day that has ended; of either so many
/// with one command. The appliance's timer says so, and says it again while some are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// Its day ends now, if it is not in the continuous phase. Without this only what earlier days left is taken off.
    pub ends_day: bool,
}

choice!(Configuration, "configuration tag" {
    1 => AddAsset(asset),
    2 => OpenAccount(account),
    3 => ListInstrument(instrument),
    4 => GrantMandate(signed),
    5 => Suspend(suspension),
    6 => Protect(protection),
    7 => SetBands(bands),
    8 => SetPhase(change),
    12 => Date(dated),
    13 => SetQuoteGroup(group),
    14 => SetFirm(limits),
    15 => AssignFirm(assigned),
    9 => Expire(expiry),
});

record!(Asset { id, name, decimals });
record!(Account { id, name, owner });
record!(Instrument { id, symbol, base, quote, price_decimals, qty_decimals, qty_max, window_low, window_bits });
record!(Mandate { id, session, account, scope, expires_at });

record!(Suspension { trader, suspended });
record!(SignedMandate { mandate, signature });
record!(PhaseChange { instrument, phase });
record!(Expiry { instrument, ends_day });
choice!(Phase, "phase" {
    0 => Continuous, 1 => PreOpen, 2 => OpeningAuction, 3 => VolatilityAuction, 4 => ClosingAuction, 5 => Halt
});
choice!(Trader, "trader" { 1 => Session(session), 2 => Account(account), 3 => Firm(firm) });

// Absent bounds are the number that would mean nothing as a bound.
impl Codec for Protection {
    fn encode(&self, out: &mut Vec<u8>) {
        self.account.encode(out);
        self.self_match.map_or(0, |found| found.group).encode(out);
        self.self_match.map_or(0, |found| found.mode.code()).encode(out);
        self.orders_max.unwrap_or(0).encode(out);
        self.notional_max.unwrap_or(Amount::ZERO).encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let account = Codec::read(reader)?;
        let (group, mode) = (u32::read(reader)?, u8::read(reader)?);
        let self_match = match (group, SelfMatchMode::from_code(mode)) {
            (0, None) if mode == 0 => None,
            (1.., Some(mode)) => Some(SelfMatch { group, mode }),
            _ => return Err(reader.invalid("self-match prevention")),
        };
        let (orders_max, notional_max) = (u32::read(reader)?, Amount::read(reader)?);
        let notional_max = (notional_max != Amount::ZERO).then_some(notional_max);
        Ok(Self { account, self_match, orders_max: (orders_max != 0).then_some(orders_max), notional_max })
    }
}

impl Codec for Bands {
    fn encode(&self, out: &mut Vec<u8>) {
        self.instrument.encode(out);
        self.low.encode(out);
        self.high.encode(out);
        self.market_reach.unwrap_or(u32::MAX).encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (instrument, low, high) = (Codec::read(reader)?, Codec::read(reader)?, Codec::read(reader)?);
        let reach = u32::read(reader)?;
        Ok(Self { instrument, low, high, market_reach: (reach != u32::MAX).then_some(reach) })
    }
}

impl Phase {
    /// The stable code: 0 is continuous.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Continuous => 0,
            Self::PreOpen => 1,
            Self::OpeningAuction => 2,
            Self::VolatilityAuction => 3,
            Self::ClosingAuction => 4,
            Self::Halt => 5,
        }
    }

    /// The phase of a code; `None` if there is none.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Continuous),
            1 => Some(Self::PreOpen),
            2 => Some(Self::OpeningAuction),
            3 => Some(Self::VolatilityAuction),
            4 => Some(Self::ClosingAuction),
            5 => Some(Self::Halt),
            _ => None,
        }
    }

    /// Whether orders are collected to trade at one price.
    #[must_use]
    pub const fn is_auction(self) -> bool {
        matches!(self, Self::OpeningAuction | Self::VolatilityAuction | Self::ClosingAuction)
    }
}

impl SelfMatchMode {
    /// The stable code, from 1.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::CancelNewest => 1,
            Self::CancelOldest => 2,
            Self::CancelBoth => 3,
            Self::Decrement => 4,
        }
    }

    /// The mode of a code; `None` if there is none.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::CancelNewest),
            2 => Some(Self::CancelOldest),
            3 => Some(Self::CancelBoth),
            4 => Some(Self::Decrement),
            _ => None,
        }
    }
}

choice!(Scope, "mandate scope" { 1 => Trade, 2 => CancelOnly });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_printable_ascii() {
        assert_eq!(Name::new("BTC/USD").unwrap().as_str(), "BTC/USD");
        for refused in ["", "BTC USD", "12345678901234567", "é", "a\0b"] {
            assert_eq!(Name::new(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn a_name_with_bytes_behind_the_padding_does_not_decode() {
        let mut bytes = Name::new("BTC").unwrap().to_bytes();
        assert!(Name::decode(&bytes).is_ok());
        bytes[9] = b'x';
        assert!(Name::decode(&bytes).is_err());
    }
}
