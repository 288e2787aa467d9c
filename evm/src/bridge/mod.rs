//! The bridge: the base layer's assets as ERC-20 tokens, credited from the zone's inbox and burned into its outbox.
//!
//! - [`contracts`]: two system contracts (Solidity in `evm/contracts/`), put into a genesis. [`inbox`]: messages become one system call at the
//!   block's start. [`outbox`]: logs of the bridge become messages.
//! - **In.** A block consumes the next messages of the inbox, all or a prefix of them. What each does is decided before anything is executed, from the
//!   message and the assets of the genesis alone: credit, or refuse. Credits call no code but the system contracts', so no contract can make
//!   one fail; a system call that fails all the same voids the block. Nobody but the system can mint.
//! - **Out.** `withdraw` burns and logs. The log is the message: it goes when its frame is undone, and is in block order under any executor. The count
//!   of each channel is in the contract's storage, and so under the state root. A block sends at most 256; the next caller reverts.
//! - **Addresses.** A deposit's address is an ABI word: twelve zero bytes, then the account. Anything else is refused, as is the zero address:
//!   one way to write an address means no deposit can be read in two ways.
//! - **Requests are refused.** A forced withdrawal is ordered by an ed25519 key of the base layer, an account here is a secp256k1 key, and nothing ties the
//!   one to the other; there are no orders to cancel.
//! - **The native coin is the genesis's.** It pays fees, is on no base layer and cannot leave. Tied to an asset, its burned fees would stay in the
//!   zone for ever, and a genesis allocation could take out what nobody paid in.
//!
//! # Known limitations
//!
//! - A credit is no transaction: it has no receipt and no log that `eth_getLogs` would find.
//! - The assets of a zone are fixed by its genesis.

pub mod contracts;
pub mod inbox;
pub mod outbox;

pub use contracts::{Asset, Bridge, BridgeConfig, BridgeError};
pub use inbox::{Credit, Decision, InboxError};
