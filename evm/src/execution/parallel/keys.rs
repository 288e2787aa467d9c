//! Names of what can conflict, in 64 bits.
//!
//! Two different names may collide: then two transactions seem to conflict that do not, which delays one of them and changes no result.

use crate::ethereum::{Address, U256};

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

fn fold(state: u64, word: u64) -> u64 {
    let product = u128::from(state ^ word).wrapping_mul(u128::from(MULTIPLIER));
    (product as u64) ^ ((product >> 64) as u64).rotate_left(23) ^ word.rotate_left(32)
}

/// The account itself: balance, nonce, code.
pub fn account_key(address: &Address) -> u64 {
    let mut words = [[0u8; 8]; 3];
    words[0].copy_from_slice(&address[0..8]);
    words[1].copy_from_slice(&address[8..16]);
    words[2][..4].copy_from_slice(&address[16..20]);
    words.iter().fold(0x5EED, |state, word| fold(state, u64::from_le_bytes(*word)))
}

/// A storage slot of the account with key `account`.
pub fn slot_key(account: u64, slot: &U256) -> u64 {
    slot.as_limbs().iter().fold(!account, |state, limb| fold(state, *limb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_slots_and_accounts_get_different_keys() {
        let mut keys = std::collections::BTreeSet::new();
        for account in 0..64u64 {
            let account = account_key(&Address::left_padding_from(&account.to_be_bytes()));
            assert!(keys.insert(account));
            for slot in 0..64u64 {
                assert!(keys.insert(slot_key(account, &U256::from(slot))));
                assert!(keys.insert(slot_key(account, &(U256::from(slot + 1) << 192))));
            }
        }
    }
}
