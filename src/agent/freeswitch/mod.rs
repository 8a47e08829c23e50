//! FreeSWITCH: what its files and the running program say, and the few things that are changed in them.
//!
//! `esl` speaks with the event socket, `http` with XML RPC, `xml` and `xml_edit` read and edit a file at stated bytes; `read`
//! puts together what is known; `change` writes files, has them take effect, and goes back by way of `armed`.

mod armed;
mod change;
mod config_conf;
mod directory;
mod esl;
mod esl_message;
mod event_socket;
mod files;
mod http;
mod judge;
pub(super) mod listening;
mod module;
pub(super) mod read;
mod registrations;
mod replace;
mod session;
pub(super) mod switch;
pub(super) mod tls;
mod xml;
mod xml_edit;
mod xml_rpc;
