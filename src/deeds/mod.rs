//! Floor: deeds.
