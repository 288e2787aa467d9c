//! `plinth-privacy wallet`.

use super::files::{self, RegistrationRequest};
use super::light::Light;
use super::session::{Keys, Session};
use super::text::{read_address, read_key, read_memo, write_address, write_memo, write_owner};
use super::{Outcome, rfq, say, swap};
use clap::Subcommand;
use plinth_privacy::limits::MEMO_SIZE;
use plinth_privacy::note::{Note, PoolAsset, Value};
use plinth_privacy::wallet::draft::Intent;
use plinth_privacy::wallet::encryption::Memo;
use plinth_privacy::wallet::keyfile::{self, Cost};
use plinth_privacy::wallet::keys::{Address, Seed};
use plinth_privacy::wallet::{Entry, Event};
use plinth_privacy_zone::config::read_text;
use plinth_types::codec::Codec as _;
use plinth_types::id::{PublicKey, ZoneId};
use rand::Rng as _;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use std::net::SocketAddr;
use std::path::PathBuf;
use zeroize::Zeroizing;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    what: What,
}

/// Where a wallet is, and what opens it.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The wallet's folder
    #[arg(long)]
    dir: PathBuf,
    /// File with the passphrase; without it, the environment's PLINTH_PASSPHRASE
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
}

/// The zone to speak with.
#[derive(Debug, clap::Args)]
pub(crate) struct Zone {
    /// Where the zone answers wallets
    #[arg(long = "zone", value_name = "ADDRESS")]
    pub(crate) address: SocketAddr,
    #[command(flatten)]
    pub(crate) light: Light,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Sum {
    /// Number of the asset on the base layer
    #[arg(long)]
    asset: u16,
    /// In smallest units
    #[arg(long)]
    amount: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Make a new wallet
    New,
    /// Where this wallet is paid, and what deposits for it name
    Address,
    /// Write what the registrar needs to register this wallet. Who has the file can read what the wallet will pay
    Request {
        /// The file to make
        #[arg(long)]
        out: PathBuf,
    },
    /// What the wallet has, by asset
    Balance(Zone),
    /// What happened, in order
    History(Zone),
    /// Take in all that was deposited for this wallet
    Shield(Zone),
    /// Pay an address
    Send {
        #[command(flatten)]
        zone: Zone,
        #[command(flatten)]
        sum: Sum,
        /// Whose
        #[arg(long, value_parser = read_address)]
        to: Address,
        /// A line for the receiver
        #[arg(long, default_value = "", value_parser = read_memo)]
        memo: Memo,
    },
    /// Pay an owner of the base layer
    Unshield {
        #[command(flatten)]
        zone: Zone,
        #[command(flatten)]
        sum: Sum,
        /// The owner's key, 64 hexadecimal digits
        #[arg(long, value_parser = read_key)]
        to: PublicKey,
    },
    /// Give one asset for another, both or neither
    #[command(subcommand)]
    Swap(swap::Command),
    /// Ask others for a price, and swap with the best
    #[command(subcommand)]
    Rfq(rfq::Command),
}

impl Place {
    pub(crate) fn key_file(&self) -> PathBuf {
        self.dir.join("key")
    }

    pub(crate) fn swaps(&self) -> PathBuf {
        self.dir.join("swaps")
    }

    pub(crate) fn quotes(&self) -> PathBuf {
        self.dir.join("quotes")
    }

    /// What of this zone was checked last.
    pub(crate) fn checked(&self, zone: ZoneId) -> PathBuf {
        self.dir.join(format!("checked-{zone}"))
    }

    /// What `plinth-light` remembers.
    pub(crate) fn seen(&self) -> PathBuf {
        self.dir.join("light.seen")
    }

