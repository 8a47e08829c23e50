//! Floor: fusionpbx.
