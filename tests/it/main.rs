//! One test program: each module is a part of the house, tried through its front door with real neighbours.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod acme_faults;
mod acme_issue;
mod acme_world;
mod agent_facts;
mod agent_gate;
mod agent_house;
mod agent_install;
mod agent_packaging;
mod agent_socket;
mod floors;
mod fusionpbx_change;
mod fusionpbx_connect;
mod fusionpbx_lost_commit;
mod fusionpbx_role;
mod fusionpbx_settings;
mod fusionpbx_survey;
mod look;
mod store_house;
mod support;
mod web_csrf;
mod web_edge;
mod web_events;
mod web_front;
mod web_house;
mod web_orders;
mod web_passwords;
mod web_renewal;
mod web_roles;
mod web_scanners;
mod web_setup;
mod web_sign_in;
mod web_slow;
mod web_smuggling;
mod web_walls;
