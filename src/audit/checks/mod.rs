//! The questions, one file for each family. Every one is pure: no file, no socket, no clock.

pub(crate) mod access_lists;
pub(crate) mod accounts;
pub(crate) mod credentials;
pub(crate) mod database_role;
pub(crate) mod firewall;
pub(crate) mod inventory;
pub(crate) mod kept;
pub(crate) mod lifetime;
pub(crate) mod packages;
pub(crate) mod password_policy;
pub(crate) mod provisioning;
pub(crate) mod release;
pub(crate) mod served;
pub(crate) mod ssh;
pub(crate) mod ssh_algorithms;
pub(crate) mod ssh_settings;
pub(crate) mod switch;
pub(crate) mod switch_tls;
pub(crate) mod unbuilt;
