//! The firewall: who reaches what, one question, and the rules themselves.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::{FindingView, Mark, WallHead};

/// The page at `/firewall`.
#[derive(Clone, Debug, Template)]
#[template(path = "firewall.html")]
pub struct FirewallPage {
    /// The frame.
    pub frame: Frame,
    /// The verdict at the top.
    pub head: WallHead,
    /// Findings of this wall.
    pub findings: Vec<FindingView>,
    /// The question, and its answer.
    pub ask: AskView,
    /// What was read, or why it could not be.
    pub facts: Result<FirewallView, String>,
}

/// Can this address reach that port?
#[derive(Clone, Debug)]
pub struct AskView {
    /// Where the form is sent.
    pub action: String,
    /// Who asks, as typed.
    pub from: String,
    /// The port, as typed.
    pub port: String,
    /// Protocols to choose from: value, words, whether it is chosen.
    pub protocols: Vec<(String, String, bool)>,
    /// The interface, as typed; empty: as the routes say.
    pub interface: String,
    /// What is wrong with the question.
    pub fault: Option<String>,
    /// The answer.
    pub answer: Option<AnswerView>,
}

/// The answer to a question.
#[derive(Clone, Debug)]
pub struct AnswerView {
    /// How it is marked.
    pub mark: Mark,
    /// `203.0.113.9 to 192.0.2.1 port 22 by eth0: reachable`.
    pub words: String,
    /// The rule that decided, or what it depends on.
    pub reason: String,
    /// The way through the chains: what happened, and where.
    pub path: Vec<(String, String)>,
}

/// What was read.
#[derive(Clone, Debug)]
pub struct FirewallView {
    /// When, and what could not be read.
    pub source: String,
    /// What could not be read, a line each.
    pub doubts: Vec<String>,
    /// The zones: name, and family with interface.
    pub zones: Vec<(String, String)>,
    /// What listens.
    pub services: Vec<ServiceView>,
    /// What is loaded at the start, and how that compares.
    pub boot: Vec<String>,
    /// The rules, chain by chain.
    pub chains: Vec<ChainView>,
    /// `312 rules`.
    pub rule_words: String,
}

/// A socket that listens.
#[derive(Clone, Debug)]
pub struct ServiceView {
    /// `tcp 5432`.
    pub name: String,
    /// The address it is bound to.
    pub address: String,
    /// The program, or the user.
    pub holder: String,
    /// One for each zone.
    pub cells: Vec<CellView>,
}

/// What a zone gets at a service.
#[derive(Clone, Debug)]
pub struct CellView {
    /// The zone, for those who do not see the column.
    pub zone: String,
    /// How it is marked.
    pub mark: Mark,
    /// `reachable`.
    pub words: String,
    /// From where, or on what it depends; may be empty.
    pub note: String,
}

/// A chain.
#[derive(Clone, Debug)]
pub struct ChainView {
    /// Backend, family, table, chain.
    pub title: String,
    /// Its rules.
    pub rules: Vec<RuleView>,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct RuleView {
    /// Its number in the chain.
    pub number: String,
    /// As its tool prints it.
    pub text: String,
    /// Packets; empty where they are not counted.
    pub packets: String,
    /// Whose it is.
    pub owner: String,
}
