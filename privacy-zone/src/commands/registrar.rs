//! `plinth-privacy registrar`: who may hold what, and who may read whom.

use super::control::tell;
use super::files::{self, AuditKeys, Book, RegistrationRequest, SignerKey};
use super::text::{read_jurisdiction, read_owner, today, write_owner};
use super::{Outcome, say};
use clap::Subcommand;
use plinth_privacy::field::Owner;
use plinth_privacy::limits::HOLDERS_MAX;
use plinth_privacy::note::Jurisdiction;
use plinth_privacy::pool::directive::Directive;
use plinth_privacy::registry::{Day, Registration};
use plinth_types::codec::Codec as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Register a firm; takes effect when the book is published
    Add {
        /// The registrar's book; made if missing. It holds audit keys: keep it as a secret
        #[arg(long)]
        book: PathBuf,
        /// What the firm's `wallet request` made
        #[arg(long)]
        request: PathBuf,
        /// Where the firm resides
        #[arg(long, value_parser = read_jurisdiction)]
        jurisdiction: Jurisdiction,
        /// Days from today for which the registration is good
        #[arg(long, default_value_t = 365)]
        days: u32,
    },
    /// Take a firm off: its notes are frozen soon after the book is published
    Remove {
        /// The book
        #[arg(long)]
        book: PathBuf,
        /// The firm, as `list` says
        #[arg(long, value_parser = read_owner)]
        owner: Owner,
    },
    /// Who is registered
    List {
        /// The book
        #[arg(long)]
        book: PathBuf,
    },
    /// Bring the book's registry into the pool
    Publish {
        /// The book
        #[arg(long)]
        book: PathBuf,
        /// The registrar's key file
        #[arg(long)]
        key: PathBuf,
        /// Where the zone answers
        #[arg(long, value_name = "ADDRESS")]
        zone: SocketAddr,
    },
    /// Write the audit keys of firms of these jurisdictions, for their auditor: it cannot read any other firm's payments
    AuditKeys {
        /// The book
        #[arg(long)]
        book: PathBuf,
        /// Of which residents
        #[arg(long, value_delimiter = ',', required = true, value_parser = read_jurisdiction)]
        jurisdictions: Vec<Jurisdiction>,
        /// The file to make
        #[arg(long)]
        out: PathBuf,
    },
}

pub(crate) fn run(command: &Command) -> Outcome {
    match command {
        Command::Add { book, request, jurisdiction, days } => {
            let RegistrationRequest { owner, audit_key } = files::read(request)?;
            let expires = Day::new(today().number().saturating_add(*days));
            let registration = Registration { owner, audit_key, expires, jurisdiction: *jurisdiction };
            change(book, |book| {
                book.registry.add(registration)?;
                book.firms.0.push(registration);
                Ok(())
            })
        }
        Command::Remove { book, owner } => change(book, |book| {
            book.registry.remove(*owner)?;
            book.firms.0.retain(|firm| firm.owner != *owner);
            Ok(())
        }),
        Command::List { book } => {
            for firm in open(book)?.firms.iter() {
                let (owner, jurisdiction) = (write_owner(firm.owner), firm.jurisdiction.index());
                say(format_args!("{owner} jurisdiction {jurisdiction}, until day {}", firm.expires.number()));
            }
            Ok(())
        }
        Command::Publish { book, key, zone } => {
            let book = open(book)?;
            tell(*zone, &SignerKey::read(key)?, Directive::Registry(book.registry.root()), Some(&book.registry))
        }
        Command::AuditKeys { book, jurisdictions, out } => {
            let firms = open(book)?.firms.0.into_iter().filter(|firm| jurisdictions.contains(&firm.jurisdiction));
            let keys = AuditKeys { firms: firms.collect::<Vec<_>>().into() };
            say(format_args!("audit keys of {} firms", keys.firms.len()));
            files::create(out, &keys.to_bytes())
        }
    }
}

fn open(path: &Path) -> Outcome<Book> {
    let size_max = HOLDERS_MAX as u64 * 256;
    Book::decode(&files::read_bytes(path, size_max)?).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn change(path: &Path, change: impl FnOnce(&mut Book) -> Outcome) -> Outcome {
    let mut book = if path.exists() { open(path)? } else { Book::default() };
    change(&mut book)?;
    files::replace(path, &book.to_bytes())
}
