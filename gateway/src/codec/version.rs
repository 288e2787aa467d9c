//! The versions of FIX that we speak.

/// A version of the application messages. From 5.0 on the session is FIXT.1.1, whatever the application speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// FIX.4.0
    Fix40,
    /// FIX.4.1
    Fix41,
    /// FIX.4.2
    Fix42,
    /// FIX.4.3
    Fix43,
    /// FIX.4.4
    #[default]
    Fix44,
    /// FIX 5.0 over FIXT.1.1
    Fix50,
    /// FIX 5.0 SP1 over FIXT.1.1
    Fix50Sp1,
    /// FIX 5.0 SP2 over FIXT.1.1
    Fix50Sp2,
}

impl Version {
    /// All of them, the oldest first.
    pub const ALL: [Self; 8] =
        [Self::Fix40, Self::Fix41, Self::Fix42, Self::Fix43, Self::Fix44, Self::Fix50, Self::Fix50Sp1, Self::Fix50Sp2];

    /// `BeginString`, tag 8.
    #[must_use]
    #[inline]
    pub const fn begin_string(self) -> &'static [u8] {
        match self {
            Self::Fix40 => b"FIX.4.0",
            Self::Fix41 => b"FIX.4.1",
            Self::Fix42 => b"FIX.4.2",
            Self::Fix43 => b"FIX.4.3",
            Self::Fix44 => b"FIX.4.4",
            Self::Fix50 | Self::Fix50Sp1 | Self::Fix50Sp2 => b"FIXT.1.1",
        }
    }

    /// `DefaultApplVerID`, tag 1137, that a logon over FIXT.1.1 must name.
    #[must_use]
    pub const fn appl_ver_id(self) -> Option<&'static [u8]> {
        match self {
            Self::Fix40 | Self::Fix41 | Self::Fix42 | Self::Fix43 | Self::Fix44 => None,
            Self::Fix50 => Some(b"7"),
            Self::Fix50Sp1 => Some(b"8"),
            Self::Fix50Sp2 => Some(b"9"),
        }
    }

    /// The name in configurations: `FIX.4.4`, `FIX.5.0SP2`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fix40 => "FIX.4.0",
            Self::Fix41 => "FIX.4.1",
            Self::Fix42 => "FIX.4.2",
            Self::Fix43 => "FIX.4.3",
            Self::Fix44 => "FIX.4.4",
            Self::Fix50 => "FIX.5.0",
            Self::Fix50Sp1 => "FIX.5.0SP1",
            Self::Fix50Sp2 => "FIX.5.0SP2",
        }
    }

    /// The version with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.name() == name)
    }

    /// `EndSeqNo` that means "and all that follow".
    #[must_use]
    pub const fn end_seq_no_infinite(self) -> u64 {
        match self {
            Self::Fix40 | Self::Fix41 => 999_999,
            Self::Fix42 | Self::Fix43 | Self::Fix44 | Self::Fix50 | Self::Fix50Sp1 | Self::Fix50Sp2 => 0,
        }
    }

    /// Whether a requested `EndSeqNo` means "and all that follow". FIX 4.2 knows both ways to say it.
    #[must_use]
    pub const fn is_infinite(self, end: u64) -> bool {
        (end == 0 && self.is_at_least(Self::Fix42)) || (end == 999_999 && !self.is_at_least(Self::Fix43))
    }

    /// Whether this is `other` or later.
    #[must_use]
    #[inline]
    pub const fn is_at_least(self, other: Self) -> bool {
        self as u8 >= other as u8
    }

    /// Whether timestamps have milliseconds.
    #[must_use]
    #[inline]
    pub const fn has_milliseconds(self) -> bool {
        self.is_at_least(Self::Fix42)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_unknown_ones_are_not() {
        for version in Version::ALL {
            assert_eq!(Version::from_name(version.name()), Some(version));
        }
        assert_eq!(Version::from_name("FIX.6.0"), None);
        assert!(Version::Fix41.is_infinite(999_999) && Version::Fix42.is_infinite(0) && Version::Fix42.is_infinite(999_999));
        assert!(!Version::Fix40.is_infinite(0) && !Version::Fix44.is_infinite(999_999));
    }
}
