//! A throwaway world in a private directory: PostgreSQL, a CA, a DNS server, nginx, the agent and the console.
//!
//! The tests start the very same private servers.

pub mod nginx;
pub mod process;
