//! Every limit of this crate, with the reason for its size.

/// Worker threads of the executor.
pub const WORKERS_MAX: usize = 64;
/// Access-set keys one transaction may have before it counts as unknown: beyond that, scheduling it costs more than running it again.
pub const ACCESS_KEYS_MAX: usize = 1_024;
/// Contract entry points whose access pattern is remembered.
pub const TEMPLATES_MAX: usize = 65_536;
/// Slots one remembered pattern may have.
pub const TEMPLATE_SLOTS_MAX: usize = 64;
