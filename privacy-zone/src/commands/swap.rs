//! `plinth-privacy wallet swap`: delivery versus payment between two wallets, by two files over a channel of their own.
//!
//! ```text
//! offering wallet                         accepting wallet
//! offer  ── offer file ──────────────►    accept: checks it against what it was told to give and take, proves its own leg
//! settle ◄────────── acceptance file ──   checks it, proves its own leg, submits both
//! ```
//!
//! * Each names both sums itself; a file that says otherwise is refused. Neither shows inputs, change or keys.
//! * The offering wallet keeps no note and no key in a file: what was drawn for its leg follows from a nonce, and it makes the leg again from the
//!   blocks up to where it was.
//!
//! Known limitations: who offers may settle or not until the expiry, or let the day pass. The expiry counts blocks of the zone, and an idle
//! zone makes none.

use super::files::{self, SwapAcceptance, SwapFrame, SwapOffer, SwapPending};
use super::session::Session;
use super::text::read_address;
use super::wallet::{Place, Zone};
use super::{Outcome, say};
use clap::Subcommand;
use plinth_privacy::circuit::keys::ProvingKey;
use plinth_privacy::field::RegistryRoot;
use plinth_privacy::limits::MEMO_SIZE;
use plinth_privacy::note::Value;
use plinth_privacy::transaction::{Leg, Skeleton};
use plinth_privacy::wallet::draft::{self, Draft, Frame, Intent};
use plinth_privacy::wallet::keys::Address;
use plinth_privacy::wallet::rfq::Sums;
use plinth_privacy::wallet::swap::{Offer, accept, assemble};
use plinth_privacy_zone::config::to_digits;
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use rand::rand_core::UnwrapErr;
use rand::rngs::{StdRng, SysRng};
use rand::{Rng as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Offer a swap
    Offer {
        #[command(flatten)]
        zone: Zone,
        #[command(flatten)]
        terms: Terms,
        /// The other party
        #[arg(long, value_parser = read_address)]
        with: Address,
        /// Blocks of the zone within which it must be settled
        #[arg(long, default_value_t = 64)]
        blocks: u64,
        /// The file to make for the other party
        #[arg(long)]
        out: PathBuf,
    },
    /// Accept an offer: proves your leg
    Accept {
        #[command(flatten)]
        zone: Zone,
        #[command(flatten)]
        terms: Terms,
        /// The other party's file
        #[arg(long)]
        offer: PathBuf,
        /// The file to make for the other party
        #[arg(long)]
        out: PathBuf,
    },
    /// Settle: proves your leg and submits both
    Settle {
        #[command(flatten)]
        zone: Zone,
        #[command(flatten)]
        terms: Terms,
        /// Your own offer
        #[arg(long)]
        offer: PathBuf,
        /// The other party's file
        #[arg(long)]
        acceptance: PathBuf,
    },
    /// Take an offer back: its notes are free again. Who has been given an acceptance can be held to nothing, but the offer cannot be settled
    Cancel {
        /// Your own offer
        #[arg(long)]
        offer: PathBuf,
    },
}

/// What was agreed, as this wallet sees it.
#[derive(Debug, clap::Args)]
pub(crate) struct Terms {
    /// Asset to give
    #[arg(long)]
    give_asset: u16,
    /// How much, in smallest units
    #[arg(long)]
    give: u64,
    /// Asset to take
    #[arg(long)]
    take_asset: u16,
    /// How much, in smallest units
    #[arg(long)]
    take: u64,
}

impl From<Sums> for Terms {
    fn from(Sums { give, take }: Sums) -> Self {
        let ((give_asset, give), (take_asset, take)) = (give, take);
        Self { give_asset: give_asset.asset().get(), give: give.units(), take_asset: take_asset.asset().get(), take: take.units() }
    }
}

pub(crate) fn run(place: &Place, command: &Command) -> Outcome {
    match command {
        Command::Offer { zone, terms, with, blocks, out } => offer(place, zone, terms, *with, *blocks, out),
        Command::Accept { zone, terms, offer, out } => take_up(place, zone, terms, offer, out),
        Command::Settle { zone, terms, offer, acceptance } => settle(place, zone, terms, offer, acceptance),
        Command::Cancel { offer } => cancel(place, &files::read(offer)?),
    }
}

fn offer(place: &Place, zone: &Zone, terms: &Terms, with: Address, blocks: u64, out: &Path) -> Outcome {
    let mut session = Session::open(place, zone, None)?;
    let offer = make(place, &mut session, terms, with, blocks)?;
    files::create(out, &offer.to_bytes())?;
    say(format_args!("offered until block {}", offer.frame.expires));
    Ok(())
}

fn take_up(place: &Place, zone: &Zone, terms: &Terms, offer: &Path, out: &Path) -> Outcome {
    let theirs: SwapOffer = files::read(offer)?;
    let mut session = Session::open(place, zone, None)?;
    let acceptance = answer(&mut session, terms, &theirs)?;
    files::create(out, &acceptance.to_bytes())?;
    say(format_args!("accepted; the other party settles until block {}", theirs.frame.expires));
    Ok(())
}

fn settle(place: &Place, zone: &Zone, terms: &Terms, offer: &Path, acceptance: &Path) -> Outcome {
    let height = conclude(place, zone, terms, &files::read(offer)?, &files::read(acceptance)?)?;
    say(format_args!("settled in block {height}"));
    Ok(())
}

