//! Floor 4: what browsers see.
//!
//! `pages/` has one file per page: its view struct, whose template has the same name. `handlers/` has one file per
//! page: its form, and the functions that read, fill and answer. `frame.rs`, `parts.rs` and `fortress.rs` are the
//! plain view structs that pages share, `view.rs` fills those. A template gets text, numbers and flags already
//! decided; it loops and chooses, and computes nothing.

mod assets;
mod auth;
mod body;
mod browser_words;
pub mod caller;
pub mod client_address;
mod cookies;
mod csrf;
pub mod door;
pub mod edge;
mod error;
mod flash;
pub mod fortress;
pub mod frame;
mod guard;
mod handlers;
pub mod headers;
pub mod limits;
pub mod may;
mod next;
pub mod origin;
pub mod pages;
pub mod parts;
pub mod qr;
pub mod router;
mod routes;
pub mod session;
pub mod state;
pub mod stranger;
pub mod timeline;
mod view;
