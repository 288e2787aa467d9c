//! The program that verifies proofs, asked through a pipe: a process for each proof.
//!
//! ```text
//! to its standard input     header and proof, as `HeaderProof` has them, then the end
//! from its standard output  │ word, space, SHA-256 of what it was sent, maybe a space and a reason, newline │
//! ```
//!
//! The word is `valid` or `refused`. **Nothing but a `valid` that names what was asked is a yes**: a program that dies, hangs, talks on or says anything else refuses the
//! proof, and nothing that a proof does to one process is there for the next one. The program bounds its own memory and processor time, as it
//! is told on its command line; here it is bounded in time and killed.

use crate::limits::{PROOF_VERIFIER_ANSWER_SIZE_MAX, PROOF_VERIFIER_CPU_S, PROOF_VERIFIER_MEMORY_MB, PROOF_VERIFIER_PATIENCE};
use plinth_settlement::digest::sha256;
use plinth_settlement::verdict::{HeaderProof, ProofRefused, ZoneVerifier};
use plinth_types::block::ZoneHeader;
use plinth_types::digest::Digest;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use thiserror::Error;
use tracing::warn;

/// The programs of a validator: each verifies the proofs of its own guests.
#[derive(Clone, Debug)]
pub struct Verifiers(Vec<Verifier>);

/// A program that verifies proofs.
#[derive(Clone, Debug)]
pub struct Verifier {
    program: PathBuf,
    images: Vec<Digest>,
    patience: Duration,
}

/// Why a program cannot be used.
#[derive(Debug, Error)]
pub enum VerifierError {
    /// It does not run.
    #[error("{program}: {source}")]
    Run {
        /// Which.
        program: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It does not name the guests whose proofs it verifies, as `--images` asks.
    #[error("{program} --images: '{said}' is no list of guests: is it plinth-verify?")]
    Images {
        /// Which.
        program: PathBuf,
        /// What it said.
        said: String,
    },
    /// Two programs name one guest: which of them is right?
    #[error("both {first} and {second} verify the proofs of guest {image}")]
    Twice {
        /// The guest.
        image: Digest,
        /// A program.
        first: PathBuf,
        /// Another one.
        second: PathBuf,
    },
}

impl Verifiers {
    /// Asks each program which guests it knows.
    ///
    /// # Errors
    ///
    /// [`VerifierError`].
    pub fn open(programs: &[PathBuf]) -> Result<Self, VerifierError> {
        let opened = programs.iter().map(|program| Verifier::open(program)).collect::<Result<Vec<_>, _>>()?;
        for (at, second) in opened.iter().enumerate() {
            let known = |image: &Digest| opened[..at].iter().find(|first| first.images.contains(image));
            if let Some((first, &image)) = second.images.iter().find_map(|image| Some((known(image)?, image))) {
                return Err(VerifierError::Twice { image, first: first.program.clone(), second: second.program.clone() });
            }
        }
        Ok(Self(opened))
    }

    /// Whether any of them knows a guest.
    #[must_use]
    pub fn know(&self, image: &Digest) -> bool {
        self.of(image).is_some()
    }

    fn of(&self, image: &Digest) -> Option<&Verifier> {
        self.0.iter().find(|verifier| verifier.images.contains(image))
    }
}

impl ZoneVerifier for Verifiers {
    fn verify(&self, header: &ZoneHeader, proof: &[u8]) -> Result<(), ProofRefused> {
        match self.of(&header.guest_image) {
            Some(verifier) => verifier.verify(header, proof),
            None => Err(unknown(header.guest_image)),
        }
    }
}

impl Verifier {
    /// Asks the program which guests it knows.
    ///
    /// # Errors
    ///
    /// [`VerifierError`].
    pub fn open(program: &Path) -> Result<Self, VerifierError> {
        let answer = run(program, &["--images"], &[], PROOF_VERIFIER_PATIENCE);
        let answer = answer.map_err(|source| VerifierError::Run { program: program.into(), source })?;
        let said = String::from_utf8_lossy(&answer).into_owned();
        let images: Option<Vec<Digest>> = said.lines().map(digest).collect();
        match images.filter(|images| !images.is_empty()) {
            Some(images) => Ok(Self { program: program.into(), images, patience: PROOF_VERIFIER_PATIENCE }),
            None => Err(VerifierError::Images { program: program.into(), said: said.chars().take(80).collect() }),
        }
    }

    /// The guests whose proofs it verifies, as headers name them.
    #[must_use]
    pub fn images(&self) -> &[Digest] {
        &self.images
    }

    /// The same, waited for no longer than this.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

impl ZoneVerifier for Verifier {
    fn verify(&self, header: &ZoneHeader, proof: &[u8]) -> Result<(), ProofRefused> {
        let refused = |reason: String| Err(ProofRefused { reason });
        if !self.images.contains(&header.guest_image) {
            return Err(unknown(header.guest_image));
        }
        let head = HeaderProof::head(header);
        let asked = sha256(&[&head, proof]);
        let (memory, cpu) = (PROOF_VERIFIER_MEMORY_MB.to_string(), PROOF_VERIFIER_CPU_S.to_string());
        let arguments = ["--memory-mb", &memory, "--cpu-s", &cpu];
        let answer = match run(&self.program, &arguments, &[&head, proof], self.patience) {
            Ok(answer) => answer,
            Err(error) => {
                warn!(program = %self.program.display(), %error, "no proof can be verified");
                return refused(format!("the verifier does not run: {error}"));
            }
        };
        let line = std::str::from_utf8(&answer).ok().and_then(|text| text.strip_suffix('\n')).unwrap_or_default();
        if line == format!("valid {asked}") {
            return Ok(());
        }
        match line.strip_prefix(&format!("refused {asked} ")) {
            Some(reason) if !reason.contains('\n') => refused(reason.to_owned()),
            Some(_) | None => refused("the verifier gave no answer to it".to_owned()),
        }
    }
}

fn unknown(image: Digest) -> ProofRefused {
    ProofRefused { reason: format!("no verifier here knows guest {image}") }
}

/// What the program says until it ends its output or says too much; nothing if it takes too long. It does not outlive the call.
fn run(program: &Path, arguments: &[&str], input: &[&[u8]], patience: Duration) -> std::io::Result<Vec<u8>> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (told, said) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A program that has read enough, or that is dead, takes no more.
            let _ended = stdin.is_none_or(|mut stdin| input.iter().try_for_each(|part| stdin.write_all(part)).is_err());
        });
        scope.spawn(move || {
            let mut answer = Vec::new();
            let read = stdout.map(|stdout| stdout.take(PROOF_VERIFIER_ANSWER_SIZE_MAX).read_to_end(&mut answer));
            let _nobody_waits = told.send(read.and_then(Result::ok).map(|_| answer).unwrap_or_default()).is_err();
        });
        let answer = said.recv_timeout(patience).unwrap_or_default();
        let _ended_by_itself = child.kill().is_err();
        child.wait().map(|_| answer)
    })
}

fn digest(hex: &str) -> Option<Digest> {
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect();
    Some(Digest(bytes?.try_into().ok()?))
}
