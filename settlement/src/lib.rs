//! The base layer.

pub mod transport;
