//! Floor 0: what the console and the agent say to each other over the Unix socket.
//!
//! A closed list of typed requests. No request carries a command line, a path or a template: the agent's own
//! root-owned settings say where things lie. A frame is a length (four bytes, big-endian) and that many bytes of JSON.

pub mod answer;
pub mod call;
pub mod carried;
pub mod firewall;
pub mod frame;
pub mod grant;
pub mod inventory;
pub mod jails;
pub mod journal;
mod nothing;
pub mod proving;
pub mod request;
pub mod switch;
pub mod switch_tls;
pub mod typed;
