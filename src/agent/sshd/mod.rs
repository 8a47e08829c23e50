//! sshd: its effective settings.

pub(super) mod read;
