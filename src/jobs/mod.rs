//! Floor: jobs.
