//! FreeSWITCH: what its files and the running program say, and the few things that are changed in them.
//!
//! `esl` speaks with the event socket, `http` with XML RPC, `xml` reads and edits a file at stated bytes; `read` puts
//! together what is known.

mod directory;
mod esl;
mod esl_message;
mod files;
mod http;
mod judge;
mod listening;
pub(super) mod read;
mod registrations;
mod session;
pub(super) mod switch;
mod xml;
