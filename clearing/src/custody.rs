//! Assets, accounts, balances, and the operations on them.

use crate::balance::Balance;
use crate::region;
use core::fmt;
use plinth_types::codec::Codec;
use plinth_types::id::{AccountId, AssetId, PublicKey};
use plinth_types::limits::NAME_SIZE_MAX;
use plinth_types::page::Touch;
use plinth_types::quantity::Amount;
use plinth_types::reference::{Account, Asset, Name};
use plinth_types::reject::Reject;
use plinth_types::table::{Region, Single, Table};
use plinth_types::table_record;

/// Custody of one zone. All memory is taken by [`Custody::new`].
#[derive(Clone, Debug)]
pub struct Custody {
    census: Single<Census>,
    assets: Table<AssetRecord>,
    accounts: Table<AccountRecord>,
    balances: Table<Balance>,
    /// Balances per asset, used or not.
    stride: u32,
}

/// Where an account's balance of an asset is. Found once for an order, used for each of its trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalancePlace(usize);

/// What one party's trades of one command move: one asset out, the other in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The party's balance of what it delivers.
    pub gives: BalancePlace,
    /// How much it delivers.
    pub given: Amount,
    /// What its order had reserved for that. More than `given` is price improvement, and is released; an order without reservation has
    /// zero, and delivers from what is available.
    pub reserved: Amount,
    /// The party's balance of what it receives.
    pub gets: BalancePlace,
    /// How much it receives.
    pub got: Amount,
}

/// Custody does not add up: a bug, found by [`Custody::check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imbalance {
    /// The balances of an asset do not sum to its total.
    Total {
        /// Which.
        asset: AssetId,
        /// What was credited.
        total: Amount,
        /// What all accounts own, in smallest units.
        settled: u128,
    },
    /// More is reserved than owned.
    Reserved {
        /// Whose.
        account: AccountId,
        /// Of what.
        asset: AssetId,
        /// Promised.
        reserved: Amount,
        /// Owned.
        settled: Amount,
    },
}

table_record! {
    struct Census in region::CENSUS, 16 bytes {
        accounts: u32,
        assets: u16,
    }
}

table_record! {
    struct AssetRecord in region::ASSETS, 64 bytes {
        name: [u8; NAME_SIZE_MAX],
        total: Amount,
        decimals: u8,
        withdrawn: Amount,
    }
}

table_record! {
    struct AccountRecord in region::ACCOUNTS, 64 bytes {
        name: [u8; NAME_SIZE_MAX],
        owner: [u8; 32],
        withdrawals: u64,
    }
}

impl Custody {
    /// An empty custody for at most so many accounts and assets. Takes 64 bytes for each pair, and for each of both.
    #[must_use]
    pub fn new(accounts_max: u32, assets_max: u16) -> Self {
        let (accounts, assets) = (accounts_max as usize, usize::from(assets_max));
        Self {
            census: Single::new(),
            assets: Table::new(assets),
            accounts: Table::new(accounts),
            balances: Table::new(accounts * assets),
            stride: accounts_max,
        }
    }

    /// Adds the next asset.
    ///
    /// # Errors
    ///
    /// [`Reject::OutOfSequence`] if its number is not the next; [`Reject::CapacityReached`].
    pub fn add_asset<T: Touch>(&mut self, touch: &mut T, asset: &Asset) -> Result<(), Reject> {
        let census = self.census.get_mut(touch);
        if asset.id.get() != census.assets {
            return Err(Reject::OutOfSequence { expected: census.assets.into() });
        }
        if usize::from(census.assets) == self.assets.records().len() {
            return Err(Reject::CapacityReached);
        }
        census.assets += 1;
        let record =
            AssetRecord { name: *asset.name.bytes(), total: Amount::ZERO, decimals: asset.decimals, withdrawn: Amount::ZERO };
        *self.assets.get_mut(touch, usize::from(asset.id.get())) = record;
        Ok(())
    }

