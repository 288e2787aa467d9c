//! From pages back to an engine.

use crate::engine::Engine;
use crate::limits::{Capacity, CapacityError};
use crate::state::check::{Inconsistency, check};
use crate::state::{Page, PageNumber};
use core::fmt;
use plinth_types::page::{RegionId, Touch};
use plinth_types::table::Region;
use plinth_types::words;

/// Why pages are not a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreError {
    /// No engine has such a capacity.
    Capacity(CapacityError),
    /// No region has this number, or it has no such page.
    UnknownPage {
        /// Which region.
        region: RegionId,
        /// Which page.
        page: PageNumber,
    },
    /// Pages must ascend by region and number; this one does not.
    OutOfOrder {
        /// Which region.
        region: RegionId,
        /// Which page.
        page: PageNumber,
    },
    /// The bytes are not records of the region.
    Malformed {
        /// Which region.
        region: RegionId,
        /// Which page.
        page: PageNumber,
    },
    /// The records do not fit together.
    Inconsistent(Inconsistency),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capacity(error) => error.fmt(f),
            Self::UnknownPage { region, page } => write!(f, "there is no page {page} of region {}", region.get()),
            Self::OutOfOrder { region, page } => write!(f, "page {page} of region {} is not in order", region.get()),
            Self::Malformed { region, page } => write!(f, "page {page} of region {} holds no records", region.get()),
            Self::Inconsistent(inconsistency) => inconsistency.fmt(f),
        }
    }
}

impl core::error::Error for RestoreError {}

/// An engine with the state of these pages, which must ascend by region and number; pages not given are zero. It behaves as the engine
/// behaves that they were taken from. Whoever restores compares its root with the one it trusts: pages of another consistent state
/// pass here. `touch` is told of nothing.
///
/// # Errors
///
/// [`RestoreError`]; no pages make it panic.
pub fn restore<T: Touch>(capacity: Capacity, pages: impl IntoIterator<Item = Page>, touch: T) -> Result<Engine<T>, RestoreError> {
    capacity.check().map_err(RestoreError::Capacity)?;
    let mut engine = Engine::new(capacity, touch);
    fill(&mut engine, pages)?;
    check(&engine).map_err(RestoreError::Inconsistent)?;
    Ok(engine)
}

fn fill<T: Touch>(engine: &mut Engine<T>, pages: impl IntoIterator<Item = Page>) -> Result<(), RestoreError> {
    let mut tables = engine.regions_mut();
    let mut last = None;
    for Page { region, number, bytes } in pages {
        if last.replace((region, number)) >= Some((region, number)) {
            return Err(RestoreError::OutOfOrder { region, page: number });
        }
        let page = number.get() as usize;
        let table: Option<&mut &mut dyn Region> = tables.iter_mut().find(|table| table.id() == region);
        let Some(table) = table.filter(|table| page < table.page_count()) else {
            return Err(RestoreError::UnknownPage { region, page: number });
        };
        if !table.read_page(page, &words::copied(&bytes)) {
            return Err(RestoreError::Malformed { region, page: number });
        }
    }
    Ok(())
}
