//! Floor: tls.
