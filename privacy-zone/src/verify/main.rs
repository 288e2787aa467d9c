//! `plinth-privacy-verify`: checks one block of a privacy zone, as a validator asks, in bounded memory and time, and ends.

use clap::Parser;
use plinth_privacy::circuit::keys::{CircuitVersion, VerifyingKey};
use plinth_privacy::pool::batch::Verifier;
use plinth_privacy_zone::proof;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::error::Error;
use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::sync::OnceLock;

/// Reads a zone header and its body from standard input, and says in one line whether the body shows the header.
#[derive(Debug, Parser)]
#[command(name = "plinth-privacy-verify", version)]
struct Options {
    /// Instead of checking: print what zone headers name as the guest that this program is
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
            eprintln!("plinth-privacy-verify: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let limit = |most| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::As, limit(options.memory_mb.saturating_mul(1 << 20)))?;
    setrlimit(Resource::Cpu, limit(options.cpu_s))?;
    setrlimit(Resource::Core, limit(0))?;
    let mut out = std::io::stdout();
    if options.images {
        writeln!(out, "{}", proof::image())?;
        return Ok(());
    }
    // A validator's other processor is for its votes.
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global()?;
    let mut request = Vec::new();
    // One byte more than any request may have: then it is none.
    std::io::stdin().lock().take(proof::REQUEST_SIZE_MAX as u64 + 1).read_to_end(&mut request)?;
    let made = OnceLock::new();
    let answer = proof::answer(|| made.get_or_init(verifier), &request);
    out.write_all(answer.as_bytes())?;
    Ok(out.flush()?)
}

fn verifier() -> Verifier {
    let key = VerifyingKey::new(CircuitVersion::V1).expect("the circuit fits its rows: a test of its crate");
    Verifier::new(key, 1).expect("a process that gets no thread dies here, and its proof is refused")
}