    /// Opens the next account.
    ///
    /// # Errors
    ///
    /// [`Reject::OutOfSequence`] if its number is not the next; [`Reject::CapacityReached`].
    pub fn open_account<T: Touch>(&mut self, touch: &mut T, account: &Account) -> Result<(), Reject> {
        let census = self.census.get_mut(touch);
        if account.id.get() != census.accounts {
            return Err(Reject::OutOfSequence { expected: census.accounts.into() });
        }
        if census.accounts as usize == self.accounts.records().len() {
            return Err(Reject::CapacityReached);
        }
        census.accounts += 1;
        let record = AccountRecord { name: *account.name.bytes(), owner: account.owner.0, withdrawals: 0 };
        *self.accounts.get_mut(touch, account.id.get() as usize) = record;
        Ok(())
    }

    /// Brings `amount` into custody.
    ///
    /// # Errors
    ///
    /// [`Reject::UnknownAccount`], [`Reject::UnknownAsset`]; [`Reject::AmountTooLarge`] if the asset's total would exceed the largest
    /// amount.
    pub fn credit<T: Touch>(&mut self, touch: &mut T, account: AccountId, asset: AssetId, amount: Amount) -> Result<(), Reject> {
        self.known_account(touch, account)?;
        self.known_asset(touch, asset)?;
        let record = self.assets.get_mut(touch, usize::from(asset.get()));
        record.total = record.total.checked_add(amount).ok_or(Reject::AmountTooLarge)?;
        self.balance_mut(touch, account, asset).credit(amount);
        Ok(())
    }

    /// Takes `amount` of what is available out of custody.
    ///
    /// # Errors
    ///
    /// [`Reject::UnknownAccount`], [`Reject::UnknownAsset`]; [`Reject::InsufficientFunds`] with what is missing. [`Reject::AmountTooLarge`]
    /// if more of the asset than the largest amount would ever have left.
    pub fn debit<T: Touch>(&mut self, touch: &mut T, account: AccountId, asset: AssetId, amount: Amount) -> Result<(), Reject> {
        self.known_account(touch, account)?;
        self.known_asset(touch, asset)?;
        let available = self.available(touch, account, asset);
        if amount > available {
            return Err(shortfall(asset, amount, available));
        }
        let record = self.assets.get_mut(touch, usize::from(asset.get()));
        record.withdrawn = record.withdrawn.checked_add(amount).ok_or(Reject::AmountTooLarge)?;
        record.total = record.total.checked_sub(amount).expect("a balance is part of its asset's total");
        self.balance_mut(touch, account, asset).debit(amount, Amount::ZERO);
        Ok(())
    }

    /// Counts a withdrawal of `account`; each has the next number, from 1.
    ///
    /// # Errors
    ///
    /// [`Reject::UnknownAccount`]; [`Reject::OutOfSequence`] if it is not the next.
    pub fn count_withdrawal<T: Touch>(&mut self, touch: &mut T, account: AccountId, nonce: u64) -> Result<(), Reject> {
        self.known_account(touch, account)?;
        let record = self.accounts.get_mut(touch, account.get() as usize);
        let expected = record.withdrawals.saturating_add(1);
        if nonce != expected {
            return Err(Reject::OutOfSequence { expected });
        }
        record.withdrawals = nonce;
        Ok(())
    }

    /// Whose account it is.
    ///
    /// # Errors
    ///
    /// [`Reject::UnknownAccount`].
    pub fn owner<T: Touch>(&self, touch: &mut T, account: AccountId) -> Result<PublicKey, Reject> {
        self.known_account(touch, account)?;
        Ok(PublicKey(self.accounts.get(touch, account.get() as usize).owner))
    }

    /// Promises `amount` to an order.
    ///
    /// # Errors
    ///
    /// [`Reject::InsufficientFunds`] with what is missing.
    ///
    /// # Panics
    ///
    /// For an unknown account or asset: the engine checks both when it lists instruments and grants mandates.
    #[inline(always)]
    pub fn reserve<T: Touch>(&mut self, touch: &mut T, account: AccountId, asset: AssetId, amount: Amount) -> Result<(), Reject> {
        let balance = self.balance_mut(touch, account, asset);
        if balance.reserve(amount) {
            return Ok(());
        }
        Err(shortfall(asset, amount, balance.available()))
    }

