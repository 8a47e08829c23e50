//! Debian's packages: what is pending and how old that knowledge is.

pub(super) mod read;
mod simulation;
