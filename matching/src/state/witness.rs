//! The part of a state that a block uses, and how it stands in the root: what a prover's guest has instead of the state.
//!
//! ```text
//! witness = for each region in order:   │ count u32 │ count × number u32 │ count × 512 bytes │ blocks │     count > 0
//!                                        │ 0 u32     │ top, 32 bytes      │                            count = 0
//! blocks  = for each tier above the pages, for each node above one that is used: 16 digests, zero in place of those used
//! ```
//!
//! One multiproof: a node above several used ones stands in it once. Numbers are little-endian and all parts are whole words.
//!
//! * [`witness`] takes it from an engine and its tree, given the pages that [`Accessed`] saw.
//! * [`open`] makes a partial engine of it and says which root it belongs to: it can say any root, so whoever opens it compares.
//! * [`Present`] lets a partial engine use no page but those of the witness: others are zero in memory, which may not be what they are.
//! * [`Opened::close`] says the root behind the changes.

use super::hash::{ARITY, DigestWords, NodeWords, digest_of, leaf, node, node_above_some};
use super::tree::root_of_tops;
use super::{Dirty, PageNumber, RegionLayout, StateTree, layout};
use crate::engine::Engine;
use crate::engine::region::END;
use crate::limits::Capacity;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use plinth_types::digest::Digest;
use plinth_types::limits::PAGE_SIZE;
use plinth_types::page::{RegionId, Touch};
use plinth_types::table::{PageWords, Region};
use plinth_types::words::{bytes_of, words_of_mut};

/// A set of pages that were read or written.
#[derive(Clone, Debug)]
pub struct Accessed(Dirty);

impl Accessed {
    /// No page, of a zone with this capacity.
    #[must_use]
    pub fn new(capacity: &Capacity) -> Self {
        Self(Dirty::new(capacity))
    }

    /// How many pages are in the set.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.count()
    }
}

impl Touch for Accessed {
    fn touch(&mut self, region: RegionId, slot: usize) {
        self.0.touch(region, slot);
    }
}

/// What becomes of an execution that uses a page its witness lacks.
pub trait Missing {
    /// Ends it.
    fn missing(region: RegionId, slot: usize) -> !;
}

/// The pages of a witness.
#[derive(Debug)]
pub struct Present<M> {
    /// One for each page of each region: whether it is there.
    pages: Box<[u8]>,
    places: [Place; END],
    missing: PhantomData<M>,
}

/// Where a region's pages are among all.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    first_page: usize,
    /// Records of a page are two to the power of this.
    shift: u32,
}

impl<M: Missing> Present<M> {
    fn new(capacity: &Capacity) -> Self {
        let mut places = [Place::default(); END];
        let mut first_page = 0;
        for layout in layout(capacity) {
            let page_records = PAGE_SIZE / layout.record_size;
            places[usize::from(layout.region.get())] = Place { first_page, shift: page_records.ilog2() };
            first_page += layout.record_count.div_ceil(page_records);
        }
        Self { pages: vec![0; first_page].into_boxed_slice(), places, missing: PhantomData }
    }

    fn add(&mut self, region: RegionId, page: u32) {
        self.pages[self.places[usize::from(region.get())].first_page + page as usize] = 1;
    }
}

impl<M: Missing> Touch for Present<M> {
    #[inline(always)]
    fn touch(&mut self, region: RegionId, slot: usize) {
        let Place { first_page, shift } = self.places[usize::from(region.get())];
        if self.pages[first_page + (slot >> shift)] == 0 {
            M::missing(region, slot);
        }
    }
}

/// Why bytes are no witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WitnessError {
    /// They do not begin at the address of a word, or are no whole words.
    Address,
    /// They end early.
    Truncated,
    /// They go on behind the last region.
    Trailing,
    /// Pages must ascend and exist.
    Number {
        /// Which region.
        region: RegionId,
        /// The number found.
        page: PageNumber,
    },
    /// The bytes are not records of the region.
    Malformed {
        /// Which region.
        region: RegionId,
        /// Which page.
        page: PageNumber,
    },
}

