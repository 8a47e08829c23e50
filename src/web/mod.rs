//! Floor 4: what browsers see.
//!
//! `pages/` has one file per page; `frame.rs`, `parts.rs` and `fortress.rs` are the plain view structs that pages share.
//! A template gets text, numbers and flags already decided; it loops and chooses, and computes nothing.

pub mod fortress;
pub mod frame;
pub mod pages;
pub mod parts;
