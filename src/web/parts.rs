//! View structs that several pages show: marks, findings, history, paging. Their macros stand in `templates/parts/`.

/// A verdict as it is drawn: always a sign *and* a word, never colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It holds.
    Pass,
    /// It does not hold.
    Fail,
    /// It could not be looked at. Never counted as good.
    NotTested,
    /// It does not hold, and an operator took the risk for a stated time.
    Accepted,
    /// It is under way.
    Busy,
    /// It does not concern this host, or carries no verdict.
    Plain,
}

impl Mark {
    /// The class in the stylesheet.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotTested => "unknown",
            Self::Accepted => "accepted",
            Self::Busy => "busy",
            Self::Plain => "plain",
        }
    }

    /// One character, hidden from screen readers, which get the word.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Pass => "\u{2713}",
            Self::Fail => "\u{2715}",
            Self::NotTested => "?",
            Self::Accepted => "!",
            Self::Busy => "\u{2026}",
            Self::Plain => "\u{2013}",
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotTested => "not tested",
            Self::Accepted => "accepted",
            Self::Busy => "under way",
            Self::Plain => "not judged",
        }
    }
}

/// A link with its words.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where to.
    pub href: String,
    /// What stands there.
    pub words: String,
}

/// The verdict at the top of a wall's page.
#[derive(Clone, Debug)]
pub struct WallHead {
    /// The wall's name, the page's heading.
    pub title: String,
    /// What this wall guards, in a sentence.
    pub guards: String,
    /// Its verdict.
    pub mark: Mark,
    /// The verdict in words: `2 fail, 1 not tested`.
    pub words: String,
    /// When the facts were read: `looked 2 minutes ago`.
    pub age: String,
}

/// One finding with what it rests on.
#[derive(Clone, Debug)]
pub struct FindingView {
    /// The check's id, such as `SSH-01`.
    pub id: String,
    /// An element id, unique on the page.
    pub anchor: String,
    /// The wall's name; empty on the wall's own page.
    pub wall: String,
    /// What it is about, such as a tenant or a file; may be empty.
    pub asset: String,
    /// Its outcome.
    pub mark: Mark,
    /// `critical`, `high`, `medium`, `low` or `info`.
    pub severity: String,
    /// The finding in a sentence.
    pub title: String,
    /// What it rests on.
    pub evidence: Vec<EvidenceView>,
    /// Why it matters.
    pub why: String,
    /// What to do.
    pub remedy: Option<RemedyView>,
    /// Where the rule comes from.
    pub reference: String,
}

/// One piece of evidence.
#[derive(Clone, Debug)]
pub struct EvidenceView {
    /// The file, table or command.
    pub source: String,
    /// When it was read.
    pub at: String,
    /// The redacted lines; empty if there are none to show.
    pub lines: String,
}

/// What to do about a finding.
#[derive(Clone, Debug)]
pub struct RemedyView {
    /// In words.
    pub words: String,
    /// Commands to copy, one a line; empty if there are none.
    pub commands: String,
    /// The page of Rampart that does it.
    pub page: Option<Link>,
}

/// Findings of one outcome.
#[derive(Clone, Debug)]
pub struct FindingGroup {
    /// Their outcome.
    pub mark: Mark,
    /// The heading, with the count: `3 fail`.
    pub title: String,
    /// Whether the group is unfolded at first.
    pub open: bool,
    /// The findings, worst first.
    pub findings: Vec<FindingView>,
}

/// One entry of the trail.
#[derive(Clone, Debug)]
pub struct TrailRow {
    /// Its number.
    pub number: String,
    /// When, to the minute.
    pub at: String,
    /// Who.
    pub who: String,
    /// From which address; empty if it came from inside.
    pub from: String,
    /// What was done.
    pub what: String,
    /// The value before; empty if there was none.
    pub before: String,
    /// The value after; empty if there is none.
    pub after: String,
    /// How it went.
    pub mark: Mark,
    /// How it went, in words.
    pub outcome: String,
    /// How to take it back, where that can be done.
    pub undo: Option<Undo>,
}

/// A button that takes an entry of the trail back.
#[derive(Clone, Debug)]
pub struct Undo {
    /// Where the form posts to.
    pub action: String,
    /// The entry's id, field `entry`.
    pub entry: String,
    /// What the button says, such as `Put 20 back`.
    pub label: String,
}

/// Where in a long list this page is.
#[derive(Clone, Debug, Default)]
pub struct Pager {
    /// `21 to 40 of 612`.
    pub words: String,
    /// The page before.
    pub previous: Option<String>,
    /// The page after.
    pub next: Option<String>,
}

/// A search box above a list; a GET form with the field `name`.
#[derive(Clone, Debug)]
pub struct Search {
    /// Where it goes.
    pub action: String,
    /// The field's name in the query.
    pub name: String,
    /// The label.
    pub label: String,
    /// What was searched for.
    pub typed: String,
}

/// One entry of a list to choose from.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What the form sends.
    pub value: String,
    /// What the operator reads.
    pub label: String,
    /// Whether it is chosen now.
    pub chosen: bool,
}
