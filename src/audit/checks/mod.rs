//! The questions, one file for each family. Every one is pure: no file, no socket, no clock.

pub(crate) mod ssh;
pub(crate) mod ssh_algorithms;
pub(crate) mod ssh_settings;
pub(crate) mod unbuilt;
