//! What a wallet has asked, quoted and taken: a file each in its folder, named by the request, so that everything happens once.
//!
//! ```text
//! who asks     asked ── a quote is taken ──► taken ── settled, or cancelled ──► nothing
//! who quotes   quoted ── accepted, or cancelled ──► closed
//! ```
//!
//! A request is quoted for once: `closed` stays until the request has ended, and one that has ended is refused for that. Whatever has ended is
//! removed when the folder is opened, but for what was taken: its notes are held back until it is settled, cancelled, or the swap expires.

use super::files::{Asked, Quoted, Taken};
use crate::commands::Outcome;
use crate::commands::files::{self, SwapOffer};
use plinth_privacy::wallet::keys::Address;
use plinth_privacy::wallet::rfq::{Quote, RfqError, Sums};
use plinth_privacy_zone::config::to_digits;
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use plinth_types::id::TimestampNs;
use std::fs;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a letter is not acted upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum DeskError {
    /// Of a request that this wallet did not make, that has ended, or of which a quote was taken.
    #[error("this wallet has no such request: it has ended, a quote for it was taken, or it is another wallet's")]
    NoRequest,
    /// By a wallet that was not asked.
    #[error("the quote is by a wallet that was not asked")]
    NotAsked,
    /// For the second time.
    #[error("this wallet has quoted for this request")]
    Answered,
    /// A quote that this wallet did not give, that was used, or that has ended.
    #[error("this wallet has no such quote: it has ended, was accepted or cancelled, or is another wallet's")]
    NoQuote,
    /// The offer is by another wallet than asked, or wants the payment to go elsewhere.
    #[error("the offer is not by the wallet that asked")]
    OtherAsker,
    /// The offer is not of the sums quoted.
    #[error("the offer is of another asset or sum than was quoted")]
    OtherSums,
    /// The offer is for another pool.
    #[error("the offer is for another pool than the request")]
    OtherPool,
    /// No quote for this request was taken.
    #[error("this wallet has taken no quote for this request, or has settled or cancelled it")]
    NotTaken,
    /// The acceptance is by another wallet than the quote that was taken.
    #[error("the acceptance is not by the wallet whose quote was taken")]
    OtherQuoter,
    /// What came is no good.
    #[error(transparent)]
    Rfq(#[from] RfqError),
}

/// The folder, at a time.
pub(super) struct Desk {
    folder: PathBuf,
    now: TimestampNs,
}

impl Desk {
    /// Opens the folder, and forgets what has ended.
    pub(super) fn open(folder: PathBuf, now: TimestampNs) -> Outcome<Self> {
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let until = match path.extension().and_then(|extension| extension.to_str()) {
                Some("asked") => files::read::<Asked>(&path)?.request.until,
                Some("quoted" | "closed") => files::read::<Quoted>(&path)?.request.until,
                _ => continue,
            };
            if now > until {
                fs::remove_file(&path)?;
            }
        }
        Ok(Self { folder, now })
    }

    /// Remembers what this wallet asks.
    pub(super) fn ask(&self, asked: &Asked) -> Outcome {
        files::create(&self.path(asked.request.id(), "asked"), &asked.to_bytes())
    }

    /// The request that a quote answers, if it can be taken.
    pub(super) fn judge(&self, by: Address, quote: &Quote) -> Outcome<Asked> {
        let path = self.path(quote.request, "asked");
        if !path.exists() || self.path(quote.request, "taken").exists() {
            return Err(DeskError::NoRequest.into());
        }
        let asked: Asked = files::read(&path)?;
        if !asked.parties.contains(&by) {
            return Err(DeskError::NotAsked.into());
        }
        asked.request.judge(quote, self.now).map_err(DeskError::from)?;
        Ok(asked)
    }

    /// Takes a quote that was judged: no other one can be.
    pub(super) fn take(&self, taken: &Taken) -> Outcome {
        let id = taken.request.id();
        files::create(&self.path(id, "taken"), &taken.to_bytes())?;
        remove(&self.path(id, "asked"))
    }

    /// What was taken, if this is the wallet whose quote it was.
    pub(super) fn taken(&self, by: Address, request: Digest) -> Outcome<Taken> {
        let path = self.path(request, "taken");
        if !path.exists() {
            return Err(DeskError::NotTaken.into());
        }
        let taken: Taken = files::read(&path)?;
        if taken.by == by { Ok(taken) } else { Err(DeskError::OtherQuoter.into()) }
    }

    /// Forgets what was taken.
    pub(super) fn forget(&self, request: Digest) -> Outcome {
        remove(&self.path(request, "taken"))
    }

    /// Remembers a quote that this wallet gives: one for each request.
    pub(super) fn quote(&self, quoted: &Quoted) -> Outcome {
        let id = quoted.request.id();
        let path = self.path(id, "quoted");
        if path.exists() || self.path(id, "closed").exists() {
            return Err(DeskError::Answered.into());
        }
        quoted.request.judge(&quoted.quote, self.now).map_err(DeskError::from)?;
        files::create(&path, &quoted.to_bytes())
    }

    /// The quote that an offer takes, if the offer is of exactly its sums, by whom it was given to, and in time.
    pub(super) fn honour(&self, by: Address, request: Digest, offer: &SwapOffer) -> Outcome<Quoted> {
        let path = self.path(request, "quoted");
        if !path.exists() {
            return Err(DeskError::NoQuote.into());
        }
        let quoted: Quoted = files::read(&path)?;
        if by != quoted.by || offer.pay_to != by {
            return Err(DeskError::OtherAsker.into());
        }
        if offer.frame.pool != quoted.request.pool {
            return Err(DeskError::OtherPool.into());
        }
        quoted.request.judge(&quoted.quote, self.now).map_err(DeskError::from)?;
        let opening = offer.offer.opening;
        let offered = Sums { give: (opening.asset, opening.value), take: (offer.want_asset, offer.want_value) };
        if offered == quoted.request.sums(&quoted.quote) { Ok(quoted) } else { Err(DeskError::OtherSums.into()) }
    }

    /// The quote is used up: whoever comes second finds none.
    pub(super) fn close(&self, request: Digest) -> Outcome {
        let path = self.path(request, "quoted");
        if !path.exists() {
            return Err(DeskError::NoQuote.into());
        }
        fs::rename(&path, self.path(request, "closed")).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    fn path(&self, request: Digest, state: &str) -> PathBuf {
        self.folder.join(format!("{}.{state}", to_digits(&request.0)))
    }
}

fn remove(path: &Path) -> Outcome {
    fs::remove_file(path).map_err(|error| format!("{}: {error}", path.display()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::files::tests::swap_offer;
    use plinth_privacy::note::{Eligibility, PoolAsset, Value};
    use plinth_privacy::wallet::keys::Seed;
    use plinth_privacy::wallet::rfq::{Request, Side};
    use plinth_types::id::AssetId;

    fn asset(n: u16) -> PoolAsset {
        PoolAsset::new(AssetId::new(n), Eligibility::ALL).expect("a number")
    }

    fn address(n: u8) -> Address {
        Seed::new([n; 32]).account(0).full_viewing_key().address()
    }

    /// Asks for 300 of asset 2 against asset 3 until 1,000; the quote is 450 until 900.
    fn request() -> Request {
        let (value, until, pool) = (Value::new(300), TimestampNs::new(1_000), swap_offer().frame.pool);
        Request { pool, nonce: [5; 32], side: Side::Sell, asset: asset(2), value, against: asset(3), until }
    }

    fn quote() -> Quote {
        Quote { request: request().id(), value: Value::new(450), until: TimestampNs::new(900) }
    }

    /// What who asks, the wallet of address 1, offers at the quote.
    fn offer() -> SwapOffer {
        let mut offer = SwapOffer { pay_to: address(1), want_asset: asset(3), want_value: Value::new(450), ..swap_offer() };
        (offer.offer.opening.asset, offer.offer.opening.value) = (asset(2), Value::new(300));
        offer
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a folder"))
        }

        fn at(&self, now: u64) -> Desk {
            Desk::open(self.0.path().join("quotes"), TimestampNs::new(now)).expect("a folder")
        }

        fn count(&self) -> usize {
            fs::read_dir(self.0.path().join("quotes")).expect("a folder").count()
        }
    }

    fn why<T>(outcome: Outcome<T>) -> Option<DeskError> {
        outcome.err().map(|error| *error.downcast::<DeskError>().expect("a reason of the desk's own"))
    }

    #[test]
    fn a_quote_is_taken_once_from_a_wallet_that_was_asked_while_it_lasts() {
        let folder = Folder::new();
        let desk = folder.at(900);
        assert_eq!(why(desk.judge(address(2), &quote())), Some(DeskError::NoRequest));
        desk.ask(&Asked { request: request(), parties: vec![address(2)].into() }).expect("new");
        assert_eq!(why(desk.judge(address(3), &quote())), Some(DeskError::NotAsked));
        let moved = Address { owner: address(3).owner, ..address(2) };
        assert_eq!(why(desk.judge(moved, &quote())), Some(DeskError::NotAsked), "addresses are compared whole");
        assert_eq!(why(folder.at(901).judge(address(2), &quote())), Some(DeskError::Rfq(RfqError::QuoteEnded)));
        assert_eq!(why(desk.judge(address(2), &quote())), None);

        assert_eq!(why(desk.taken(address(2), quote().request)), Some(DeskError::NotTaken));
        let taken = Taken { request: request(), by: address(2), quote: quote(), offer: offer() };
        desk.take(&taken).expect("the first");
        assert_eq!(why(desk.judge(address(2), &quote())), Some(DeskError::NoRequest), "replayed");
        assert!(desk.take(&taken).is_err());
        assert_eq!(why(desk.taken(address(3), quote().request)), Some(DeskError::OtherQuoter));
        assert_eq!(why(folder.at(5_000).taken(address(2), quote().request)), None, "held until it is settled");
        desk.forget(quote().request).expect("there");
        assert_eq!(why(desk.taken(address(2), quote().request)), Some(DeskError::NotTaken), "settled");
    }

    #[test]
    fn a_quote_is_honoured_once_at_exactly_its_sums_for_who_asked_while_it_lasts() {
        let folder = Folder::new();
        let (desk, id) = (folder.at(900), quote().request);
        let quoted = || Quoted { request: request(), by: address(1), quote: quote() };
        assert_eq!(why(desk.honour(address(1), id, &offer())), Some(DeskError::NoQuote));
        let nothing = Quoted { quote: Quote { value: Value::ZERO, ..quote() }, ..quoted() };
        assert_eq!(why(desk.quote(&nothing)), Some(DeskError::Rfq(RfqError::Nothing)));
        desk.quote(&quoted()).expect("the first");
        assert_eq!(why(desk.quote(&quoted())), Some(DeskError::Answered));

        assert_eq!(why(desk.honour(address(3), id, &offer())), Some(DeskError::OtherAsker));
        let elsewhere = SwapOffer { pay_to: address(3), ..offer() };
        assert_eq!(why(desk.honour(address(1), id, &elsewhere)), Some(DeskError::OtherAsker));
        let mut other_pool = offer();
        other_pool.frame.pool.generation += 1;
        assert_eq!(why(desk.honour(address(1), id, &other_pool)), Some(DeskError::OtherPool));
        let mut less = offer();
        less.offer.opening.value = Value::new(299);
        let (dearer, another) =
            (SwapOffer { want_value: Value::new(451), ..offer() }, SwapOffer { want_asset: asset(4), ..offer() });
        for altered in [less, dearer, another] {
            assert_eq!(why(desk.honour(address(1), id, &altered)), Some(DeskError::OtherSums));
        }
        assert_eq!(why(folder.at(901).honour(address(1), id, &offer())), Some(DeskError::Rfq(RfqError::QuoteEnded)));
        assert_eq!(why(desk.honour(address(1), id, &offer())), None);

        desk.close(id).expect("there");
        assert_eq!(why(desk.honour(address(1), id, &offer())), Some(DeskError::NoQuote), "replayed");
        assert_eq!(why(desk.close(id)), Some(DeskError::NoQuote));
        assert_eq!(why(folder.at(1_000).quote(&quoted())), Some(DeskError::Answered), "the request replayed");
        let _ended = folder.at(1_001);
        assert_eq!(folder.count(), 0, "what has ended is forgotten, and refused for that");
    }
}
