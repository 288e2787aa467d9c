//! A struct whose encoding is its fields in order.

macro_rules! record {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl plinth_types::codec::Codec for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                $(plinth_types::codec::Codec::encode(&self.$field, out);)*
            }
            fn read(reader: &mut plinth_types::codec::Reader<'_>) -> Result<Self, plinth_types::codec::DecodeError> {
                Ok(Self { $($field: plinth_types::codec::Codec::read(reader)?),* })
            }
        }
    };
}
pub(crate) use record;
