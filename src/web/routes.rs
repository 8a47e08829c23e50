//! Every path as a function, so that a link cannot be misspelt.

use crate::base::ids::{CertificateId, DnsCredentialId, OperatorId, OrderId, RotationId};

pub(super) const WALLS: &str = "/";
pub(super) const SIGN_IN: &str = "/sign-in";
pub(super) const SIGN_IN_CODE: &str = "/sign-in/code";
pub(super) const SIGN_OUT: &str = "/sign-out";
pub(super) const SETUP: &str = "/setup/{token}";
pub(super) const LOOK_AGAIN: &str = "/look-again";
pub(super) const PASSWORDS: &str = "/passwords";
pub(super) const PASSWORD_SETTINGS: &str = "/passwords/settings";
pub(super) const PASSWORD_UNDO: &str = "/passwords/undo";
pub(super) const PASSWORD_PRESET: &str = "/passwords/preset";
pub(super) const PASSWORD_PREVIEW: &str = "/passwords/preview";
pub(super) const ROTATE: &str = "/passwords/rotate";
pub(super) const ROTATION: &str = "/passwords/rotations/{id}";
pub(super) const ROTATION_RUN: &str = "/passwords/rotations/{id}/run";
pub(super) const ROTATION_SHOW: &str = "/passwords/rotations/{id}/show";
pub(super) const ROTATION_CONFIRM: &str = "/passwords/rotations/{id}/confirm";
pub(super) const ROTATION_UNDO: &str = "/passwords/rotations/{id}/undo";
pub(super) const ROTATION_PASS: &str = "/passwords/rotations/{id}/pass";
pub(super) const ROTATION_RESYNC: &str = "/passwords/rotations/{id}/resync";
pub(super) const CREDENTIALS: &str = "/passwords/credentials";
pub(super) const CREDENTIALS_AUDIT: &str = "/passwords/credentials/audit";
pub(super) const CREDENTIALS_EXPORT: &str = "/passwords/credentials/export";
pub(super) const CERTIFICATES: &str = "/certificates";
pub(super) const CA_ACCOUNTS: &str = "/certificates/accounts";
pub(super) const COVERAGE_PLAN: &str = "/certificates/plan";
pub(super) const CERTIFICATE_ACCOUNT: &str = "/certificates/account";
pub(super) const CERTIFICATE_ORDERS: &str = "/certificates/orders";
pub(super) const STANDING_END: &str = "/certificates/standing-orders/end";
pub(super) const ORDER: &str = "/certificates/orders/{id}";
pub(super) const ORDER_EVENTS: &str = "/certificates/orders/{id}/events";
pub(super) const PHONES: &str = "/certificates/phones";
pub(super) const INVENTORY: &str = "/certificates/inventory";
pub(super) const SWITCH_CERTIFICATE: &str = "/certificates/freeswitch";
pub(super) const RENEW: &str = "/certificates/{id}/renew";
pub(super) const DNS: &str = "/certificates/dns";
pub(super) const DNS_NEW: &str = "/certificates/dns/new";
pub(super) const DNS_CREDENTIALS: &str = "/certificates/dns/credentials";
pub(super) const DNS_CREDENTIAL: &str = "/certificates/dns/credentials/{id}";
pub(super) const DNS_CREDENTIAL_DELETE: &str = "/certificates/dns/credentials/{id}/delete";
pub(super) const DNS_ZONES: &str = "/certificates/dns/zones";
pub(super) const DNS_ZONE_REMOVE: &str = "/certificates/dns/zones/remove";
pub(super) const DNS_ZONE_TEST: &str = "/certificates/dns/zones/test";
pub(super) const SSH: &str = "/ssh";
pub(super) const UPGRADES: &str = "/upgrades";
pub(super) const FIREWALL: &str = "/firewall";
pub(super) const XML_RPC: &str = "/xml-rpc";
pub(super) const INTRUSION: &str = "/intrusion";
pub(super) const TRAIL: &str = "/trail";
pub(super) const TRAIL_EXPORT: &str = "/trail/export";
pub(super) const SECOND_FACTOR: &str = "/account/second-factor";
pub(super) const SECOND_FACTOR_PROOF: &str = "/account/second-factor/proof";
pub(super) const RECOVERY: &str = "/account/recovery";
pub(super) const OPERATORS: &str = "/operators";
pub(super) const OPERATOR_ROLE: &str = "/operators/{id}/role";
pub(super) const OPERATOR_DISABLE: &str = "/operators/{id}/disable";
pub(super) const OPERATOR_ENABLE: &str = "/operators/{id}/enable";
pub(super) const OPERATOR_SESSIONS: &str = "/operators/{id}/end-sessions";
pub(super) const OPERATOR_INVITATION: &str = "/operators/{id}/invitation";
pub(super) const INVITATION: &str = "/invitation/{token}";
pub(super) const ACCOUNT: &str = "/account";
pub(super) const ACCOUNT_PASSWORD: &str = "/account/password";
pub(super) const ACCOUNT_SESSION_END: &str = "/account/sessions/end";
pub(super) const ACCOUNT_SESSIONS_END: &str = "/account/sessions/end-others";
pub(super) const ACCOUNT_DEVICE_FORGET: &str = "/account/devices/forget";
pub(super) const API_SESSION: &str = "/api/session";
pub(super) const API_WALLS: &str = "/api/walls";
pub(super) const API_POLICY: &str = "/api/policy";
pub(super) const API_ORDER: &str = "/api/orders/{id}";
pub(super) const HEALTH: &str = "/healthz";
pub(super) const POLICY_REPORT: &str = "/csp-report";
pub(super) const STATIC: &str = "/static/{file}";

