//! Certificates: the account at the CA, what is served, what is covered, and orders.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::{Choice, FindingView, Mark, Pager, Search, WallHead};

/// The page at `/certificates`.
#[derive(Clone, Debug, Template)]
#[template(path = "certificates.html")]
pub struct CertificatesPage {
    /// The frame.
    pub frame: Frame,
    /// The verdict at the top.
    pub head: WallHead,
    /// Certificates that Rampart keeps, or why that is not known.
    pub certificates: Result<Vec<CertificateRow>, String>,
    /// The order form, or why nothing can be ordered now; `None` for whoever may not order.
    pub order: Option<Result<OrderForm, String>>,
    /// The account at the CA.
    pub account: Account,
    /// Orders, newest first.
    pub orders: Vec<OrderRow>,
    /// What the agent may do by itself, or why that is not known; `None` for whom it does not concern.
    pub standing: Option<Result<Vec<StandingRow>, String>>,
    /// Whether the visitor may end a standing order.
    pub may_end: bool,
    /// Which tenants have a certificate, or why that is not known.
    pub coverage: Result<Coverage, String>,
    /// Findings of this wall.
    pub findings: Vec<FindingView>,
}

/// One standing order.
#[derive(Clone, Debug)]
pub struct StandingRow {
    /// The number of the certificate that is kept.
    pub certificate: String,
    /// What may be done, in words.
    pub words: String,
    /// Who allowed it.
    pub by: String,
    /// Since when.
    pub since: String,
}

/// One certificate that Rampart keeps.
#[derive(Clone, Debug)]
pub struct CertificateRow {
    /// Its number, in the path of the renewal form.
    pub id: String,
    /// Its names, the first one first.
    pub names: Vec<String>,
    /// Who issued it.
    pub issuer: String,
    /// The serial number in full.
    pub serial: String,
    /// Its first and last letters.
    pub serial_short: String,
    /// `RSA 2048`.
    pub key: String,
    /// The start of its validity.
    pub from: String,
    /// The end of its validity.
    pub until: String,
    /// `61 days left`.
    pub left: String,
    /// Whether its age is a worry.
    pub mark: Mark,
    /// The bar of its life.
    pub life: Life,
    /// The generation in force: `3`.
    pub generation: String,
    /// What each listener serves for it.
    pub served: Vec<Served>,
    /// When it is renewed next: `2026-12-24 03:12 UTC`.
    pub renewal: String,
    /// Why then: `the CA suggests this window (ARI)`.
    pub renewal_why: String,
    /// What went wrong last, in words; empty if nothing did.
    pub failure: String,
    /// Whether it can be renewed now.
    pub can_renew: bool,
}

/// The bar of a certificate's life, 100 wide.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// How much is spent, 0 to 100.
    pub spent: u8,
    /// Where the renewal stands on it, 0 to 100.
    pub renewal: u8,
}

/// What one listener serves.
#[derive(Clone, Debug)]
pub struct Served {
    /// Address and port.
    pub listener: String,
    /// Whether it is the one that was deployed.
    pub mark: Mark,
    /// `the same`, `another: 04c1…9e`, `no answer`.
    pub words: String,
}

/// The form that orders; posts `csrf`, `name`, `cover` (`wildcard` or `exact`), `key` to `/certificates/orders`.
#[derive(Clone, Debug)]
pub struct OrderForm {
    /// Tenants to pick from, without a certificate first; at most a few hundred.
    pub tenants: Vec<String>,
    /// The name that was typed.
    pub name: String,
    /// What is wrong with it.
    pub name_fault: Option<String>,
    /// What to cover.
    pub covers: Vec<Choice>,
    /// The kinds of key, the first one recommended.
    pub keys: Vec<Choice>,
    /// Why that kind: `RSA 2048 is what every desk phone accepts.`
    pub key_why: String,
    /// The CAs with an account.
    pub cas: Vec<Choice>,
    /// The CA's profile that was typed; empty for its own choice.
    pub profile: String,
    /// Where the chain is to lead, the first one recommended.
    pub chains: Vec<Choice>,
    /// How control over the name is proved: `DNS-01: a TXT record at ns1.example.test, RFC 2136`.
    pub challenge: String,
}

/// The account at the CA.
#[derive(Clone, Debug)]
pub struct Account {
    /// The CA's directory address.
    pub directory: String,
    /// Whether there is an account.
    pub mark: Mark,
    /// `registered 2026-11-22 18:40 UTC for ops@example.test`, or that there is none.
    pub words: String,
    /// The registration form, if there is none.
    pub form: Option<AccountForm>,
}

/// The form that registers; posts `csrf`, `contact`, `terms` (`agreed`) to `/certificates/account`.
#[derive(Clone, Debug)]
pub struct AccountForm {
    /// The contact that was typed.
    pub contact: String,
    /// What is wrong with it.
    pub contact_fault: Option<String>,
    /// The CA's terms; may be empty if it states none.
    pub terms: String,
    /// Said if they were not agreed to.
    pub terms_fault: Option<String>,
}

/// One order in the list.
#[derive(Clone, Debug)]
pub struct OrderRow {
    /// Its page.
    pub href: String,
    /// Its names in one line.
    pub names: String,
    /// How it stands.
    pub mark: Mark,
    /// The same in words.
    pub state: String,
    /// When it began.
    pub at: String,
    /// Who or what began it.
    pub by: String,
}

/// Which tenants have a certificate.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// Tenants with one.
    pub with: u32,
    /// Tenants without one.
    pub without: u32,
    /// The search box.
    pub search: Search,
    /// One page of tenants, without a certificate first.
    pub rows: Vec<CoverageRow>,
    /// Where in the list this page is.
    pub pager: Pager,
}

/// One tenant.
#[derive(Clone, Debug)]
pub struct CoverageRow {
    /// Its domain name.
    pub tenant: String,
    /// Whether it is covered.
    pub mark: Mark,
    /// `*.north.example.test, 61 days left`, or `none`.
    pub words: String,
    /// Whether it can be ordered with one press.
    pub can_order: bool,
}
