//! Floor: web.
