//! Verifies passwords on a thread of its own: argon2 takes tens of milliseconds on purpose, and the driver's thread has none to spare.

use super::Waker;
use crate::acceptor::{LinkId, Verification};
use crate::limits::VERIFICATIONS_WAITING_MAX;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Argon2, password_hash};
use crossbeam_channel::{Receiver, Sender};
use std::io;
use std::thread::JoinHandle;

/// A password that cannot be hashed, or a hash that is none.
#[derive(Debug, thiserror::Error)]
#[error("argon2: {0}")]
pub struct PasswordError(password_hash::Error);

impl From<password_hash::Error> for PasswordError {
    fn from(error: password_hash::Error) -> Self {
        Self(error)
    }
}

/// Hashes a password for `Credential::Password`: argon2id with the crate's default cost. `salt` is 8 to 48 random bytes.
///
/// # Errors
///
/// When the salt or the password has a length that argon2 refuses.
pub fn hash_password(password: &[u8], salt: &[u8]) -> Result<String, PasswordError> {
    let salt = SaltString::encode_b64(salt)?;
    Ok(Argon2::default().hash_password(password, &salt)?.to_string())
}

/// The thread, and what goes to it and comes from it.
#[derive(Debug)]
pub(super) struct Verifier {
    questions: Option<Sender<Verification>>,
    verdicts: Receiver<(LinkId, bool)>,
    thread: Option<JoinHandle<()>>,
}

impl Verifier {
    pub(super) fn start(waker: Waker) -> io::Result<Self> {
        let (questions, incoming) = crossbeam_channel::bounded::<Verification>(VERIFICATIONS_WAITING_MAX);
        let (outgoing, verdicts) = crossbeam_channel::unbounded();
        let thread = std::thread::Builder::new().name("fix-auth".to_owned()).spawn(move || {
            for question in incoming {
                if outgoing.send((question.link, is_right(&question))).is_err() {
                    return;
                }
                waker.wake();
            }
        })?;
        Ok(Self { questions: Some(questions), verdicts, thread: Some(thread) })
    }

    /// Asks. A question that finds the queue full is answered with no: the acceptor asks no more than the queue holds.
    pub(super) fn ask(&self, question: Verification) -> Result<(), LinkId> {
        let link = question.link;
        self.questions.as_ref().ok_or(link)?.try_send(question).map_err(|_| link)
    }

    pub(super) fn verdict(&self) -> Option<(LinkId, bool)> {
        self.verdicts.try_recv().ok()
    }
}

impl Drop for Verifier {
    fn drop(&mut self) {
        self.questions = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn is_right(question: &Verification) -> bool {
    PasswordHash::new(&question.hash).is_ok_and(|hash| Argon2::default().verify_password(&question.password, &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_is_right() {
        let hash: std::sync::Arc<str> = hash_password(b"secret", b"0123456789abcdef").unwrap().into();
        let link = LinkId { index: 0, generation: 1 };
        for (password, expected) in [(&b"secret"[..], true), (b"Secret", false), (b"", false)] {
            let question = Verification { link, password: password.into(), hash: hash.clone() };
            assert_eq!(is_right(&question), expected);
            assert!(!format!("{question:?}").contains("ecret"), "a password is never shown");
        }
        let question = Verification { link, password: (*b"x").into(), hash: "no hash".into() };
        assert!(!is_right(&question));
    }
}
