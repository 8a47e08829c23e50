//! What is said about fail2ban's jails.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;

/// The most addresses that one request may name.
pub const MOST_ADDRESSES: usize = 20;

/// The longest that addresses may be let pass by a request, in minutes.
pub const MOST_MINUTES: u16 = 120;

/// Addresses to let pass for a while. A device must be registered from each of them now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LetPass {
    /// Between 1 and [`MOST_ADDRESSES`].
    pub addresses: Vec<IpAddr>,
    /// Between 1 and [`MOST_MINUTES`].
    pub minutes: u16,
}

/// What became of a [`LetPass`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passing {
    /// The jails that let them pass: those that read FreeSWITCH's log. None if no such jail runs.
    pub jails: Vec<String>,
    /// Until when.
    pub until: Timestamp,
}
