//! Floor 1: the root side. It listens on one Unix socket, knows a closed list of requests, judges each one by its own
//! root-owned settings, and writes only inside its own place.
//!
//! `serve` listens, `desk` takes a request to whoever answers it, `run` is the only starter of processes and `place`
//! the only writer of files.

mod certificates;
pub mod config;
mod desk;
mod fail2ban;
mod firewall;
mod freeswitch;
pub mod gate;
mod http01;
mod inventory;
mod journal;
mod keys;
mod nginx;
mod packages;
mod peer;
mod place;
pub mod rights;
mod run;
pub mod serve;
mod sshd;
