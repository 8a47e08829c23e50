//! Floor 2: gets and keeps certificates, in conversation with a CA that speaks ACME (RFC 8555).
//!
//! [`issue`] walks one order from the wish to the checked chain; keys and signing requests come from the agent, DNS
//! records go out through a [`challenge::Solver`], and what must survive a kill goes into a [`ports::Journal`].
//! [`renewal`] says when to do it again. Whatever a CA or a DNS server says is hostile text and is checked before it is
//! believed.

pub mod accept;
pub mod account;
pub mod ari;
pub mod budget;
pub mod ca;
pub mod chain;
pub mod challenge;
mod conversation;
pub mod directory;
pub mod error;
pub mod http;
pub mod issue;
pub mod jws;
pub mod plan;
pub mod ports;
pub mod proof;
pub mod renewal;
pub mod step;
mod sweep;
