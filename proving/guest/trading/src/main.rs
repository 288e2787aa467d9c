//! The program that is proven for a block of the trading zone: [`plinth_proof_trading::execute`] on the input, its output in public.

#![no_std]
#![no_main]

use plinth_matching::state::Missing;
use plinth_proof_trading::{Failure, Output, execute, header_hash};
use plinth_types::page::RegionId;

openvm::entry!(main);

fn main() {
    let mut input = openvm::io::read_vec();
    reveal(&match execute::<Halt>(&mut input) {
        Ok(header) => Output::Executed(header_hash(&header)),
        Err(failure) => Output::Failed(failure),
    });
}

fn reveal(output: &Output) {
    let bytes = output.to_bytes();
    for (at, word) in bytes.as_chunks().0.iter().enumerate() {
        openvm::io::reveal_u32(u32::from_le_bytes(*word), at);
    }
}

/// Says what is missing, and ends.
enum Halt {}

impl Missing for Halt {
    #[cold]
    fn missing(region: RegionId, slot: usize) -> ! {
        reveal(&Output::Failed(Failure::Missing { region, slot: slot as u32 }));
        loop {
            openvm::process::exit();
        }
    }
}
