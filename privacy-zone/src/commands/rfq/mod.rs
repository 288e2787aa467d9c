//! `plinth-privacy wallet rfq`: a firm asks several others for a price and swaps with the best, by letters over any channel.
//!
//! ```text
//! who asks                              those asked
//! request ── a letter to each ─────►    read, quote: once for a request
//! read, take ◄───── a letter from each
//!         ── a letter to the best ─►    accept: exactly the sums quoted, once; proves its own leg
//! settle ◄───────── a letter            (submits both)
//! ```
//!
//! * The sums of the swap are the quote's, from the wallet's own folder: nothing that comes in a letter changes them, and nobody types them again.
//! * A letter is acted upon once ([`desk`]), from the wallet that it must be from, while the quote lasts.
//!
//! Known limitations: who asks may settle or not until the swap expires, [`RFQ_BLOCKS`] blocks of the zone behind the offer. Those whose
//! quotes are not taken are not told. A quote reserves nothing: what it promises may be spent before it is taken.

mod desk;
mod files;

use super::files::{create, read_bytes};
use super::session::{Keys, Session};
use super::swap::{self, Terms};
use super::text::{now, read_address, write_address};
use super::wallet::{Place, Zone};
use super::{Outcome, say};
use clap::Subcommand;
use desk::Desk;
use files::{Asked, Message, Quoted, Taken};
use plinth_privacy::note::{PoolAsset, Value};
use plinth_privacy::wallet::keys::{Address, IncomingViewingKey};
use plinth_privacy::wallet::letter;
use plinth_privacy::wallet::rfq::{Quote, Request, Side};
use plinth_privacy_zone::limits::{FILE_SIZE_MAX, RFQ_BLOCKS, RFQ_PARTIES_MAX};
use plinth_types::codec::Codec as _;
use plinth_types::id::TimestampNs;
use rand::Rng as _;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use std::path::{Path, PathBuf};

const NS_PER_SECOND: u64 = 1_000_000_000;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Ask for quotes
    Request {
        #[command(flatten)]
        zone: Zone,
        #[command(flatten)]
        wish: Wish,
        /// Whom to ask; several times for several
        #[arg(long, required = true, value_parser = read_address)]
        with: Vec<Address>,
        /// The letter to make for each, in the same order
        #[arg(long, required = true)]
        out: Vec<PathBuf>,
    },
    /// Say what is in letters; of quotes, which is the best
    Read {
        /// The letters
        #[arg(required = true)]
        letters: Vec<PathBuf>,
    },
    /// Answer a request: once
    Quote {
        #[command(flatten)]
        zone: Zone,
        /// The letter with the request
        #[arg(long)]
        request: PathBuf,
        /// The sum of the other asset for the whole, in smallest units
        #[arg(long)]
        price: u64,
        /// For how long, at most as long as the request
        #[arg(long)]
        seconds: Option<u64>,
        /// The letter to make
        #[arg(long)]
        out: PathBuf,
    },
    /// Take the best of these quotes: offers the swap to whose it is
    Take {
        #[command(flatten)]
        zone: Zone,
        /// The letter with the quote; several times for several
        #[arg(long, required = true)]
        quote: Vec<PathBuf>,
        /// The letter to make
        #[arg(long)]
        out: PathBuf,
    },
    /// Accept the offer of a swap at your quote: proves your leg
    Accept {
        #[command(flatten)]
        zone: Zone,
        /// The letter with the offer
        #[arg(long)]
        offer: PathBuf,
        /// The letter to make
        #[arg(long)]
        out: PathBuf,
    },
    /// Settle: proves your leg and submits both
    Settle {
        #[command(flatten)]
        zone: Zone,
        /// The letter with the acceptance
        #[arg(long)]
        acceptance: PathBuf,
    },
    /// Take back: with the letter of a request, your quote for it; with the letter of a quote, your offer at it
    Cancel {
        /// The letter
        letter: PathBuf,
    },
}

/// What to ask for.
#[derive(Debug, clap::Args)]
pub(crate) struct Wish {
    /// To give the asset, or to take it
    #[arg(long, value_parser = read_side)]
    side: Side,
    /// The asset asked for
    #[arg(long)]
    asset: u16,
    /// How much of it, in smallest units
    #[arg(long)]
    amount: u64,
    /// The asset that quotes are in
    #[arg(long)]
    against: u16,
    /// For how long quotes can be given and taken
    #[arg(long, default_value_t = 600)]
    seconds: u64,
}

pub(crate) fn run(place: &Place, command: &Command) -> Outcome {
    match command {
        Command::Request { zone, wish, with, out } => request(place, zone, wish, with, out),
        Command::Read { letters } => tell(place, letters),
        Command::Quote { zone, request, price, seconds, out } => quote(place, zone, request, *price, *seconds, out),
        Command::Take { zone, quote, out } => take(place, zone, quote, out),
        Command::Accept { zone, offer, out } => accept(place, zone, offer, out),
        Command::Settle { zone, acceptance } => settle(place, zone, acceptance),
        Command::Cancel { letter } => cancel(place, letter),
    }
}

