//! Floor 2: the machine judged. Facts go in, findings come out; only `collect` reads anything.
//!
//! `facts` is what was read and how old it is, `credentials` what the last audit of FusionPBX's secrets came to, `checks` holds the questions, `registry` asks them all,
//! `score` and `assets` draw conclusions from the answers. What could not be read is never good.

pub mod assets;
pub mod check;
pub mod checks;
pub mod collect;
pub mod credentials;
pub mod facts;
pub mod finding;
pub mod firewall;
mod networks;
pub mod registry;
pub mod score;
#[cfg(test)]
mod snapshot;
pub mod walls;
