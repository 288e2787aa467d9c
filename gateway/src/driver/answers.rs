//! Answers from a thread of their own, for what takes too long on the driver's: argon2, public-key signatures.

use super::Waker;
use crossbeam_channel::{Receiver, Sender};
use std::io;
use std::thread::JoinHandle;

/// The thread, and what goes to it and comes from it. It ends when this is dropped.
pub(super) struct Answers<Q, A> {
    questions: Option<Sender<Q>>,
    incoming: Receiver<A>,
    thread: Option<JoinHandle<()>>,
}

impl<Q: Send + 'static, A: Send + 'static> Answers<Q, A> {
    /// Starts it. At most `waiting_max` questions wait.
    pub(super) fn start(name: &str, waiting_max: usize, waker: Waker, answer: fn(Q) -> A) -> io::Result<Self> {
        let (questions, asked) = crossbeam_channel::bounded::<Q>(waiting_max);
        let (outgoing, incoming) = crossbeam_channel::unbounded();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            for question in asked {
                if outgoing.send(answer(question)).is_err() {
                    return;
                }
                waker.wake();
            }
        })?;
        Ok(Self { questions: Some(questions), incoming, thread: Some(thread) })
    }

    /// Asks. A question that finds the queue full is not asked.
    pub(super) fn ask(&self, question: Q) -> bool {
        self.questions.as_ref().is_some_and(|questions| questions.try_send(question).is_ok())
    }

    /// The next answer, if there is one.
    pub(super) fn next(&self) -> Option<A> {
        self.incoming.try_recv().ok()
    }
}

impl<Q, A> Drop for Answers<Q, A> {
    fn drop(&mut self) {
        self.questions = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl<Q, A> core::fmt::Debug for Answers<Q, A> {
    /// Questions hold secrets.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Answers {{ {} waiting }}", self.incoming.len())
    }
}
