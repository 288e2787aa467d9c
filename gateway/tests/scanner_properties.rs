//! The scanner against a second parser that is slow and obvious, on messages, on damaged messages, and on streams cut anywhere.

#![allow(clippy::unwrap_used, reason = "a test")]

use hotfix_dictionary::{Dictionary, FixDatatype};
use plinth_gateway::codec::frame::{self, Fields, Frame};
use plinth_gateway::codec::{Builder, Message, Tag};
use plinth_gateway::limits::{FIELDS_MAX, MESSAGE_SIZE_MAX};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::OnceLock;

type SlowMessage = (usize, Vec<(i32, Vec<u8>)>);

/// Length fields and the data fields that they measure, from the specifications of all versions: what is named `NameLen` or `NameLength`
/// measures `Name`.
fn data_pairs() -> &'static [(i32, i32)] {
    static PAIRS: OnceLock<Vec<(i32, i32)>> = OnceLock::new();
    PAIRS.get_or_init(|| {
        let mut pairs = BTreeSet::new();
        for specification in specifications() {
            for field in specification.fields() {
                if !matches!(field.data_type().basetype(), FixDatatype::Data | FixDatatype::XmlData) {
                    continue;
                }
                let length =
                    ["Len", "Length"].iter().find_map(|end| specification.field_by_name(&format!("{}{end}", field.name())));
                let length = length.unwrap_or_else(|| panic!("nothing measures {}", field.name()));
                pairs.insert((length.tag().get() as i32, field.tag().get() as i32));
            }
        }
        pairs.into_iter().collect()
    })
}

fn specifications() -> [Dictionary; 9] {
    [
        Dictionary::fix40(),
        Dictionary::fix41(),
        Dictionary::fix42(),
        Dictionary::fix43(),
        Dictionary::fix44(),
        Dictionary::fix50(),
        Dictionary::fix50sp1(),
        Dictionary::fix50sp2(),
        Dictionary::fixt11(),
    ]
}

/// The message that `bytes` start with, if they do: read one byte after the other, as the standard says it.
fn slow_parse(bytes: &[u8]) -> Option<SlowMessage> {
    let mut fields: Vec<(i32, Vec<u8>)> = Vec::new();
    let mut at = 0;
    let mut body_at = 0;
    let mut claimed: Option<usize> = None;
    loop {
        let start = at;
        let mut tag = String::new();
        while *bytes.get(at)? != b'=' {
            tag.push(char::from(bytes[at]));
            at += 1;
        }
        let digits = tag.strip_prefix('-').unwrap_or(&tag);
        if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let tag: i32 = tag.parse().ok()?;
        at += 1;
        let measured = fields.last().and_then(|(length_tag, length)| {
            let data = data_pairs().iter().find(|(own, _)| own == length_tag)?.1;
            Some((data, length.clone()))
        });
        let mut value = Vec::new();
        match measured {
            Some((data, length)) if data == tag => {
                let length = decimal(&length)?;
                value.extend_from_slice(bytes.get(at..at.checked_add(length)?)?);
                at += length;
                if *bytes.get(at)? != 1 {
                    return None;
                }
            }
            // A length that is no number spoils the data behind it, and only that.
            _ => {
                while *bytes.get(at)? != 1 {
                    value.push(bytes[at]);
                    at += 1;
                }
            }
        }
        at += 1;
        match fields.len() {
            0 if tag != 8 || !value.starts_with(b"FIX") || value.len() > 16 => return None,
            1 if tag != 9 => return None,
            1 => {
                claimed = Some(decimal(&value)?);
                body_at = at;
            }
            2 if tag != 35 || value.is_empty() => return None,
            _ => {}
        }
        fields.push((tag, value));
        if fields.len() > FIELDS_MAX || at > MESSAGE_SIZE_MAX {
            return None;
        }
        if let Some(claimed) = claimed
            && fields.len() > 2
            && start >= body_at + claimed
        {
            let sum = bytes[..start].iter().map(|&byte| u32::from(byte)).sum::<u32>() % 256;
            let is_last = start == body_at + claimed && tag == 10 && fields.len() > 3;
            let fits = fields.last()?.1 == format!("{sum:03}").into_bytes();
            return (is_last && fits).then_some((at, fields));
        }
    }
}

fn decimal(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || digits.len() > 18 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    String::from_utf8_lossy(digits).parse().ok()
}

fn fast_parse(bytes: &[u8]) -> Result<SlowMessage, Frame> {
    let mut fields = Fields::default();
    match frame::next(bytes, &mut fields) {
        Frame::Message { size } => {
            let message = Message::new(&bytes[..size], &fields);
            Ok((size, message.fields().map(|(tag, value)| (tag.get(), value.to_vec())).collect()))
        }
        other @ (Frame::Incomplete | Frame::Garbled { .. }) => Err(other),
    }
}

fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    match (fast_parse(bytes), slow_parse(bytes)) {
        (Ok(fast), Some(slow)) => prop_assert_eq!(fast, slow),
        (Err(Frame::Incomplete), None) => {}
        (Err(Frame::Garbled { size, .. }), None) => prop_assert!(size >= 1 && size <= bytes.len()),
        (fast, slow) => prop_assert!(false, "{fast:?} against {slow:?} for {:?}", String::from_utf8_lossy(bytes)),
    }
    Ok(())
}

