//! The commands: each is a file, or a folder.

pub(crate) mod audit;
pub(crate) mod control;
pub(crate) mod files;
pub(crate) mod light;
pub(crate) mod registrar;
pub(crate) mod rfq;
pub(crate) mod session;
pub(crate) mod status;
pub(crate) mod swap;
pub(crate) mod text;
pub(crate) mod wallet;

use std::error::Error;
use std::fmt::Display;
use std::io::Write as _;

/// A command ends well or with a word to its user.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// A line for whoever reads; nobody has to.
pub(crate) fn say(line: impl Display) {
    let _nobody_reads = writeln!(std::io::stdout(), "{line}").is_err();
}
