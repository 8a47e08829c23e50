//! One test program: each module is a part of the house, tried through its front door with real neighbours.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]
#![allow(clippy::allow_attributes, reason = "not every support item is used by every module")]

mod fusionpbx_change;
mod fusionpbx_connect;
mod fusionpbx_lost_commit;
mod fusionpbx_role;
mod fusionpbx_settings;
mod fusionpbx_survey;
mod support;
