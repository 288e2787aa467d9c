//! The session layer against the acceptance definitions of QuickFIX, run on the sans-IO core with an echoing application, for every version
//! whose definitions are there. They are fixtures outside the repository (`PLINTH_FIXTURES`); without them the test says so and passes.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use support::definitions::{self, Definition};
use support::{Journal, Runner};

#[test]
fn the_definitions_of_every_version_pass() {
    let Some(definitions) = definitions::all() else { return };
    definitions::judge(&definitions, |definition: &Definition| {
        let session = definition.session();
        let factory = move || definitions::acceptor(vec![session.clone()]);
        Runner::new(Box::new(factory), Journal::default()).run(&definition.script)
    });
}