fn request(place: &Place, zone: &Zone, wish: &Wish, with: &[Address], out: &[PathBuf]) -> Outcome {
    if with.len() != out.len() || with.len() > RFQ_PARTIES_MAX {
        return Err(format!("one --out for each --with, at most {RFQ_PARTIES_MAX}").into());
    }
    out.iter().try_for_each(|path| vacant(path))?;
    let session = Session::open(place, zone, None)?;
    let key = session.wallet.key().incoming();
    if with.contains(&key.address()) {
        return Err("this wallet cannot ask itself".into());
    }
    let mut nonce = [0; 32];
    UnwrapErr(SysRng).fill_bytes(&mut nonce);
    let request = Request {
        pool: session.status.pool,
        nonce,
        side: wish.side,
        asset: session.asset(wish.asset)?,
        value: Value::new(wish.amount),
        against: session.asset(wish.against)?,
        until: after(wish.seconds),
    };
    request.check(session.status.pool, now())?;
    Desk::open(place.quotes(), now())?.ask(&Asked { request, parties: with.to_vec().into() })?;
    for (address, path) in with.iter().zip(out) {
        write(&key, address, &Message::Request(request), path)?;
    }
    say(format_args!("request {}", request.id()));
    Ok(())
}

fn tell(place: &Place, letters: &[PathBuf]) -> Outcome {
    let key = incoming(place)?;
    let desk = Desk::open(place.quotes(), now())?;
    let mut quotes = Vec::new();
    for path in letters {
        let (by, message) = read(&key, path)?;
        let what = match message {
            Message::Request(request) => describe(&request),
            Message::Quote(quote) => match desk.judge(by, &quote) {
                Ok(asked) => {
                    quotes.push((path, asked.request, quote));
                    format!("quotes {} of asset {}, {}", quote.value, asked.request.against.asset(), remaining(quote.until))
                }
                Err(error) => format!("quotes {}, not to be taken: {error}", quote.value),
            },
            Message::Offer { request, .. } => format!("offers the swap of request {request}"),
            Message::Acceptance { request, .. } => format!("accepts the swap of request {request}"),
        };
        say(format_args!("{}: {} {what}", path.display(), write_address(&by)));
    }
    if let [(_, request, _), ..] = quotes[..]
        && quotes.iter().all(|(_, other, _)| *other == request)
        && let Some(best) = request.best(quotes.iter().map(|(_, _, quote)| *quote))
    {
        say(format_args!("best: {}", quotes[best].0.display()));
    }
    Ok(())
}

fn quote(place: &Place, zone: &Zone, letter: &Path, price: u64, seconds: Option<u64>, out: &Path) -> Outcome {
    vacant(out)?;
    let key = incoming(place)?;
    let (by, message) = read(&key, letter)?;
    let Message::Request(request) = message else { return Err("the letter holds no request".into()) };
    let session = Session::open(place, zone, None)?;
    request.check(session.status.pool, now())?;
    let listed = |asset: PoolAsset| session.asset(asset.asset().get()).is_ok_and(|known| known == asset);
    if !listed(request.asset) || !listed(request.against) {
        return Err("the request is for an asset that the pool does not have on these terms".into());
    }
    let until = seconds.map_or(request.until, after);
    let quote = Quote { request: request.id(), value: Value::new(price), until };
    let (asset, owed) = request.sums(&quote).turned().give;
    let available = session.wallet.balance().get(&asset).copied().unwrap_or_default();
    if available < u128::from(owed.units()) {
        return Err(format!("this wallet would owe {owed} of asset {} and has {available}", asset.asset()).into());
    }
    Desk::open(place.quotes(), now())?.quote(&Quoted { request, by, quote })?;
    write(&key, &by, &Message::Quote(quote), out)?;
    say(format_args!("quoted {price}, {}", remaining(until)));
    Ok(())
}

fn take(place: &Place, zone: &Zone, letters: &[PathBuf], out: &Path) -> Outcome {
    vacant(out)?;
    let key = incoming(place)?;
    let desk = Desk::open(place.quotes(), now())?;
    let mut quotes: Vec<(Address, Quote, Request)> = Vec::new();
    for path in letters {
        let (by, message) = read(&key, path)?;
        let Message::Quote(quote) = message else { return Err(format!("{}: the letter holds no quote", path.display()).into()) };
        let asked = desk.judge(by, &quote).map_err(|error| format!("{}: {error}", path.display()))?;
        quotes.push((by, quote, asked.request));
    }
    let (_, _, request) = *quotes.first().ok_or("no quote")?;
    if quotes.iter().any(|(_, _, other)| *other != request) {
        return Err("the quotes are for different requests".into());
    }
    let best = request.best(quotes.iter().map(|(_, quote, _)| *quote)).ok_or("no quote")?;
    let (by, quote, _) = quotes[best];
    let mut session = Session::open(place, zone, None)?;
    let offer = swap::make(place, &mut session, &Terms::from(request.sums(&quote)), by, RFQ_BLOCKS)?;
    let expires = offer.frame.expires;
    let taken = Taken { request, by, quote, offer };
    desk.take(&taken)?;
    write(&key, &by, &Message::Offer { request: request.id(), offer: Box::new(taken.offer) }, out)?;
    say(format_args!(
        "took {} of asset {}, offered until block {expires} to {}",
        quote.value,
        request.against.asset(),
        write_address(&by)
    ));
    Ok(())
}

