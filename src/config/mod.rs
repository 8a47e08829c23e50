//! Floor: config.
