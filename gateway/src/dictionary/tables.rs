//! Tables of one version, indexed by tag and message type, read from the text that the build script wrote.

use crate::codec::{Tag, Version};
use std::collections::HashMap;
use std::sync::OnceLock;

/// Tags that a table has room for: those of the latest version and the number 0.
pub(super) const TAGS: usize = 1_664;

/// A set of tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TagSet([u64; TAGS.div_ceil(64)]);

impl Default for TagSet {
    fn default() -> Self {
        Self([0; TAGS.div_ceil(64)])
    }
}

impl TagSet {
    fn of(tags: &[u16]) -> Self {
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

    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }
}

/// What is known of one tag.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TagEntry {
    /// Letter of the data type, 0 if there is no such tag: `S` text, `C` one character, `B` Y or N, `I` integer, `L` length, `Q` sequence
    /// number, `N` count of a group, `F` decimal, `T` UTC timestamp, `O` UTC time, `D` date, `M` month, `V` values between spaces, `X` data.
    pub(super) data_type: u8,
    pub(super) place: Place,
    /// Messages of the session may have it.
    pub(super) is_transport: bool,
    /// Some message has a group that it counts.
    pub(super) counts_group: bool,
    /// Index into the enumerations plus 1; 0 for none.
    pub(super) enumeration: u16,
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

/// One repeating group.
#[derive(Debug)]
pub(super) struct Group {
    /// Tag of its count.
    pub(super) count: u16,
    /// Tag that begins each entry.
    pub(super) first: u16,
    pub(super) members: TagSet,
}

/// Fields of one type of message.
#[derive(Debug)]
pub(super) struct MessageTable {
    /// Belongs to the session: the application's fields are unknown to it.
    pub(super) is_transport: bool,
    /// In ascending order.
    pub(super) required: Vec<u16>,
    /// Those outside of groups.
    pub(super) defined: TagSet,
    /// Indices of its groups, nested ones included.
    pub(super) groups: Vec<u16>,
}

/// What messages of one version may say.
#[derive(Debug, Default)]
pub struct Dictionary {
    tags: Vec<TagEntry>,
    enumerations: Vec<&'static str>,
    pub(super) header_required: Vec<u16>,
    header_groups: Vec<u16>,
    groups: Vec<Group>,
    messages: Vec<MessageTable>,
    /// Row of each type of one character plus 1.
    by_letter: Vec<u16>,
    by_type: HashMap<&'static [u8], u16>,
}

