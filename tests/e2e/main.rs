//! The main job in a real browser, against the demo's world: the same servers, the same programs.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod browser;
mod main_job;
mod second_factor;
mod stored;
mod strangers;
mod town;
mod without_script;