impl fmt::Display for WitnessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("witness not of whole words"),
            Self::Truncated => f.write_str("witness cut short"),
            Self::Trailing => f.write_str("bytes behind the witness"),
            Self::Number { region, page } => write!(f, "page {page} of region {} is not there, or not in order", region.get()),
            Self::Malformed { region, page } => write!(f, "page {page} of region {} holds no records", region.get()),
        }
    }
}

impl core::error::Error for WitnessError {}

/// The witness of `accessed` pages, of an engine whose tree is up to date.
///
/// # Panics
///
/// If tree and set are of another capacity than the engine.
#[must_use]
pub fn witness<T: Touch>(engine: &Engine<T>, tree: &StateTree, accessed: &Accessed) -> Vec<u8> {
    let mut out = Vec::new();
    for (table, tiers) in engine.regions().into_iter().zip(tree.tiers()) {
        let mut used: Vec<usize> = accessed.0.pages(table.id()).collect();
        put_u32(used.len(), &mut out);
        if used.is_empty() {
            out.extend_from_slice(&tiers[tiers.len() - 1][0].0);
            continue;
        }
        used.iter().for_each(|&page| put_u32(page, &mut out));
        let mut words = [0; PAGE_SIZE / 4];
        for &page in &used {
            table.write_page(page, &mut words);
            out.extend_from_slice(bytes_of(&words));
        }
        for tier in &tiers[..tiers.len() - 1] {
            for family in used.chunk_by(|a, b| a / ARITY == b / ARITY) {
                let mut block = super::tree::children(tier, family[0] / ARITY);
                family.iter().for_each(|child| *digest_slot(&mut block, child % ARITY) = [0; 8]);
                out.extend_from_slice(bytes_of(&block));
            }
            used.iter_mut().for_each(|number| *number /= ARITY);
            used.dedup();
        }
    }
    out
}

fn put_u32(number: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(number).expect("capacities bound the pages of a region").to_le_bytes());
}

#[inline(always)]
fn digest_slot(block: &mut NodeWords, child: usize) -> &mut DigestWords {
    &mut block.as_chunks_mut().0[child]
}

/// A witness whose pages are in an engine.
#[derive(Debug)]
pub struct Opened<'a> {
    capacity: Capacity,
    regions: Vec<OpenedRegion<'a>>,
}

#[derive(Debug)]
struct OpenedRegion<'a> {
    layout: RegionLayout,
    used: Vec<u32>,
    /// Nodes of each tier above the pages, as they were before.
    tiers: Vec<&'a mut [NodeWords]>,
    top: Digest,
}

/// An engine with the pages of a witness and no others, what is needed to close it again, and the root of the state that the witness is of.
///
/// # Errors
///
/// [`WitnessError`]; no bytes make it panic.
///
/// # Panics
///
/// If [`Capacity::check`] refuses the capacity.
pub fn open<M: Missing>(capacity: Capacity, witness: &mut [u8]) -> Result<(Engine<Present<M>>, Opened<'_>, Digest), WitnessError> {
    let mut engine = Engine::new(capacity, Present::new(&capacity));
    let mut words = Words(words_of_mut(witness).ok_or(WitnessError::Address)?);
    let mut regions = Vec::new();
    for (table, layout) in engine.regions_mut().into_iter().zip(layout(&capacity)) {
        regions.push(OpenedRegion::open(table, layout, &mut words)?);
    }
    if !words.0.is_empty() {
        return Err(WitnessError::Trailing);
    }
    for OpenedRegion { layout, used, .. } in &regions {
        used.iter().for_each(|&page| engine.touch_mut().add(layout.region, page));
    }
    let opened = Opened { capacity, regions };
    let root = opened.root();
    Ok((engine, opened, root))
}

impl Opened<'_> {
    fn root(&self) -> Digest {
        root_of_tops(&self.capacity, self.regions.iter().map(|region| (region.layout, &region.top)))
    }

    /// The root of the state that the engine has become.
    pub fn close<T: Touch>(mut self, engine: &Engine<T>) -> Digest {
        for (table, region) in engine.regions().into_iter().zip(&mut self.regions) {
            region.close(table);
        }
        self.root()
    }
}

