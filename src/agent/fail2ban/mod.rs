//! fail2ban, spoken to at its socket (its own client would start a second server where there is none).

mod passes;
mod pickle;
pub(super) mod server;
mod socket;
