//! Floor: acme.
