//! Floor: policy.
