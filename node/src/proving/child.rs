//! A prover that the appliance starts, and starts again when it ends.

use super::limits::{CHILD_LOOK_INTERVAL, RESTART_DELAY_MAX, RESTART_DELAY_MIN, RESTART_PATIENCE};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use tracing::error;

/// A running prover. It ends with this process, however that ends.
#[derive(Debug)]
pub struct Prover {
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Prover {
    /// Starts `program` on the folder `spool`; what it says goes to `log`.
    ///
    /// # Errors
    ///
    /// The operating system's, with the program's path.
    pub fn start(program: PathBuf, spool: PathBuf, log: &Path) -> io::Result<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        let first = start(&program, &spool, &log)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}; {BUILD}", program.display())))?;
        let stopping = Arc::new(AtomicBool::new(false));
        let watched = Arc::clone(&stopping);
        let watch = move || watch(first, &watched, || start(&program, &spool, &log));
        let thread = thread::Builder::new().name("plinth-prover".into()).spawn(watch)?;
        Ok(Self { stopping, thread: Some(thread) })
    }
}

impl Drop for Prover {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A panic ends the whole process before it could be found here.
            drop(thread.join());
        }
    }
}

/// How the programs are had.
const BUILD: &str = "`(cd proving && cargo build --release && cp target/release/plinth-prove target/release/plinth-verify ../target/release)` builds it and plinth-verify";

/// The guest whose proofs the program `plinth-verify` of this folder verifies, as its genesis is to name it.
///
/// # Errors
///
/// If it is not there, or says something else.
pub fn guest_image(verifier: &Path) -> io::Result<String> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}; {BUILD}", verifier.display()));
    let said = Command::new(verifier).arg("--images").stdin(Stdio::null()).output().map_err(named)?;
    let text = String::from_utf8_lossy(&said.stdout);
    let is_image = |line: &&str| line.len() == 64 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
    let image = text.lines().next().filter(is_image).filter(|_| said.status.success());
    image
        .map(str::to_owned)
        .ok_or_else(|| named(io::Error::new(io::ErrorKind::InvalidData, "it names no guest: is it plinth-verify?")))
}

fn start(program: &Path, spool: &Path, log: &File) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.arg("follow").arg("--spool").arg(spool).arg("--end-with-parent");
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?).spawn()
}

fn watch(first: Child, stopping: &AtomicBool, start: impl Fn() -> io::Result<Child>) {
    let (mut running, mut started, mut delay) = (Some(first), Instant::now(), RESTART_DELAY_MIN);
    let mut next = started;
    while !stopping.load(Ordering::Acquire) {
        thread::sleep(CHILD_LOOK_INTERVAL);
        match &mut running {
            None if Instant::now() >= next => {
                started = Instant::now();
                running = start().inspect_err(|error| error!(%error, "the prover does not start")).ok();
                next = Instant::now() + delay;
            }
            None => {}
            Some(child) => {
                let Ok(Some(status)) = child.try_wait() else { continue };
                delay = if started.elapsed() > RESTART_PATIENCE { RESTART_DELAY_MIN } else { (2 * delay).min(RESTART_DELAY_MAX) };
                error!(%status, delay_s = delay.as_secs(), "the prover has ended and is started again; its log says why");
                (running, next) = (None, Instant::now() + delay);
            }
        }
    }
    if let Some(mut child) = running {
        // What it was proving is proven anew by the next one. It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }
}
