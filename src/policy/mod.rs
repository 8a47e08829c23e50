//! Floor 1, pure: what FusionPBX's password settings mean.
//!
//! `settings` is the closed list of them: what each one does, and where FusionPBX enforces it. `value` reads what is
//! stored as FusionPBX would, refuses what nobody should save, and says which of two values is weaker.

pub mod settings;
pub mod value;

pub use settings::{Enforcement, Key, PasswordSetting, SETTINGS};
pub use value::{PolicyError, Shape, Value};