    /// Whether [`Custody::reserve`] of `amount` would pass once `released` were released.
    ///
    /// # Errors
    ///
    /// [`Reject::InsufficientFunds`] with what is missing.
    ///
    /// # Panics
    ///
    /// For an unknown account or asset.
    pub fn can_reserve<T: Touch>(
        &self,
        touch: &mut T,
        account: AccountId,
        asset: AssetId,
        amount: Amount,
        released: Amount,
    ) -> Result<(), Reject> {
        let available = self.available(touch, account, asset).checked_add(released).expect("both are part of one balance");
        if amount <= available { Ok(()) } else { Err(shortfall(asset, amount, available)) }
    }

    /// Frees `amount` of what was promised.
    ///
    /// # Panics
    ///
    /// If less is reserved, or for an unknown account or asset: bugs of the engine.
    #[inline(always)]
    pub fn release<T: Touch>(&mut self, touch: &mut T, account: AccountId, asset: AssetId, amount: Amount) {
        self.balance_mut(touch, account, asset).release(amount);
    }

    /// Moves one party's part of trades. Whoever trades moves every party's part within the same command: what is given is got.
    ///
    /// # Panics
    ///
    /// If the party lacks what it delivers or has reserved: the engine matches funded orders only.
    #[inline(always)]
    pub fn settle<T: Touch>(&mut self, touch: &mut T, part: Settlement) {
        self.balances.get_mut(touch, part.gives.0).debit(part.given, part.reserved);
        self.balances.get_mut(touch, part.gets.0).credit(part.got);
    }

    /// Where the balance of `account` in `asset` is. For a pair that is unknown it is no balance's place, or another's.
    #[inline(always)]
    #[must_use]
    pub const fn place(&self, account: AccountId, asset: AssetId) -> BalancePlace {
        BalancePlace(self.slot(account, asset))
    }

    /// What `account` may still reserve of `asset`.
    ///
    /// # Panics
    ///
    /// For an unknown account or asset.
    #[inline(always)]
    pub fn available<T: Touch>(&self, touch: &mut T, account: AccountId, asset: AssetId) -> Amount {
        self.balances.get(touch, self.slot(account, asset)).available()
    }

    /// Refuses an account that is not open.
    ///
    /// # Errors
    ///
    /// [`Reject::UnknownAccount`].
    pub fn known_account<T: Touch>(&self, touch: &mut T, account: AccountId) -> Result<(), Reject> {
        if account.get() < self.census.get(touch).accounts { Ok(()) } else { Err(Reject::UnknownAccount { account }) }
    }

    /// Refuses an asset that was not added.
    ///
    /// # Errors
    ///
    /// [`Reject::UnknownAsset`].
    pub fn known_asset<T: Touch>(&self, touch: &mut T, asset: AssetId) -> Result<(), Reject> {
        if asset.get() < self.census.get(touch).assets { Ok(()) } else { Err(Reject::UnknownAsset { asset }) }
    }

    #[inline(always)]
    fn balance_mut<T: Touch>(&mut self, touch: &mut T, account: AccountId, asset: AssetId) -> &mut Balance {
        let slot = self.slot(account, asset);
        self.balances.get_mut(touch, slot)
    }

    #[inline(always)]
    const fn slot(&self, account: AccountId, asset: AssetId) -> usize {
        // Accounts times assets fit an index: the table was made so. A wrong number is caught by the table.
        (asset.get() as usize).wrapping_mul(self.stride as usize).wrapping_add(account.get() as usize)
    }
}

