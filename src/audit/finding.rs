//! What a check says: one finding, with the evidence it rests on and what to do about it.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::chain::printable;
use crate::base::clock::Timestamp;

/// The most lines that one piece of evidence carries; the rest is counted.
const MOST_LINES: usize = 30;

/// The most letters of one line of evidence; the rest is cut off and the cut shown.
const LONGEST_LINE: usize = 300;

/// A wall of the fortress, in the order of the page "Security" in FusionPBX's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wall {
    /// What FusionPBX keeps and hands out: passwords, accounts, provisioning, access lists, its database role.
    Passwords,
    /// What can be reached from where.
    Firewall,
    /// What is served over TLS, and for how long.
    Certificates,
    /// Debian's packages, and the programs beside them.
    Upgrades,
    /// The XML RPC module and the event socket.
    XmlRpc,
    /// Fail2ban and event guard.
    Intrusion,
    /// The administrators' own way in.
    Ssh,
}

impl Wall {
    /// All seven, in the documentation's order.
    pub const ALL: [Self; 7] = [
        Self::Passwords,
        Self::Firewall,
        Self::Certificates,
        Self::Upgrades,
        Self::XmlRpc,
        Self::Intrusion,
        Self::Ssh,
    ];

    /// Its name on a page.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Passwords => "Passwords",
            Self::Firewall => "Firewall",
            Self::Certificates => "Certificates",
            Self::Upgrades => "Upgrades",
            Self::XmlRpc => "XML RPC",
            Self::Intrusion => "Intrusion",
            Self::Ssh => "SSH",
        }
    }

    /// What the wall is for, in one line.
    #[must_use]
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Passwords => "Nobody guesses a password, and nothing hands one out",
            Self::Firewall => "Only what must be reachable can be reached",
            Self::Certificates => "Every name is served with a certificate that is valid and is renewed in time",
            Self::Upgrades => "No known hole stays open",
            Self::XmlRpc => "Nobody commands the switch from outside",
            Self::Intrusion => "Who keeps guessing is locked out",
            Self::Ssh => "Only administrators get a shell, and only with a key",
        }
    }

    /// The word in its page's path, in JSON and on the command line.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Passwords => "passwords",
            Self::Firewall => "firewall",
            Self::Certificates => "certificates",
            Self::Upgrades => "upgrades",
            Self::XmlRpc => "xml-rpc",
            Self::Intrusion => "intrusion",
            Self::Ssh => "ssh",
        }
    }

    /// The wall behind a [`slug`](Self::slug).
    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wall| wall.slug() == slug)
    }
}

/// How bad it is, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// An outsider gets in with what is public.
    Critical,
    /// One mistake or one leak away from that.
    High,
    /// A wall is thinner than it should be.
    Medium,
    /// Good practice, not kept.
    Low,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// All, worst first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info];

    /// The word on pages, in JSON and on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Info => "info",
        }
    }

    /// The severity behind a [`word`](Self::word).
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.word() == word)
    }
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was looked at and it is as it should be.
    Pass,
    /// It was looked at and it is not.
    Fail,
    /// It could not be looked at. Never good.
    NotTested,
    /// There is nothing here that the question could be asked of.
    NotApplicable,
    /// It fails, and an operator has taken the risk until a stated day.
    Accepted,
}

impl Outcome {
    /// The word on pages, in JSON and on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotTested => "not-tested",
            Self::NotApplicable => "not-applicable",
            Self::Accepted => "accepted",
        }
    }
}

/// The id of a check, such as `SSH-01`: its heading in `docs/checks.md`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CheckId(Cow<'static, str>);