/// A well-formed message: plain fields, and data fields with any bytes.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let plain = (1..1_000_i32, proptest::collection::vec(2..=255_u8, 0..12));
    let data = (0..data_pairs().len(), proptest::collection::vec(any::<u8>(), 0..40));
    let field = prop_oneof![
        4 => plain.prop_map(|(tag, value)| vec![(tag, value)]),
        1 => data.prop_map(|(index, value)| {
            let (length, data) = data_pairs()[index];
            vec![(length, value.len().to_string().into_bytes()), (data, value)]
        }),
    ];
    proptest::collection::vec(field, 1..20).prop_map(|fields| {
        let mut builder = Builder::default();
        builder.start(b"D");
        for (tag, value) in fields.into_iter().flatten() {
            builder.bytes(Tag::new(tag), &value);
        }
        builder.finish().to_vec()
    })
}

const TOKENS: &[&[u8]] = &[
    b"8=FIX.4.4\x01",
    b"9=",
    b"5\x01",
    b"35=0\x01",
    b"10=",
    b"000\x01",
    b"\x01",
    b"=",
    b"-1=",
    b"95=3\x0196=",
    b"a\x01b",
    b"1",
    b"9=5\x0135=0\x0110=",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3_000) })]

    #[test]
    fn messages_are_read_as_the_slow_parser_reads_them(message in message()) {
        check(&message)?;
    }

    #[test]
    fn damaged_messages_are_judged_alike(
        message in message(),
        damages in proptest::collection::vec((any::<prop::sample::Index>(), prop_oneof![Just(1_u8), Just(b'='), any::<u8>()]), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = message;
        for (index, byte) in damages {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        check(&bytes)?;
        check(&bytes[..cut.index(bytes.len())])?;
    }

    #[test]
    fn soup_of_fix_tokens_is_judged_alike(
        tokens in proptest::collection::vec(proptest::sample::select(TOKENS), 0..20)
    ) {
        check(&tokens.concat())?;
    }

    /// Whatever the cuts, the same messages come out.
    #[test]
    fn a_stream_may_be_cut_anywhere(
        parts in proptest::collection::vec(prop_oneof![
            3 => message(),
            1 => proptest::collection::vec(any::<u8>(), 0..30),
            1 => Just(b"8=FIX.4.4\x019=20\x0135=0\x0149=X\x0110=000\x01".to_vec()),
        ], 1..8),
        cuts in proptest::collection::vec(1..200_usize, 1..60),
    ) {
        let stream = parts.concat();
        let whole = drain(&mut stream.clone());
        let mut pieces = Vec::new();
        let mut waiting = Vec::new();
        let mut rest = &stream[..];
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            waiting.extend_from_slice(piece);
            pieces.extend(drain(&mut waiting));
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(pieces, whole);
    }
}

/// Takes all messages from the front, and the garbage between them.
fn drain(bytes: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let mut fields = Fields::default();
    let mut messages = Vec::new();
    loop {
        match frame::next(bytes, &mut fields) {
            Frame::Incomplete => return messages,
            Frame::Garbled { size, .. } => drop(bytes.drain(..size)),
            Frame::Message { size } => messages.push(bytes.drain(..size).collect()),
        }
        if bytes.is_empty() {
            return messages;
        }
    }
}

/// Each data field of every version may hold delimiters, if its length field stands in front of it, and not otherwise.
#[test]
fn every_data_field_of_every_version_is_measured() {
    assert_eq!(data_pairs().len(), 24, "the specifications have changed");
    for &(length, data) in data_pairs() {
        let mut builder = Builder::default();
        for (front, is_measured) in [(length, true), (length - 1, false)] {
            builder.start(b"D");
            builder.number(Tag::new(front), 7);
            builder.bytes(Tag::new(data), b"a\x0158=b\x01");
            let message = builder.finish();
            let (_, fields) = fast_parse(message).unwrap_or_default();
            assert_eq!(fields.contains(&(data, b"a\x0158=b\x01".to_vec())), is_measured, "{front} in front of {data}");
            check(message).unwrap();
        }
    }
}

#[test]
fn absurd_claims_are_refused_at_once() {
    let mut fields = Fields::default();
    for claim in ["1000000000", "8193", "999999999999999999", "9999999999999999999999"] {
        let bytes = format!("8=FIX.4.4\x019={claim}\x0135=0\x01");
        assert!(matches!(frame::next(bytes.as_bytes(), &mut fields), Frame::Garbled { .. }), "{claim}");
    }
    let mut builder = Builder::default();
    builder.start(b"0");
    for _ in 0..FIELDS_MAX {
        builder.bytes(Tag::new(58), b"x");
    }
    assert!(matches!(frame::next(builder.finish(), &mut fields), Frame::Garbled { .. }), "more fields than are allowed");
    builder.start(b"0");
    builder.bytes(Tag::new(58), &[b'x'; MESSAGE_SIZE_MAX]);
    assert!(matches!(frame::next(builder.finish(), &mut fields), Frame::Garbled { .. }), "longer than is allowed");
}
