//! Floor 3: Rampart's own tables, in one SQLite file that only Rampart's user can read. Nothing of FusionPBX is here.
//!
//! One file for each family of tables. Each function is one statement or one transaction.

pub mod accounts;
pub mod batches;
pub mod certificates;
mod claims;
pub mod credentials;
pub mod devices;
pub mod dns;
pub mod factors;
pub mod facts;
pub mod issued;
mod key_file;
pub mod open;
pub mod operators;
pub mod orders;
pub mod policy_marks;
pub mod roster;
pub mod rotation;
pub mod seal;
pub mod sessions;
pub mod spent;
pub mod trail;
pub mod windows;

pub use open::{Store, StoreError};
