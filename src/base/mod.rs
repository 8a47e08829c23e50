//! Floor 0: the words every other floor speaks. No I/O but the clock, the random source, and what a process gives up,
//! each in one file.
//!
//! Text with a rule has a type here, made only by parsing it; a measure carries its unit; a secret cannot be printed.

pub mod chain;
pub mod clock;
pub mod confine;
pub mod encoding;
pub mod hash_chain;
pub mod ids;
pub mod names;
pub mod rng;
pub mod role;
pub mod secret;
