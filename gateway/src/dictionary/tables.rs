//! The tables of `fix44.rs`, indexed by tag.

use super::fix44;
use crate::codec::Tag;

/// One repeating group: the tag of its count and the tags of its members; the first of these begins each entry.
pub(super) struct Group {
    pub(super) count: u16,
    pub(super) members: &'static [u16],
}

/// One message type as the specification lists it.
pub(super) struct MessageFields {
    #[cfg(test)]
    pub(super) msg_type: &'static [u8],
    pub(super) required: &'static [u16],
    pub(super) defined: &'static [u16],
}

/// Tags that a table has room for: those of FIX 4.4 and the number 0.
pub(super) const TAGS: usize = fix44::DATA_TYPES.len();

/// A set of tags.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TagSet([u64; TAGS.div_ceil(64)]);

impl TagSet {
    pub(super) fn of(tags: &[u16]) -> Self {
        let mut set = Self::default();
        tags.iter().for_each(|&tag| {
            set.insert(usize::from(tag));
        });
        set
    }

    /// Whether it was not there before. The index must be below [`TAGS`].
    #[inline]
    pub(super) const fn insert(&mut self, tag: usize) -> bool {
        let (word, bit) = (tag / 64, 1 << (tag % 64));
        let fresh = self.0[word] & bit == 0;
        self.0[word] |= bit;
        fresh
    }

    #[inline]
    pub(super) const fn contains(&self, tag: usize) -> bool {
        tag < TAGS && self.0[tag / 64] & (1 << (tag % 64)) != 0
    }
}

/// What is known of one tag.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TagEntry {
    /// Letter of the data type, `-` if there is no such tag.
    pub(super) data_type: u8,
    pub(super) place: Place,
    /// Index into the enumerations plus 1; 0 for none.
    pub(super) enumeration: u8,
    /// Index into the groups plus 1; 0 if it counts no group.
    pub(super) group: u8,
    /// One bit for each ASCII character that is a value by itself.
    pub(super) characters: u128,
}

/// In which part of a message a tag stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Header,
    #[default]
    Body,
    Trailer,
}

/// Fields of one message that we read.
#[derive(Debug)]
pub(super) struct MessageTable {
    pub(super) required: &'static [u16],
    pub(super) defined: TagSet,
}

/// The dictionary of FIX 4.4, made once at start.
#[derive(Debug)]
pub struct Dictionary {
    tags: Vec<TagEntry>,
    /// In the order of [`fix44::MESSAGES`].
    messages: Vec<MessageTable>,
    /// In the order of [`fix44::GROUPS`].
    groups: Vec<TagSet>,
}

impl Default for Dictionary {
    fn default() -> Self {
        Self::fix44()
    }
}

impl Dictionary {
    /// FIX 4.4.
    #[must_use]
    pub fn fix44() -> Self {
        let mut tags: Vec<TagEntry> =
            fix44::DATA_TYPES.iter().map(|&data_type| TagEntry { data_type, ..TagEntry::default() }).collect();
        fix44::HEADER.iter().for_each(|&tag| tags[usize::from(tag)].place = Place::Header);
        fix44::TRAILER.iter().for_each(|&tag| tags[usize::from(tag)].place = Place::Trailer);
        for (index, (tag, values)) in (1..).zip(fix44::ENUMERATIONS) {
            let entry = &mut tags[usize::from(*tag)];
            entry.enumeration = index;
            let characters = values.as_bytes().split(|&byte| byte == b' ').filter(|value| value.len() == 1);
            entry.characters = characters.fold(0, |bits, character| bits | 1 << (character[0] & 0x7F));
        }
        for (index, group) in (1..).zip(fix44::GROUPS) {
            tags[usize::from(group.count)].group = index;
        }
        let messages = fix44::MESSAGES
            .iter()
            .map(|message| MessageTable { required: message.required, defined: TagSet::of(message.defined) })
            .collect();
        let groups = fix44::GROUPS.iter().map(|group| TagSet::of(group.members)).collect();
        Self { tags, messages, groups }
    }

    #[inline]
    pub(super) fn tag(&self, tag: Tag) -> Option<&TagEntry> {
        self.tags.get(tag.index()?).filter(|entry| entry.data_type != b'-')
    }

    pub(super) fn message(&self, index: usize) -> &MessageTable {
        &self.messages[index]
    }

    /// Members of a group, by [`TagEntry::group`], and the one that begins each entry.
    pub(super) fn group(&self, group: u8) -> (&TagSet, u16) {
        let index = usize::from(group) - 1;
        (&self.groups[index], fix44::GROUPS[index].members[0])
    }

    /// Whether a tag that has an enumeration may have this value.
    #[inline]
    pub(super) fn allows(entry: &TagEntry, value: &[u8]) -> bool {
        if let [character] = value {
            return character.is_ascii() && entry.characters & 1 << character != 0;
        }
        let values = fix44::ENUMERATIONS[usize::from(entry.enumeration) - 1].1;
        values.as_bytes().split(|&byte| byte == b' ').any(|allowed| allowed == value)
    }
}