pub(super) fn order(id: OrderId) -> String {
    format!("/certificates/orders/{id}")
}

pub(super) fn rotation(id: RotationId) -> String {
    format!("/passwords/rotations/{id}")
}

/// Where a button about a batch posts to: `act` is the last part of the path, such as `undo`.
pub(super) fn rotation_act(id: RotationId, act: &str) -> String {
    format!("/passwords/rotations/{id}/{act}")
}

/// Where a form about an account posts to: `act` is the last part of the path, such as `role`.
pub(super) fn operator(id: OperatorId, act: &str) -> String {
    format!("/operators/{id}/{act}")
}

pub(super) fn invitation(token: &str) -> String {
    format!("/invitation/{token}")
}

/// The page of a credential for a DNS service, where its form posts to as well.
pub(super) fn dns_credential(id: DnsCredentialId) -> String {
    format!("/certificates/dns/credentials/{id}")
}

/// Where the button posts to that deletes one.
pub(super) fn dns_credential_delete(id: DnsCredentialId) -> String {
    format!("/certificates/dns/credentials/{id}/delete")
}

/// Where the form of a certificate posts to that orders it anew.
pub(super) fn renew(id: CertificateId) -> String {
    format!("/certificates/{id}/renew")
}

/// The pages that one can come back to after signing in, each with the questions it understands in its query.
pub(super) const PAGES: [(&str, &[&str]); 26] = [
    (WALLS, &[]),
    (PASSWORDS, &["find", "after"]),
    (ROTATE, &["kind", "tenant", "places"]),
    (ROTATION, &[]),
    (PASSWORD_PRESET, &["name"]),
    (PASSWORD_PREVIEW, &["kind", "length", "strength", "least"]),
    (CREDENTIALS, &["find", "reason", "table", "tenant", "after"]),
    (CERTIFICATES, &["find", "page"]),
    (CA_ACCOUNTS, &[]),
    (COVERAGE_PLAN, &[]),
    (ORDER, &[]),
    (DNS, &[]),
    (DNS_NEW, &["service"]),
    (DNS_CREDENTIAL, &[]),
    (SWITCH_CERTIFICATE, &[]),
    (INVENTORY, &[]),
    (PHONES, &[]),
    (SSH, &[]),
    (UPGRADES, &[]),
    (FIREWALL, &["from", "port", "protocol", "interface"]),
    (XML_RPC, &[]),
    (INTRUSION, &[]),
    (TRAIL, &["find", "act", "outcome", "before"]),
    (ACCOUNT, &[]),
    (SECOND_FACTOR, &[]),
    (OPERATORS, &[]),
];
