//! One test program: each module is a part of the house, tried through its front door with real neighbours.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]
#![allow(clippy::allow_attributes, reason = "not every support item is used by every module")]

mod agent_facts;
mod agent_house;
mod agent_install;
mod agent_packaging;
mod agent_socket;
mod support;
