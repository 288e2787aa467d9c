//! What wallets write to one another in letters, and what each keeps of a request for quotes.

use crate::commands::files::{SwapAcceptance, SwapOffer};
use plinth_privacy::wallet::keys::Address;
use plinth_privacy::wallet::rfq::{Quote, Request};
use plinth_privacy_zone::limits::RFQ_PARTIES_MAX;
use plinth_types::digest::Digest;
use plinth_types::{choice, record};
use plinth_zone_protocol::List;

/// The text of a letter.
pub(crate) enum Message {
    /// For a price.
    Request(Request),
    /// In answer.
    Quote(Quote),
    /// For whoever's quote was taken: the first file of a swap.
    Offer { request: Digest, offer: Box<SwapOffer> },
    /// In answer: the second file of a swap.
    Acceptance { request: Digest, acceptance: Box<SwapAcceptance> },
}

/// A request of this wallet's, until a quote is taken.
pub(crate) struct Asked {
    pub(crate) request: Request,
    pub(crate) parties: List<Address, RFQ_PARTIES_MAX>,
}

/// A quote of this wallet's, until it is accepted or ends.
#[derive(Debug)]
pub(crate) struct Quoted {
    pub(crate) request: Request,
    /// Who asked.
    pub(crate) by: Address,
    pub(crate) quote: Quote,
}

/// A quote that this wallet took, until the swap is settled.
pub(crate) struct Taken {
    pub(crate) request: Request,
    /// Whose it is.
    pub(crate) by: Address,
    pub(crate) quote: Quote,
    pub(crate) offer: SwapOffer,
}

macro_rules! version_1 {
    ($($name:ident),*) => {$(
        impl $name {
            /// Version of the encoding.
            const VERSION: u8 = 1;
        }
    )*};
}
version_1!(Message, Asked, Quoted, Taken);
choice!(Message, "kind of letter" {
    1 => Request(request), 2 => Quote(quote), 3 => Offer { request, offer }, 4 => Acceptance { request, acceptance },
}, version "version of a letter's text");
record!(Asked { request, parties }, version "version of a request asked");
record!(Quoted { request, by, quote }, version "version of a quote given");
record!(Taken { request, by, quote, offer }, version "version of a quote taken");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::files::tests::{pin, swap_acceptance, swap_offer};
    use plinth_golden::Fixtures;
    use plinth_privacy::circuit::keys::PROOF_SIZE;
    use plinth_privacy::note::{Eligibility, PoolAsset, Value};
    use plinth_privacy::wallet::rfq::Side;
    use plinth_types::codec::Codec as _;
    use plinth_types::id::{AssetId, TimestampNs};

    #[test]
    fn every_letter_and_every_file_is_pinned() {
        let asset = |n| PoolAsset::new(AssetId::new(n), Eligibility::ALL).expect("a number");
        let (pool, value, until) = (swap_offer().frame.pool, Value::new(300), TimestampNs::new(1_000));
        let request = Request { pool, nonce: [5; 32], side: Side::Buy, asset: asset(2), value, against: asset(3), until };
        let quote = Quote { request: Digest([6; 32]), value: Value::new(450), until };
        let by = swap_offer().pay_to;
        pin("letter_request", &Message::Request(request));
        pin("letter_quote", &Message::Quote(quote));
        pin("letter_offer", &Message::Offer { request: Digest([6; 32]), offer: Box::new(swap_offer()) });
        let acceptance = Message::Acceptance { request: Digest([6; 32]), acceptance: Box::new(swap_acceptance()) }.to_bytes();
        assert_eq!(Message::decode(&acceptance).map(|again| again.to_bytes()), Ok(acceptance.clone()));
        Fixtures::of(env!("CARGO_MANIFEST_DIR")).bytes("letter_acceptance", &acceptance[..acceptance.len() - PROOF_SIZE]);
        pin("file_rfq_asked", &Asked { request, parties: vec![by].into() });
        pin("file_rfq_quoted", &Quoted { request, by, quote });
        pin("file_rfq_taken", &Taken { request, by, quote, offer: swap_offer() });
    }
}