impl Dictionary {
    /// The dictionary of a version, made when it is first asked for.
    #[must_use]
    pub fn of(version: Version) -> &'static Self {
        static MADE: [OnceLock<Dictionary>; Version::ALL.len()] = [const { OnceLock::new() }; Version::ALL.len()];
        MADE[version as usize].get_or_init(|| {
            Self::parse(match version {
                Version::Fix40 => include_str!(concat!(env!("OUT_DIR"), "/fix40.dictionary")),
                Version::Fix41 => include_str!(concat!(env!("OUT_DIR"), "/fix41.dictionary")),
                Version::Fix42 => include_str!(concat!(env!("OUT_DIR"), "/fix42.dictionary")),
                Version::Fix43 => include_str!(concat!(env!("OUT_DIR"), "/fix43.dictionary")),
                Version::Fix44 => include_str!(concat!(env!("OUT_DIR"), "/fix44.dictionary")),
                Version::Fix50 => include_str!(concat!(env!("OUT_DIR"), "/fix50.dictionary")),
                Version::Fix50Sp1 => include_str!(concat!(env!("OUT_DIR"), "/fix50sp1.dictionary")),
                Version::Fix50Sp2 => include_str!(concat!(env!("OUT_DIR"), "/fix50sp2.dictionary")),
            })
        })
    }

    /// The text is our own build script's: a line that does not fit is a fault of the build.
    fn parse(text: &'static str) -> Self {
        let mut own = Self { tags: vec![TagEntry::default(); TAGS], by_letter: vec![0; 128], ..Self::default() };
        for line in text.lines() {
            let (kind, rest) = line.split_at(1);
            match kind {
                "f" | "s" => own.add_field(rest.trim_start(), kind == "s"),
                "h" => numbers(rest).for_each(|tag| own.tags[usize::from(tag)].place = Place::Header),
                "t" => numbers(rest).for_each(|tag| own.tags[usize::from(tag)].place = Place::Trailer),
                // The first three are the scanner's concern.
                "H" => own.header_required = numbers(rest).filter(|tag| !matches!(tag, 8 | 9 | 35)).collect(),
                "G" => own.header_groups = numbers(rest).collect(),
                "g" => {
                    let tags: Vec<u16> = numbers(rest).collect();
                    own.tags[usize::from(tags[0])].counts_group = true;
                    own.groups.push(Group { count: tags[0], first: tags[1], members: TagSet::of(&tags[2..]) });
                }
                "m" | "M" => own.add_message(rest.trim_start(), kind == "M"),
                _ => unreachable!("the build script writes no such line: {line}"),
            }
        }
        own
    }

    fn add_field(&mut self, line: &'static str, is_transport: bool) {
        let mut words = line.splitn(3, ' ');
        let tag: usize = words.next().and_then(|tag| tag.parse().ok()).expect("a tag");
        let entry = &mut self.tags[tag];
        entry.is_transport = is_transport;
        entry.data_type = words.next().expect("a data type").as_bytes()[0];
        if let Some(values) = words.next() {
            self.enumerations.push(values);
            entry.enumeration = self.enumerations.len() as u16;
            let characters = values.as_bytes().split(|&byte| byte == b' ').filter(|value| value.len() == 1);
            entry.characters = characters.fold(0, |bits, character| bits | 1 << (character[0] & 0x7F));
        }
    }

    fn add_message(&mut self, line: &'static str, is_transport: bool) {
        let mut parts = line.split('|');
        let mut part = || parts.next().expect("three parts");
        let (msg_type, required) = part().split_once(' ').expect("a type");
        let row = self.messages.len() as u16;
        let defined: Vec<u16> = numbers(part()).collect();
        self.messages.push(MessageTable {
            is_transport,
            required: numbers(required).collect(),
            defined: TagSet::of(&defined),
            groups: numbers(part()).collect(),
        });
        match msg_type.as_bytes() {
            [letter] => self.by_letter[usize::from(*letter)] = row + 1,
            longer => {
                self.by_type.insert(longer, row);
            }
        }
    }

    #[inline]
    pub(super) fn tag(&self, tag: Tag) -> Option<&TagEntry> {
        self.tags.get(tag.index()?).filter(|entry| entry.data_type != 0)
    }

    /// Whether this version has a field.
    #[must_use]
    pub fn knows(&self, tag: Tag) -> bool {
        self.tag(tag).is_some()
    }

    /// Whether this version has a type of message.
    #[must_use]
    pub fn has(&self, msg_type: &[u8]) -> bool {
        self.message(msg_type).is_some()
    }

    /// Whether a type of message may have a field, in the message itself or in a group, with this value.
    #[must_use]
    pub fn takes(&self, msg_type: &[u8], tag: Tag, value: &[u8]) -> bool {
        let (Some(message), Some(entry), Some(index)) = (self.message(msg_type), self.tag(tag), tag.index()) else { return false };
        let in_group = || message.groups.iter().any(|&group| self.groups[usize::from(group)].members.contains(index));
        (message.defined.contains(index) || in_group()) && (entry.enumeration == 0 || self.allows(entry, value))
    }

    /// Whether a field's values are whole numbers.
    #[must_use]
    pub fn is_whole(&self, tag: Tag) -> bool {
        self.tag(tag).is_some_and(|entry| entry.data_type == b'I')
    }

    /// Fields of a type of message; `None` if this version has no such type.
    #[inline]
    pub(super) fn message(&self, msg_type: &[u8]) -> Option<&MessageTable> {
        let row = match *msg_type {
            [letter] => self.by_letter.get(usize::from(letter))?.checked_sub(1)?,
            _ => *self.by_type.get(msg_type)?,
        };
        self.messages.get(usize::from(row))
    }

    /// The group of a message, or of the header, that a tag counts.
    pub(super) fn group(&self, message: &MessageTable, count: usize) -> Option<&Group> {
        let mut groups = message.groups.iter().chain(&self.header_groups).map(|&index| &self.groups[usize::from(index)]);
        groups.find(|group| usize::from(group.count) == count)
    }

    /// Whether a tag that has an enumeration may have this value.
    #[inline]
    pub(super) fn allows(&self, entry: &TagEntry, value: &[u8]) -> bool {
        if let [character] = value {
            return character.is_ascii() && entry.characters & 1 << character != 0;
        }
        let values = self.enumerations[usize::from(entry.enumeration) - 1];
        values.as_bytes().split(|&byte| byte == b' ').any(|allowed| allowed == value)
    }
}

fn numbers(words: &str) -> impl Iterator<Item = u16> + '_ {
    words.split_ascii_whitespace().map(|word| word.parse().expect("a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_has_its_tables_and_no_tag_is_beyond_them() {
        for version in Version::ALL {
            let dictionary = Dictionary::of(version);
            assert_eq!(dictionary.header_required.first(), Some(&34), "{version:?}");
            assert!(dictionary.message(b"A").is_some() && dictionary.message(b"D").is_some() && dictionary.message(b"?").is_none());
        }
        assert!(Dictionary::of(Version::Fix40).message(b"AE").is_none() && Dictionary::of(Version::Fix43).message(b"AE").is_some());
        assert!(Dictionary::of(Version::Fix50Sp2).tag(Tag::new(1_504)).is_some(), "the newest tags have room");
    }

    /// The scanner must know where each field of raw data ends, in whatever version it comes.
    #[test]
    fn every_data_field_is_one_that_the_scanner_measures() {
        for version in Version::ALL {
            let tags = Dictionary::of(version).tags.iter().enumerate();
            for (tag, _) in tags.filter(|(_, entry)| entry.data_type == b'X') {
                assert!(crate::codec::frame::is_measured(tag as u16), "{version:?} has data field {tag}");
            }
        }
    }
}
