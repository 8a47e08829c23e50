//! One file per page: its form, and the functions that read, fill and answer. Four steps each: extract, parse, one
//! call down, answer.

pub(super) mod account;
pub(super) mod api;
pub(super) mod ca_accounts;
pub(super) mod certificates;
mod coverage;
pub(super) mod coverage_plan;
pub(super) mod credential_export;
mod credential_view;
pub(super) mod credentials;
pub(super) mod dns;
pub(super) mod dns_credential;
pub(super) mod events;
pub(super) mod firewall;
pub(super) mod inventory;
pub(super) mod invitation;
pub(super) mod operators;
pub(super) mod order;
mod own_certificates;
pub(super) mod own_domain;
mod own_passwords;
pub(super) mod passwords;
pub(super) mod phones;
mod policy_beside;
pub(super) mod policy_preset;
pub(super) mod policy_preview;
pub(super) mod policy_report;
mod policy_view;
pub(super) mod rotate;
pub(super) mod rotation;
pub(super) mod second_factor;
pub(super) mod setup;
pub(super) mod sign_in;
pub(super) mod sign_in_code;
pub(super) mod ssh;
pub(super) mod standing;
mod step_up;
pub(super) mod switch_certificate;
mod switch_certificate_facts;
pub(super) mod trail;
pub(super) mod unbuilt;
pub(super) mod upgrades;
pub(super) mod walls;
pub(super) mod xml_rpc;
mod xml_rpc_facts;

use askama::Template;
use axum::response::{Html, IntoResponse as _, Response};

use crate::web::error::PageError;

/// Draws a page.
fn draw(page: &impl Template) -> Result<Response, PageError> {
    Ok(Html(page.render()?).into_response())
}
