//! Floor 1, pure: what FusionPBX's password settings mean, and what is asked of the passwords of our own operators.
//!
//! `settings` is the closed list of them: what each one does, and where FusionPBX enforces it. `value` reads what is
//! stored as FusionPBX would, refuses what nobody should save, and says which of two values is weaker. `own_password`
//! judges what an operator of Rampart wants to sign in with; `secrets` judges the secrets that FusionPBX keeps.

pub mod fresh;
pub mod generator;
pub mod own_password;
pub mod secrets;
pub mod settings;
pub mod value;

pub use settings::{Enforcement, Key, PasswordSetting, SETTINGS};
pub use value::{PolicyError, Shape, Value};