/// An offer to `with`; what its leg is made of again, and holds back until then, is kept in the wallet's folder.
pub(super) fn make(place: &Place, session: &mut Session, terms: &Terms, with: Address, blocks: u64) -> Outcome<SwapOffer> {
    let mut nonce = [0; 32];
    UnwrapErr(SysRng).fill_bytes(&mut nonce);
    let frame = session.frame(blocks);
    let leg = draft(session, &frame, terms, with, nonce)?;
    let offer = SwapOffer {
        frame: SwapFrame { pool: frame.pool, expires: frame.expires, day: frame.day },
        offer: Offer::of(&leg),
        pay_to: session.wallet.key().address(),
        want_asset: session.asset(terms.take_asset)?,
        want_value: Value::new(terms.take),
    };
    let pending = SwapPending {
        nonce,
        height: session.wallet.height(),
        frame: offer.frame,
        to: with,
        memo: [0; MEMO_SIZE],
        nullifiers: leg.leg().nullifiers,
    };
    std::fs::create_dir_all(place.swaps())?;
    files::create(&pending_path(place, digest(&offer)), &pending.to_bytes())?;
    Ok(offer)
}

/// This wallet's proven leg to an offer of these terms.
pub(super) fn answer(session: &mut Session, terms: &Terms, theirs: &SwapOffer) -> Outcome<SwapAcceptance> {
    let frame = as_frame(&theirs.frame);
    if frame.pool != session.status.pool {
        return Err("the offer is for another pool".into());
    }
    if (theirs.want_asset, theirs.want_value) != (session.asset(terms.give_asset)?, Value::new(terms.give)) {
        return Err("the offer wants another asset or sum than you say to give".into());
    }
    check(session, &theirs.offer, terms)?;
    let mut nonce = [0; 32];
    UnwrapErr(SysRng).fill_bytes(&mut nonce);
    let mine = draft(session, &frame, terms, theirs.pay_to, nonce)?;
    let skeleton = skeleton(&frame, &theirs.offer, &Offer::of(&mine))?;
    let proof = draft::prove(&ProvingKey::new(frame.pool.circuit)?, &skeleton, &mine)?;
    Ok(SwapAcceptance { offer_digest: digest(theirs), offer: Offer::of(&mine), proof })
}

/// Proves this wallet's leg, submits both, waits for the block.
pub(super) fn conclude(place: &Place, zone: &Zone, terms: &Terms, mine: &SwapOffer, theirs: &SwapAcceptance) -> Outcome<Height> {
    if theirs.offer_digest != digest(mine) {
        return Err("the acceptance is of another offer".into());
    }
    let pending_path = pending_path(place, digest(mine));
    let pending: SwapPending = files::read(&pending_path)?;
    let mut session = Session::open(place, zone, Some(pending.height))?;
    check(&session, &theirs.offer, terms)?;
    session.hold_all_but(&pending.nullifiers);
    let frame = as_frame(&pending.frame);
    let again = draft(&mut session, &frame, terms, pending.to, pending.nonce)?;
    if again.registry() != mine.offer.registry {
        return Err("the registry has changed since the offer; make another one".into());
    }
    if Offer::of(&again) != mine.offer {
        return Err("the leg of the offer cannot be made again: the terms are others, or the program is; make another offer".into());
    }
    let skeleton = skeleton(&frame, &mine.offer, &theirs.offer)?;
    let key = ProvingKey::new(frame.pool.circuit)?;
    let statement = skeleton.statement(&theirs.offer.leg, skeleton.word());
    if !key.verifying_key().verify(&statement, &theirs.proof) {
        return Err("the other party's leg is not proven".into());
    }
    let proof = draft::prove(&key, &skeleton, &again)?;
    let height = session.client.submit(assemble(skeleton, vec![proof, theirs.proof.clone()]))?;
    std::fs::remove_file(&pending_path)?;
    Ok(height)
}

/// Takes an offer back: its notes are free again.
pub(super) fn cancel(place: &Place, offer: &SwapOffer) -> Outcome {
    let path = pending_path(place, digest(offer));
    std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Is what the other party owes what was agreed, and for this wallet?
fn check(session: &Session, offer: &Offer, terms: &Terms) -> Outcome {
    let asset = session.asset(terms.take_asset)?;
    Ok(accept(&session.wallet.key().incoming(), offer, asset, Value::new(terms.take))?)
}

/// This wallet's leg; the same again for the same nonce, notes and registry.
fn draft(session: &mut Session, frame: &Frame, terms: &Terms, to: Address, nonce: [u8; 32]) -> Outcome<Draft> {
    let registry = session.registry()?;
    let asset = session.asset(terms.give_asset)?;
    let intent = Intent::Send { asset, value: Value::new(terms.give), to, memo: [0; MEMO_SIZE] };
    let Session { keys, wallet, .. } = session;
    Ok(wallet.draft(&keys.spending, frame, &registry, &intent, &mut StdRng::from_seed(nonce))?)
}

/// The offering wallet's leg first.
fn skeleton(frame: &Frame, offered: &Offer, accepted: &Offer) -> Outcome<Skeleton> {
    let leg = |offer: &Offer| -> (Leg, RegistryRoot) { (offer.leg.clone(), offer.registry) };
    let skeleton = draft::skeleton(frame, &[leg(offered), leg(accepted)]);
    skeleton.ok_or_else(|| "the registry has changed since the offer; make another one".into())
}

const fn as_frame(frame: &SwapFrame) -> Frame {
    Frame { pool: frame.pool, expires: frame.expires, day: frame.day }
}

fn digest(offer: &SwapOffer) -> Digest {
    Digest(Sha256::new().chain_update(b"plinth/swap-offer/1").chain_update(offer.to_bytes()).finalize().into())
}

fn pending_path(place: &Place, offer: Digest) -> PathBuf {
    place.swaps().join(format!("{}.pending", to_digits(&offer.0)))
}
