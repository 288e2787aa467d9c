//! The node: where the parts meet. It reads the configuration, starts each stage on its thread, joins zones to settlement, and
//! answers the operator. No rule of matching, settlement or FIX lives here.

pub mod appliance;
pub mod config;
pub mod operator;
pub mod owner;
pub mod proving;
pub mod recover;
pub mod replay;
pub mod seccomp;
pub mod told;
pub mod watch;
