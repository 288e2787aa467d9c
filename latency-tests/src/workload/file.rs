//! Reads a workload file.

use super::{BookSide, Header, Op, Record, TradeHash, Workload};
use std::path::Path;
use std::{fs, io};

const MAGIC: &[u8; 8] = b"OBWL0001";
const HEADER_SIZE: usize = 64;
const RECORD_SIZE: usize = 24;

/// Why a workload file could not be read.
#[derive(Debug)]
pub(crate) enum WorkloadError {
    /// The system says no.
    Io(io::Error),
    /// It does not start with the magic of the format.
    NotAWorkload,
    /// Its size does not fit its count of records.
    Size {
        /// Bytes that the header promises.
        expected: u64,
        /// Bytes that are there.
        got: u64,
    },
    /// A record holds a value that the format does not know.
    Record {
        /// Which, from 0.
        index: usize,
    },
}

impl std::fmt::Display for WorkloadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::NotAWorkload => f.write_str("not a workload file (magic OBWL0001)"),
            Self::Size { expected, got } => write!(f, "{got} bytes, expected {expected}"),
            Self::Record { index } => write!(f, "record {index} is not of the format"),
        }
    }
}

impl std::error::Error for WorkloadError {}

/// Reads the file at `path`.
pub(crate) fn read(path: &Path) -> Result<Workload, WorkloadError> {
    parse(&fs::read(path).map_err(WorkloadError::Io)?)
}

fn parse(bytes: &[u8]) -> Result<Workload, WorkloadError> {
    let (head, body) = bytes.split_at_checked(HEADER_SIZE).ok_or(WorkloadError::NotAWorkload)?;
    if &head[..8] != MAGIC {
        return Err(WorkloadError::NotAWorkload);
    }
    let word = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
    let half = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes"));
    let header = Header {
        seed: word(8),
        op_count: word(16),
        prefill_count: word(24),
        trade_count: word(32),
        traded_lots: word(40),
        trade_hash: TradeHash::from_bits(word(48)),
        price_min: half(56),
        price_max: half(60),
    };
    let expected = header.op_count.saturating_mul(RECORD_SIZE as u64);
    if expected != body.len() as u64 || header.prefill_count > header.op_count {
        return Err(WorkloadError::Size { expected, got: body.len() as u64 });
    }
    let (chunks, _) = body.as_chunks::<RECORD_SIZE>();
    let records = chunks.iter().enumerate().map(|(index, chunk)| record(chunk).ok_or(WorkloadError::Record { index }));
    Ok(Workload { header, records: records.collect::<Result<_, _>>()? })
}

fn record(bytes: &[u8; RECORD_SIZE]) -> Option<Record> {
    let half = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    Some(Record {
        order: u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")),
        price: half(8),
        qty: half(12),
        op: match bytes[16] {
            0 => Op::Add,
            1 => Op::Cancel,
            2 => Op::Take,
            _ => return None,
        },
        side: match bytes[17] {
            0 => BookSide::Buy,
            1 => BookSide::Sell,
            _ => return None,
        },
        account: u16::from_le_bytes([bytes[18], bytes[19]]),
        symbol: half(20),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(record: [u8; RECORD_SIZE]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for word in [42_u64, 1, 0, 3, 4, 5] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&[9, 0, 0, 0, 11, 0, 0, 0]);
        bytes.extend_from_slice(&record);
        bytes
    }

    #[test]
    fn a_file_is_read_as_its_format_says() {
        let mut bytes = [0; RECORD_SIZE];
        bytes[0] = 8;
        bytes[8] = 10;
        bytes[12] = 2;
        bytes[16] = 2;
        bytes[17] = 1;
        bytes[18] = 7;
        bytes[20] = 3;
        let workload = parse(&file(bytes)).unwrap();
        let expected = Record { order: 8, price: 10, qty: 2, op: Op::Take, side: BookSide::Sell, account: 7, symbol: 3 };
        assert_eq!(workload.records, [expected]);
        assert_eq!((workload.header.trade_count, workload.header.price_min, workload.header.price_max), (3, 9, 11));
    }

    #[test]
    fn what_is_not_of_the_format_is_refused() {
        let mut bytes = [0; RECORD_SIZE];
        bytes[16] = 3;
        assert!(matches!(parse(&file(bytes)), Err(WorkloadError::Record { index: 0 })));
        assert!(matches!(parse(&file([0; RECORD_SIZE])[..80]), Err(WorkloadError::Size { expected: 24, got: 16 })));
        assert!(matches!(parse(b"short"), Err(WorkloadError::NotAWorkload)));
    }
}
