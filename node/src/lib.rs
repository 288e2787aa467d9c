//! The node: where the parts meet.

pub mod replay;