impl CheckId {
    /// The id `text`, which the registry knows.
    #[must_use]
    pub const fn of(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CheckId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What a finding rests on: where it was read, when, and the lines. Never a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The file, table or command.
    pub source: String,
    /// When it was read.
    pub at: Timestamp,
    /// The lines that matter, printable, at most 31 of at most 301 letters.
    pub lines: Vec<String>,
}

impl Evidence {
    /// Evidence from `source`; the lines are made printable and cut to size, since what was read is hostile text.
    pub fn new(source: &str, at: Timestamp, lines: impl IntoIterator<Item = String>) -> Self {
        let mut kept: Vec<String> = Vec::new();
        let mut more = 0_usize;
        for line in lines {
            if kept.len() < MOST_LINES {
                kept.push(fitting(&line));
            } else {
                more += 1;
            }
        }
        if more > 0 {
            kept.push(format!("… and {more} more"));
        }
        Self { source: source.to_owned(), at, lines: kept }
    }
}

/// `text` printable and at most [`LONGEST_LINE`] letters long.
pub(crate) fn fitting(text: &str) -> String {
    let clean = printable(text);
    match clean.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}…", clean.get(..end).unwrap_or_default()),
        None => clean,
    }
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    /// In words.
    pub words: String,
    /// Commands to copy, to be run as root on the host; empty where there are none.
    pub commands: Vec<String>,
    /// The wall whose page can do it, or shows more.
    pub page: Option<Wall>,
    /// Whether it can neither lock an administrator out nor cut a call.
    pub safe: bool,
}

impl Remedy {
    /// A remedy in words alone, taken to be safe.
    #[must_use]
    pub fn words(words: impl Into<String>) -> Self {
        Self { words: words.into(), commands: Vec::new(), page: None, safe: true }
    }

    /// With commands to copy.
    #[must_use]
    pub fn commands<C: Into<String>>(mut self, commands: impl IntoIterator<Item = C>) -> Self {
        self.commands = commands.into_iter().map(Into::into).collect();
        self
    }

    /// With the page that can do it.
    #[must_use]
    pub const fn on(mut self, page: Wall) -> Self {
        self.page = Some(page);
        self
    }

    /// Done carelessly it locks somebody out or cuts a call.
    #[must_use]
    pub const fn risky(mut self) -> Self {
        self.safe = false;
        self
    }
}

/// One answer of one check. A check and an asset name it for good: two sweeps speak of the same finding if both are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which check.
    pub id: CheckId,
    /// The wall it belongs to.
    pub wall: Wall,
    /// What it speaks of, such as `sshd`, or `access list providers`. Printable.
    pub asset: String,
    /// How it came out.
    #[serde(rename = "result")]
    pub outcome: Outcome,
    /// How bad a failure is; for the others, how bad it would be.
    pub severity: Severity,
    /// The answer in one sentence. Printable.
    pub title: String,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// Why it matters.
    pub why: String,
    /// What to do; `None` where nothing is to be done.
    pub remedy: Option<Remedy>,
    /// Where the rule comes from.
    pub reference: String,
}

impl Finding {
    /// The same, said of `asset`.
    #[must_use]
    pub fn about(mut self, asset: &str) -> Self {
        self.asset = fitting(asset);
        self
    }

    /// Whether it is a failure that stands open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.outcome == Outcome::Fail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_leads_back_to_its_wall() {
        for wall in Wall::ALL {
            assert_eq!(Wall::from_slug(wall.slug()), Some(wall));
            assert_eq!(serde_json::to_value(wall).unwrap(), wall.slug());
        }
    }

    #[test]
    fn hostile_evidence_is_printable_and_cut_to_size() {
        let lines = (0..40).map(|number| format!("{number}\u{202e}\u{1b}[31m{}", "x".repeat(500)));

        let evidence = Evidence::new("v_domains", Timestamp::from_unix(0), lines);

        assert_eq!(evidence.lines.len(), 31);
        assert_eq!(evidence.lines.last().unwrap(), "… and 10 more");
        assert!(evidence.lines.iter().all(|line| line.chars().count() <= 301));
        assert!(evidence.lines.iter().all(|line| !line.contains(['\u{202e}', '\u{1b}'])));
    }
}
