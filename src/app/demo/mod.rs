//! A throwaway world in a private directory: PostgreSQL, a CA, a DNS server, nginx, the agent and the console.
//!
//! The tests start the very same private servers.

pub mod bind;
pub mod fusionpbx;
pub mod nginx;
pub mod pebble;
pub mod postgres;
pub mod process;
pub mod town;
