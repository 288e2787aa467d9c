//! Configuration: one TOML file that says all of an appliance, without a secret in it.
//!
//! * [`schema`] is the file: unknown keys are errors with line and column, numbers that mean money are decimal strings.
//! * [`resolve`] turns it into the typed appliance ([`Resolved`]): names become ids, signatures are checked, secrets are read from
//!   the files it names.
//! * [`rules_schema`] and [`rules`] do both for how instruments trade.
//! * [`certificates`] makes certificates for development.
//! * [`demo`] writes such a file with fresh keys, eight funded firms and two instruments: what `plinth` runs when nothing is given.

pub mod certificates;
pub mod decimal;
pub mod demo;
mod fix;
pub mod hex;
mod resolve;
pub mod rules;
pub mod rules_schema;
pub mod schema;

pub(crate) use resolve::read_secret;
pub use resolve::{ConfigError, Resolved, ResolvedSession, ResolvedValidator, load, resolve};