/// For those who stand outside the transition: status, checks, snapshots.
impl Custody {
    /// Open accounts.
    pub fn accounts(&self) -> impl Iterator<Item = Account> + '_ {
        (0..)
            .map(AccountId::new)
            .zip(&self.accounts.records()[..self.census.record().accounts as usize])
            .map(|(id, record)| Account { id, name: stored_name(&record.name), owner: PublicKey(record.owner) })
    }

    /// Assets.
    pub fn assets(&self) -> impl Iterator<Item = Asset> + '_ {
        (0..).map(AssetId::new).zip(&self.assets.records()[..usize::from(self.census.record().assets)]).map(|(id, record)| Asset {
            id,
            name: stored_name(&record.name),
            decimals: record.decimals,
        })
    }

    /// What an account has of an asset; `None` if either is unknown.
    #[must_use]
    pub fn balance(&self, account: AccountId, asset: AssetId) -> Option<Balance> {
        self.known_account(&mut (), account).ok()?;
        self.known_asset(&mut (), asset).ok()?;
        Some(self.balances.records()[self.slot(account, asset)])
    }

    /// All that is in custody of an asset; `None` if it is unknown.
    #[must_use]
    pub fn total(&self, asset: AssetId) -> Option<Amount> {
        self.known_asset(&mut (), asset).ok()?;
        Some(self.assets.records()[usize::from(asset.get())].total)
    }

    /// All that ever left custody of an asset; `None` if it is unknown.
    #[must_use]
    pub fn withdrawn(&self, asset: AssetId) -> Option<Amount> {
        self.known_asset(&mut (), asset).ok()?;
        Some(self.assets.records()[usize::from(asset.get())].withdrawn)
    }

    /// The number that an account's next withdrawal must carry; `None` if it is unknown.
    #[must_use]
    pub fn next_withdrawal(&self, account: AccountId) -> Option<u64> {
        self.known_account(&mut (), account).ok()?;
        Some(self.accounts.records()[account.get() as usize].withdrawals.saturating_add(1))
    }

    /// Checks the invariants over the whole state. Cost: one pass over all balances.
    ///
    /// # Errors
    ///
    /// The first [`Imbalance`], by asset and account.
    pub fn check(&self) -> Result<(), Imbalance> {
        for asset in self.assets().map(|asset| asset.id) {
            let mut sum = 0_u128;
            for account in self.accounts().map(|account| account.id) {
                let Balance { settled, reserved, .. } = self.balances.records()[self.slot(account, asset)];
                if reserved > settled {
                    return Err(Imbalance::Reserved { account, asset, reserved, settled });
                }
                sum = sum.saturating_add(settled.units());
            }
            let total = self.assets.records()[usize::from(asset.get())].total;
            if sum != total.units() {
                return Err(Imbalance::Total { asset, total, settled: sum });
            }
        }
        Ok(())
    }

    /// The tables, in the order of their region numbers.
    #[must_use]
    pub fn regions(&self) -> [&dyn Region; 4] {
        [&self.census, &self.assets, &self.accounts, &self.balances]
    }

    /// The tables, to be filled from a snapshot. The caller must [`Custody::check_restored`] before it uses them.
    pub fn regions_mut(&mut self) -> [&mut dyn Region; 4] {
        [&mut self.census, &mut self.assets, &mut self.accounts, &mut self.balances]
    }

    /// Whether tables filled from a snapshot are a state that custody could have made.
    #[must_use]
    pub fn check_restored(&self) -> bool {
        let census = self.census.record();
        let (accounts, assets) = (census.accounts as usize, usize::from(census.assets));
        let named = |name: &[u8; NAME_SIZE_MAX]| Name::decode(name).is_ok();
        accounts <= self.accounts.records().len()
            && assets <= self.assets.records().len()
            && self.accounts.records()[..accounts].iter().all(|account| named(&account.name))
            && self.accounts.records()[accounts..].iter().all(|account| *account == plinth_types::table::Record::ZERO)
            && self.assets.records()[..assets].iter().all(|asset| named(&asset.name))
            && self.assets.records()[assets..].iter().all(|asset| *asset == plinth_types::table::Record::ZERO)
            && self.balances.records().iter().enumerate().all(|(slot, balance)| {
                let open = slot / (self.stride as usize) < assets && slot % (self.stride as usize) < accounts;
                let empty = *balance == plinth_types::table::Record::ZERO;
                empty || (open && balance.due_in == Amount::ZERO && balance.due_out == Amount::ZERO)
            })
            && self.check().is_ok()
    }
}

impl fmt::Display for Imbalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Total { asset, total, settled } => {
                write!(f, "asset {asset}: accounts own {settled}, but {total} are in custody")
            }
            Self::Reserved { account, asset, reserved, settled } => {
                write!(f, "account {account}: {reserved} of asset {asset} are reserved, but {settled} are owned")
            }
        }
    }
}

impl core::error::Error for Imbalance {}

fn stored_name(bytes: &[u8; NAME_SIZE_MAX]) -> Name {
    Name::decode(bytes).expect("names are checked where they enter")
}

#[cold]
fn shortfall(asset: AssetId, amount: Amount, available: Amount) -> Reject {
    let shortfall = u64::try_from(amount.units() - available.units()).unwrap_or(u64::MAX);
    Reject::InsufficientFunds { asset, shortfall }
}
