//! Floor 4: the command line, one file for each subcommand; the same engine as the pages, as text.

pub mod certificate;
pub mod check;
pub mod credentials;
pub mod dns;
pub mod doctor;
pub mod firewall;
pub mod operator;
pub mod policy;
mod policy_show;
pub mod rotation;
pub mod secrets;
pub mod trail;
