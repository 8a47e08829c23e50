//! Floor 1, pure: the firewall as it is, and what it lets through.
//!
//! `saved` reads what the iptables save tools print, `sets` what ipset prints, `nft` what nft prints, `host` the
//! addresses, routes and kernel settings that a verdict also rests on. All of it becomes one `model`. `reach` sends
//! sets of packets through every backend's chains, there and back, and says who reaches what, and by which rule.
//! `probes` answers a table of questions.

pub mod address;
pub mod explain;
mod field;
pub mod host;
pub mod matrix;
pub mod model;
pub mod nft;
pub mod owner;
pub mod probes;
pub mod ranges;
pub mod reach;
pub mod saved;
pub mod sets;
pub mod snapshot;
pub mod zones;

pub use address::Family;
pub use host::Host;
pub use model::{Cause, CauseKind, Firewall};
pub use ranges::Ranges;
pub use snapshot::Snapshot;