    pub(crate) fn passphrase(&self) -> Outcome<Zeroizing<String>> {
        let passphrase = match &self.passphrase_file {
            Some(path) => read_text(path).map_err(|error| format!("{}: {error}", path.display()))?,
            None => std::env::var("PLINTH_PASSPHRASE").map_err(|_| "no --passphrase-file and no PLINTH_PASSPHRASE")?,
        };
        let passphrase = Zeroizing::new(passphrase);
        match passphrase.trim_end_matches(['\r', '\n']) {
            "" => Err("the passphrase is empty".into()),
            line => Ok(Zeroizing::new(line.to_owned())),
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let place = &arguments.place;
    match &arguments.what {
        What::New => new(place),
        What::Address => Keys::open(place).map(|keys| show(&keys)),
        What::Request { out } => {
            let key = Keys::open(place)?.spending.full_viewing_key();
            let request = RegistrationRequest { owner: key.owner(), audit_key: key.audit_key() };
            files::create(out, &request.to_bytes())
        }
        What::Balance(zone) => {
            for (asset, units) in Session::open(place, zone, None)?.wallet.balance() {
                say(format_args!("asset {}: {units}", asset.asset()));
            }
            Ok(())
        }
        What::History(zone) => {
            let session = Session::open(place, zone, None)?;
            session.wallet.history().iter().for_each(|entry| tell(&session, entry));
            Ok(())
        }
        What::Shield(zone) => shield(Session::open(place, zone, None)?),
        What::Send { zone, sum, to, memo } => {
            pay(place, zone, sum, |asset, value| Intent::Send { asset, value, to: *to, memo: *memo })
        }
        What::Unshield { zone, sum, to } => pay(place, zone, sum, |asset, value| Intent::Unshield { asset, value, to: *to }),
        What::Swap(command) => swap::run(place, command),
        What::Rfq(command) => rfq::run(place, command),
    }
}

fn new(place: &Place) -> Outcome {
    std::fs::create_dir_all(&place.dir).map_err(|error| format!("{}: {error}", place.dir.display()))?;
    let mut bytes = Zeroizing::new([0; 32]);
    UnwrapErr(SysRng).fill_bytes(bytes.as_mut_slice());
    let seed = Seed::new(*bytes);
    let file = keyfile::seal(&seed, place.passphrase()?.as_bytes(), Cost::USUAL, &mut UnwrapErr(SysRng))?;
    files::create(&place.key_file(), &file)?;
    show(&Keys::of(&seed));
    Ok(())
}

fn show(keys: &Keys) {
    let key = keys.spending.full_viewing_key();
    say(format_args!("address {}", write_address(&key.address())));
    say(format_args!("owner {}", write_owner(key.owner())));
    say(format_args!("deposit-account {}", keys.deposit.public()));
    say(
        "deposit with: plinth-zone --config FILE deposit --key FILE --asset N --amount UNITS --account <deposit-account>, then shield",
    );
}

fn shield(mut session: Session) -> Outcome {
    let credits = session.credits()?;
    if credits.is_empty() {
        say("nothing waits");
    }
    for credit in credits {
        let asset = session.asset(credit.asset.get())?;
        let height = session.pay(&Intent::Shield { asset, value: credit.value, credit: credit.id })?;
        say(format_args!("shielded {} of asset {} in block {height}", credit.value, credit.asset));
    }
    Ok(())
}

fn pay(place: &Place, zone: &Zone, sum: &Sum, intent: impl FnOnce(PoolAsset, Value) -> Intent) -> Outcome {
    let mut session = Session::open(place, zone, None)?;
    let asset = session.asset(sum.asset)?;
    let height = session.pay(&intent(asset, Value::new(sum.amount)))?;
    say(format_args!("in block {height}"));
    Ok(())
}

fn tell(session: &Session, entry: &Entry) {
    let note = |what: &str, note: &Note| format!("{what} {} of asset {}", note.value, note.asset.asset());
    let memo = |received: &Note| {
        let own = session.wallet.notes().find(|own| own.note == *received && own.memo != [0; MEMO_SIZE]);
        own.map(|own| format!(", memo: {}", write_memo(&own.memo))).unwrap_or_default()
    };
    let event = match &entry.event {
        Event::Received(received) => note("received", received) + &memo(received),
        Event::Spent(spent) => note("spent", spent),
        Event::Sent(sent) => note("sent", sent) + " to " + &write_owner(sent.owner),
        Event::Unshielded(asset, value) => format!("unshielded {value} of asset {}", asset.asset()),
    };
    say(format_args!("block {} transaction {}: {event}", entry.height, entry.transaction));
}