impl<'a> OpenedRegion<'a> {
    fn open(table: &mut dyn Region, layout: RegionLayout, words: &mut Words<'a>) -> Result<Self, WitnessError> {
        let (region, page_count) = (layout.region, table.page_count());
        let count = words.u32()?;
        if count == 0 {
            let top = digest_of(*words.chunk()?);
            return Ok(Self { layout, used: Vec::new(), tiers: Vec::new(), top });
        }
        if count as usize > page_count {
            return Err(WitnessError::Truncated);
        }
        let mut used: Vec<u32> = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let number = words.u32()?;
            if number as usize >= page_count || used.last().is_some_and(|&last| last >= number) {
                return Err(WitnessError::Number { region, page: PageNumber::new(number) });
            }
            used.push(number);
        }
        let mut digests = Vec::with_capacity(used.len());
        for (&number, page) in used.iter().zip(words.chunks::<{ PAGE_SIZE / 4 }>(used.len())?) {
            if !table.read_page(number as usize, page) {
                return Err(WitnessError::Malformed { region, page: PageNumber::new(number) });
            }
            digests.push(leaf(region, number as usize, page));
        }
        let mut opened = Self { layout, used, tiers: Vec::new(), top: Digest::ZERO };
        let mut width = page_count;
        let mut numbers = opened.used.clone();
        while width > 1 {
            let mut above = numbers.clone();
            above.iter_mut().for_each(|number| *number /= ARITY as u32);
            above.dedup();
            opened.tiers.push(words.chunks(above.len())?);
            numbers = above;
            width = width.div_ceil(ARITY);
        }
        opened.hash_up(digests);
        Ok(opened)
    }

    fn close(&mut self, table: &dyn Region) {
        if self.used.is_empty() {
            return;
        }
        let mut words: PageWords = [0; PAGE_SIZE / 4];
        let mut digests = Vec::with_capacity(self.used.len());
        for &number in &self.used {
            table.write_page(number as usize, &mut words);
            digests.push(leaf(self.layout.region, number as usize, &words));
        }
        self.hash_up(digests);
    }

    /// Puts the digests of the used pages into the nodes above them, theirs into those above, and so on to the top.
    fn hash_up(&mut self, mut digests: Vec<DigestWords>) {
        let mut numbers = self.used.clone();
        for (below, nodes) in self.tiers.iter_mut().enumerate() {
            let mut families = 0;
            let mut at = 0;
            for block in nodes.iter_mut() {
                let parent = numbers[at] / ARITY as u32;
                let mut some = false;
                while at < numbers.len() && numbers[at] / ARITY as u32 == parent {
                    *digest_slot(block, numbers[at] as usize % ARITY) = digests[at];
                    some |= digests[at][0] != 0;
                    at += 1;
                }
                // A family is at least one long, so what is read lies ahead of what is written.
                let hash = if some { node_above_some } else { node };
                digests[families] = hash(self.layout.region, below + 1, parent as usize, block);
                numbers[families] = parent;
                families += 1;
            }
            digests.truncate(families);
            numbers.truncate(families);
        }
        self.top = digest_of(digests[0]);
    }
}

/// What is left of a witness.
struct Words<'a>(&'a mut [u32]);

impl<'a> Words<'a> {
    fn chunks<const N: usize>(&mut self, count: usize) -> Result<&'a mut [[u32; N]], WitnessError> {
        let size = count.checked_mul(N).ok_or(WitnessError::Truncated)?;
        let (chunks, rest) = core::mem::take(&mut self.0).split_at_mut_checked(size).ok_or(WitnessError::Truncated)?;
        self.0 = rest;
        Ok(chunks.as_chunks_mut().0)
    }

    fn chunk<const N: usize>(&mut self) -> Result<&'a mut [u32; N], WitnessError> {
        Ok(&mut self.chunks(1)?[0])
    }

    fn u32(&mut self) -> Result<u32, WitnessError> {
        let [word] = *self.chunk()?;
        Ok(u32::from_le(word))
    }
}
