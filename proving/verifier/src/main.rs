//! `plinth-verify`: verifies one proof, as a validator asks, in bounded memory and time, and ends.

use clap::Parser;
use plinth_proof_verifier::{IMAGE_TRADING, Image, OpenVm, Verify as _, program};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::error::Error;
use std::io::{Read as _, Write as _};
use std::process::ExitCode;

/// Reads a zone header and a proof of it from standard input, and says in one line whether it shows the header.
#[derive(Debug, Parser)]
#[command(name = "plinth-verify", version)]
struct Options {
    /// Instead of verifying: print the guests whose proofs are verified here, one a line, as zone headers name them
    #[arg(long)]
    images: bool,
    /// Most address space, in mebibytes: with more the process dies
    #[arg(long, value_name = "MIB", default_value_t = 1_024)]
    memory_mb: u64,
    /// Most processor time, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    cpu_s: u64,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plinth-verify: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let limit = |most| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::As, limit(options.memory_mb.saturating_mul(1 << 20)))?;
    setrlimit(Resource::Cpu, limit(options.cpu_s))?;
    setrlimit(Resource::Core, limit(0))?;
    let verifier = OpenVm::new(Image::from_text(IMAGE_TRADING)?)?;
    let mut out = std::io::stdout();
    if options.images {
        writeln!(out, "{}", verifier.image())?;
        return Ok(());
    }
    let mut request = Vec::new();
    // One byte more than any request may have: then it is none.
    std::io::stdin().lock().take(program::REQUEST_SIZE_MAX as u64 + 1).read_to_end(&mut request)?;
    out.write_all(program::answer(&verifier, &request).as_bytes())?;
    Ok(out.flush()?)
}
