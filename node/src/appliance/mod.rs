//! The running appliance.
mod admin;
mod announce;
mod folder;
mod status;
