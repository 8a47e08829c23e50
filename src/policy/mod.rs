//! Floor 1, pure: what FusionPBX's password settings mean, and what is asked of the passwords of our own operators.
//!
//! `settings` is the closed list of them, `treatment` what each generation (`era`) does with each, `value` reads what is
//! stored as FusionPBX would and refuses what nobody should save. `generator`, `odds` and `preview` say what a policy
//! yields; `preset` knows three whole ones. `provisioning` is the list of secrets among the settings of phones.
//! `own_password` judges what an operator of Rampart wants to sign in with, `secrets` the secrets that FusionPBX keeps.

pub mod era;
pub mod fresh;
pub mod generator;
pub mod odds;
pub mod own_password;
pub mod preset;
pub mod preview;
pub mod provisioning;
pub mod secrets;
pub mod settings;
pub mod treatment;
pub mod value;

pub use era::{Era, Evidence};
pub use settings::{Home, Key, PasswordSetting, SETTINGS};
pub use treatment::{Enforcement, Treatment};
pub use value::{PolicyError, Shape, Value};