fn accept(place: &Place, zone: &Zone, letter: &Path, out: &Path) -> Outcome {
    vacant(out)?;
    let key = incoming(place)?;
    let (by, message) = read(&key, letter)?;
    let Message::Offer { request, offer } = message else { return Err("the letter holds no offer".into()) };
    let quoted = Desk::open(place.quotes(), now())?.honour(by, request, &offer)?;
    let mut session = Session::open(place, zone, None)?;
    if offer.frame.expires.get() > session.status.height.get().saturating_add(RFQ_BLOCKS) {
        return Err(format!("the offer would bind this wallet for more than {RFQ_BLOCKS} blocks").into());
    }
    let terms = Terms::from(quoted.request.sums(&quoted.quote).turned());
    let acceptance = swap::answer(&mut session, &terms, &offer)?;
    // Proving takes seconds: the quote may have ended. And nobody has an acceptance of a quote that is not used up.
    let desk = Desk::open(place.quotes(), now())?;
    desk.honour(by, request, &offer)?;
    desk.close(request)?;
    write(&key, &by, &Message::Acceptance { request, acceptance: Box::new(acceptance) }, out)?;
    say(format_args!("accepted; the other party settles until block {}", offer.frame.expires));
    Ok(())
}

fn settle(place: &Place, zone: &Zone, letter: &Path) -> Outcome {
    let (by, message) = read(&incoming(place)?, letter)?;
    let Message::Acceptance { request, acceptance } = message else { return Err("the letter holds no acceptance".into()) };
    let desk = Desk::open(place.quotes(), now())?;
    let taken = desk.taken(by, request)?;
    let terms = Terms::from(taken.request.sums(&taken.quote));
    let height = swap::conclude(place, zone, &terms, &taken.offer, &acceptance)?;
    desk.forget(request)?;
    say(format_args!("settled in block {height}"));
    Ok(())
}

fn cancel(place: &Place, letter: &Path) -> Outcome {
    let (by, message) = read(&incoming(place)?, letter)?;
    let desk = Desk::open(place.quotes(), now())?;
    match message {
        Message::Request(request) => desk.close(request.id()),
        Message::Quote(quote) => {
            let taken = desk.taken(by, quote.request)?;
            swap::cancel(place, &taken.offer)?;
            desk.forget(quote.request)
        }
        Message::Offer { .. } | Message::Acceptance { .. } => Err("the letter holds neither a request nor a quote".into()),
    }
}

fn incoming(place: &Place) -> Outcome<IncomingViewingKey> {
    Ok(Keys::open(place)?.spending.full_viewing_key().incoming())
}

fn read(key: &IncomingViewingKey, path: &Path) -> Outcome<(Address, Message)> {
    let (by, text) =
        letter::open(key, &read_bytes(path, FILE_SIZE_MAX)?).map_err(|error| format!("{}: {error}", path.display()))?;
    let message = Message::decode(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok((by, message))
}

fn write(key: &IncomingViewingKey, to: &Address, message: &Message, path: &Path) -> Outcome {
    let mut ephemeral = [0; 32];
    UnwrapErr(SysRng).fill_bytes(&mut ephemeral);
    let letter = letter::seal(ephemeral, key, to, &message.to_bytes()).ok_or("the address holds an unusable key")?;
    create(path, &letter)
}

/// Said before anything is done that a letter is then missing for.
fn vacant(path: &Path) -> Outcome {
    if path.exists() { Err(format!("{}: there is a file already", path.display()).into()) } else { Ok(()) }
}

fn describe(request: &Request) -> String {
    let Request { side, asset, value, against, until, .. } = request;
    let (does, wants) = match side {
        Side::Sell => ("gives", "asks for"),
        Side::Buy => ("takes", "would give"),
    };
    format!(
        "{does} {value} of asset {}, {wants} asset {}, {}: request {}",
        asset.asset(),
        against.asset(),
        remaining(*until),
        request.id()
    )
}

fn remaining(until: TimestampNs) -> String {
    match until.get().checked_sub(now().get()) {
        Some(ns) => format!("for another {} s", ns / NS_PER_SECOND),
        None => "ended".into(),
    }
}

fn after(seconds: u64) -> TimestampNs {
    TimestampNs::new(now().get().saturating_add(seconds.saturating_mul(NS_PER_SECOND)))
}

fn read_side(text: &str) -> Result<Side, String> {
    match text {
        "sell" => Ok(Side::Sell),
        "buy" => Ok(Side::Buy),
        _ => Err("sell or buy".into()),
    }
}
