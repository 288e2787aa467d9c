//! How the two ends of a connection learn that bytes have come.

use plinth_node::replay::sockets::{self, Interest};
use std::io;
use std::time::Duration;

/// What a thread does while nothing has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Sleeps in the kernel: the wake-up of its core is in every latency.
    Blocks,
    /// Asks again at once and keeps a core to itself. With fewer cores than spinning threads the scheduler is in the tail.
    Polls,
}

impl Waiting {
    /// Returns when a socket can be read or the time is over, if it blocks; at once, if it polls.
    pub(crate) fn until_readable(self, interests: impl Iterator<Item = Interest>, timeout: Duration) -> io::Result<()> {
        match self {
            Self::Blocks => sockets::wait(interests, timeout).map(drop),
            Self::Polls => {
                std::hint::spin_loop();
                Ok(())
            }
        }
    }

    /// What stands before the names of its figures.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Blocks => "",
            Self::Polls => "busy_",
        }
    }
}
