//! Floor 4: what Rampart does by itself. Each job claims one piece of work, does it, and is safe to run twice.

pub mod clean_up;
pub mod credentials;
pub mod orders;
pub mod policy_drift;
pub mod renewal;
pub mod rotations;
pub mod served_watch;
pub mod sweep;
pub mod trail;
pub mod windows;
