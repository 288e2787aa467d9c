//! What people type and read: addresses, keys, numbers.

use plinth_privacy::field::{Owner, Word};
use plinth_privacy::limits::{JURISDICTIONS_MAX, MEMO_SIZE};
use plinth_privacy::note::{Eligibility, Jurisdiction};
use plinth_privacy::registry::Day;
use plinth_privacy::wallet::encryption::Memo;
use plinth_privacy::wallet::keys::Address;
use plinth_privacy_zone::config::{digits, to_digits};
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use plinth_types::id::{PublicKey, TimestampNs};
use sha2::{Digest as _, Sha256};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const ADDRESS_PREFIX: &str = "plp1";
const ADDRESS_SIZE: usize = 64;
const CHECK_SIZE: usize = 4;

/// An address with a checksum, so that a mistyped one is none.
pub(crate) fn write_address(address: &Address) -> String {
    let bytes = address.to_bytes();
    format!("{ADDRESS_PREFIX}{}{}", to_digits(&bytes), to_digits(&check(&bytes)))
}

pub(crate) fn read_address(text: &str) -> Result<Address, String> {
    let wrong = || format!("{ADDRESS_PREFIX} and {} hexadecimal digits", 2 * (ADDRESS_SIZE + CHECK_SIZE));
    let bytes: [u8; ADDRESS_SIZE + CHECK_SIZE] = text.strip_prefix(ADDRESS_PREFIX).and_then(digits).ok_or_else(wrong)?;
    let (address, sum) = bytes.split_at(ADDRESS_SIZE);
    if check(address) != sum {
        return Err("the address is mistyped: its checksum is another one".into());
    }
    Address::decode(address).map_err(|error| error.to_string())
}

fn check(bytes: &[u8]) -> [u8; CHECK_SIZE] {
    let hash = Sha256::new().chain_update(b"plinth/privacy-address/1").chain_update(bytes).finalize();
    std::array::from_fn(|index| hash[index])
}

pub(crate) fn write_owner(owner: Owner) -> String {
    to_digits(&owner.to_bytes())
}

pub(crate) fn read_owner(text: &str) -> Result<Owner, String> {
    digits(text).and_then(Word::from_bytes).map(Owner::new).ok_or_else(|| "64 hexadecimal digits of an owner".into())
}

pub(crate) fn read_key(text: &str) -> Result<PublicKey, String> {
    digits(text).map(PublicKey).ok_or_else(|| "64 hexadecimal digits".into())
}

pub(crate) fn read_digest(text: &str) -> Result<Digest, String> {
    digits(text).map(Digest).ok_or_else(|| "64 hexadecimal digits".into())
}

pub(crate) fn read_memo(text: &str) -> Result<Memo, String> {
    let mut memo = [0; MEMO_SIZE];
    memo.get_mut(..text.len()).ok_or_else(|| format!("a memo has at most {MEMO_SIZE} bytes"))?.copy_from_slice(text.as_bytes());
    Ok(memo)
}

pub(crate) fn write_memo(memo: &Memo) -> String {
    String::from_utf8_lossy(memo).trim_end_matches('\0').chars().filter(|letter| !letter.is_control()).collect()
}

pub(crate) fn read_jurisdiction(text: &str) -> Result<Jurisdiction, String> {
    text.parse().ok().and_then(Jurisdiction::new).ok_or_else(|| format!("a number below {JURISDICTIONS_MAX}"))
}

/// Those named; everybody registered if none is.
pub(crate) fn eligible(jurisdictions: &[Jurisdiction]) -> Eligibility {
    if jurisdictions.is_empty() { Eligibility::ALL } else { Eligibility::of(jurisdictions) }
}

/// Today by this machine's clock, UTC.
pub(crate) fn today() -> Day {
    Day::new(u32::try_from(since_epoch().as_secs() / 86_400).unwrap_or(u32::MAX))
}

/// Now by this machine's clock, UTC.
pub(crate) fn now() -> TimestampNs {
    TimestampNs::new(u64::try_from(since_epoch().as_nanos()).unwrap_or(u64::MAX))
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plinth_privacy::wallet::keys::Seed;

    #[test]
    fn a_mistyped_address_is_none() {
        let address = Seed::new([1; 32]).account(0).full_viewing_key().address();
        let text = write_address(&address);
        assert_eq!(read_address(&text), Ok(address));
        for at in ADDRESS_PREFIX.len()..text.len() {
            let mut mistyped = text.clone().into_bytes();
            mistyped[at] = if mistyped[at] == b'0' { b'1' } else { b'0' };
            assert!(read_address(std::str::from_utf8(&mistyped).expect("ASCII")).is_err(), "letter {at}");
        }
        assert!(read_address("").is_err() && read_address("plp1é").is_err());
    }

    #[test]
    fn a_memo_is_what_was_written_without_what_moves_a_cursor() {
        assert_eq!(write_memo(&read_memo("rent, June").expect("short")), "rent, June");
        assert!(read_memo(&"a".repeat(MEMO_SIZE + 1)).is_err());
        assert_eq!(write_memo(&read_memo("a\u{1b}[2Jb").expect("short")), "a[2Jb");
    }
}
