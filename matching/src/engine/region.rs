//! The numbers of the engine's state regions; custody has 1 to 4. They are part of the state root: a number is never given to another
//! table.

use plinth_types::page::RegionId;

/// Counters of the zone.
pub const COUNTERS: RegionId = RegionId::new(5);
/// Mandates.
pub const MANDATES: RegionId = RegionId::new(6);
/// Sessions: how many orders each has made.
pub const SESSIONS: RegionId = RegionId::new(7);
/// Instruments and the state of their books.
pub const BOOKS: RegionId = RegionId::new(8);
/// Price levels, of windows and spills.
pub const LEVELS: RegionId = RegionId::new(9);
/// Which levels of a window hold orders.
pub const BITMAP: RegionId = RegionId::new(10);
/// Sorted levels outside the windows.
pub const SPILL: RegionId = RegionId::new(11);
/// Resting orders.
pub const ORDERS: RegionId = RegionId::new(12);
/// Where each resting order is, by its id.
pub const INDEX: RegionId = RegionId::new(13);
/// What accounts are protected from.
pub const GUARDED: RegionId = RegionId::new(14);
/// What is hidden of each resting order.
pub const HIDDEN: RegionId = RegionId::new(15);

/// How many messages went out to each zone.
pub const CHANNELS: RegionId = RegionId::new(16);
/// What each waiting order waits for.
pub const WAITING: RegionId = RegionId::new(17);
/// What orders of each instrument must be like.
pub const TERMS: RegionId = RegionId::new(18);
/// Changes that wait for their date.
pub const DATED: RegionId = RegionId::new(19);
/// When each instrument trades.
pub const CALENDARS: RegionId = RegionId::new(20);
/// Groups of quotes.
pub const QUOTE_GROUPS: RegionId = RegionId::new(21);
/// What each group quotes of each of its instruments.
pub const QUOTES: RegionId = RegionId::new(22);
/// Firms.
pub const FIRMS: RegionId = RegionId::new(23);

/// How long each order lives.
pub const LIFETIMES: RegionId = RegionId::new(24);
/// The orders of each book that have a lifetime, by what ends it.
pub const LISTS: RegionId = RegionId::new(25);
/// Which order's time passes first.
pub const DEADLINES: RegionId = RegionId::new(26);

/// Which orders of each book are pegged.
pub const PEGGED: RegionId = RegionId::new(27);
/// What the pegged orders of each book were last priced by.
pub const PEG_BOOKS: RegionId = RegionId::new(28);

/// Orders that are tied.
pub const TIES: RegionId = RegionId::new(29);

/// Region numbers are below this.
pub const END: usize = 30;
