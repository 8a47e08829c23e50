//! Rampart: the security console for FusionPBX.
//!
//! Two programs share this crate: `rampart`, the console and command line, without privileges; and `rampart-agent`,
//! root behind one Unix socket. A folder is a floor, and imports run downhill only (`tests/it/floors.rs` holds it):
//!
//! | floor | folders |
//! | --- | --- |
//! | 5 | `app` builds, starts and stops; the demo |
//! | 4 | `jobs` works by itself, `web` talks to browsers, `cli` to terminals |
//! | 3.5 | `deeds` does everything that changes anything, with its entry in the trail |
//! | 3 | `store`: our own tables |
//! | 2 | `acme` gets and keeps certificates; `audit` judges the machine |
//! | 1 | `policy`, `firewall`, `tls`, `fusionpbx`, `host` (the agent's client), `agent` (the root side) |
//! | 0 | `base`, `wire`, `config` |
//!
//! `docs/architecture.md` walks one request and one renewal through the house.

pub mod acme;
pub mod agent;
pub mod app;
pub mod audit;
pub mod base;
pub mod cli;
pub mod config;
pub mod deeds;
pub mod firewall;
pub mod fusionpbx;
pub mod host;
pub mod jobs;
pub mod policy;
pub mod store;
pub mod tls;
pub mod web;
pub mod wire;
