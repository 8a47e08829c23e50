//! Floor 1: the only code that knows FusionPBX's database. Everything read here is hostile text.
//!
//! Which columns exist is asked of the database, never taken from a version number (`schema`). Reads are in
//! `settings`, `overrides`, `phone_secrets`, `tenants` and `survey`; `secrets` judges every secret where it lies; the one kind
//! of write is in `change` and `statements`.

pub mod change;
pub mod config_conf;
pub mod connect;
pub mod database;
pub mod error;
pub mod known_rows;
pub mod overrides;
pub mod permitted;
pub mod phone_secrets;
pub mod phones;
pub mod plan;
mod remembered;
pub mod rights;
pub mod rotation;
pub mod schema;
pub mod secrets;
pub mod settings;
mod statements;
pub mod survey;
pub mod switch;
pub mod switch_copy;
pub mod tenants;
pub mod watch;

pub use change::{Change, ChangeError, Changed, Expected, Scope};
pub use connect::{ConnectError, ConnectOptions, Login};
pub use database::FusionPbx;
pub use error::FusionPbxError;
pub use settings::{Effective, Level, PolicyReading, SettingRow, Stored, Winner};
