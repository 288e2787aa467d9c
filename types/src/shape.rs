//! The two shapes that nearly every encoding has, as macros: all fields in order, or a tag and the fields of one variant. With
//! `, version "what"` at the end, the type's `VERSION` comes first, and another version is refused by that text.

/// A struct whose encoding is its fields in order: `record!(Deposit { zone, nonce, amount });`
#[macro_export]
macro_rules! record {
    ($name:ident { $($field:ident),* $(,)? } $(, version $version:literal)?) => {
        impl $crate::codec::Codec for $name {
            fn encode(&self, out: &mut $crate::codec::Buffer) {
                $($crate::written_version!($version, Self, out);)?
                $($crate::codec::Codec::encode(&self.$field, out);)*
            }
            fn read(reader: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::DecodeError> {
                $($crate::read_version!($version, Self, reader);)?
                Ok(Self { $($field: $crate::codec::Codec::read(reader)?),* })
            }
        }
    };
}

/// An enum whose encoding is a tag of one byte, then the fields of the variant in order. The text names the tag in the error for a byte that
/// is none: `choice!(Trader, "trader tag" { 1 => Session(session), 2 => Account(account), 3 => Nobody, 4 => Both { session, account } });`
#[macro_export]
macro_rules! choice {
    ($name:ident, $what:literal {
        $($tag:literal => $variant:ident $(($($value:ident),+))? $({ $($field:ident),+ $(,)? })?),+ $(,)?
    } $(, version $version:literal)?) => {
        impl $crate::codec::Codec for $name {
            fn encode(&self, out: &mut $crate::codec::Buffer) {
                $($crate::written_version!($version, Self, out);)?
                match self {
                    $(Self::$variant $(($($value),+))? $({ $($field),+ })? => {
                        $crate::codec::Codec::encode(&{ const TAG: u8 = $tag; TAG }, out);
                        $($($crate::codec::Codec::encode($value, out);)+)?
                        $($($crate::codec::Codec::encode($field, out);)+)?
                    })+
                }
            }
            fn read(reader: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::DecodeError> {
                $($crate::read_version!($version, Self, reader);)?
                Ok(match <u8 as $crate::codec::Codec>::read(reader)? {
                    $($tag => {
                        $($(let $value = $crate::codec::Codec::read(reader)?;)+)?
                        $($(let $field = $crate::codec::Codec::read(reader)?;)+)?
                        Self::$variant $(($($value),+))? $({ $($field),+ })?
                    })+
                    _ => return Err(reader.invalid($what)),
                })
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! written_version {
    ($what:literal, $name:ty, $out:ident) => {
        $crate::codec::Codec::encode(&<$name>::VERSION, $out);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! read_version {
    ($what:literal, $name:ty, $reader:ident) => {
        if <u8 as $crate::codec::Codec>::read($reader)? != <$name>::VERSION {
            return Err($reader.invalid($what));
        }
    };
}
