//! Checking the trail: the console's chain, the agent's chain, and each against what it knows of the other.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::base::chain::{Chain, printable};
use crate::base::clock::Timestamp;
use crate::base::hash_chain::{Check, Hash, Link, Tip};
use crate::deeds::Deeds;
use crate::host::{Agent, AgentError};
use crate::store::StoreError;
use crate::store::trail::{AgentEnd, ChainReport, Kept};
use crate::wire::journal::{JournalLine, JournalRecord, Stage};

/// The name under which the last check is kept.
pub const FACT: &str = "trail-check";

/// How many lines of the agent's half are asked for at once.
const PAGE: u32 = 5_000;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailVerdict {
    /// `whole`, `broken` or `not-compared`.
    pub result: Outcome,
    /// When it was checked.
    pub checked: Timestamp,
    /// The number of the first record that is kept.
    pub first: i64,
    /// The number of the last good record.
    pub last: i64,
    /// What is wrong, the worst first.
    pub flaws: Vec<TrailFlaw>,
    /// The agent's half.
    pub agent: AgentHalf,
}

/// What a check found, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Both halves are whole and say the same.
    Whole,
    /// Somebody changed something.
    Broken,
    /// The console's half is whole; the agent's could not be read.
    NotCompared,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailFlaw {
    /// `console` or `agent`.
    pub half: String,
    /// The first bad record or line.
    pub number: i64,
    /// When the last good one before it was written, if that is known.
    pub after: Option<Timestamp>,
    /// What is wrong.
    pub words: String,
}

/// The agent's half.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentHalf {
    /// It was read.
    Compared {
        /// The first line that is still kept: what came before could not be compared.
        first: i64,
        /// The last line.
        last: i64,
        /// How many ends of the console's trail it holds that could be compared.
        notes: usize,
        /// How many of its acts name an entry of the console's trail.
        acts: usize,
        /// How many acts were asked for without an entry: by root on the host, or by something that is not the console.
        unnamed: usize,
    },
    /// It was not read.
    NotCompared {
        /// Why.
        reason: String,
    },
}

/// An end of the console's trail, as a line of the agent's half holds it.
struct Note {
    line: i64,
    time: String,
    hash: Hash,
}

/// An act that the agent did for an entry.
struct Done {
    line: i64,
    time: String,
    verb: String,
}

/// What the agent's half says.
#[derive(Default)]
struct Half {
    first: i64,
    last: i64,
    /// By record of the console.
    notes: BTreeMap<i64, Vec<Note>>,
    /// By entry of the console.
    acts: BTreeMap<i64, Done>,
    unnamed: usize,
    /// The hash of the line that the console knows.
    known: Option<Hash>,
    flaw: Option<TrailFlaw>,
}

impl Deeds {
    /// Checks both halves of the trail. Nothing is changed, but that the agent notes being asked.
    ///
    /// # Errors
    /// Our own store failed.
    pub async fn check_trail(&self, agent: &Agent) -> Result<TrailVerdict, StoreError> {
        let checked = self.clock.now();
        // In this order: what the console knows of the agent is older than what the agent says, and what the agent knows
        // of the console is older than what the console says.
        let (known, mut flaws) = match self.store.agent_end().await {
            Ok(known) => (known, Vec::new()),
            Err(StoreError::Damaged { reason, .. }) => {
                (None, vec![TrailFlaw { half: "console".to_owned(), number: 0, after: None, words: reason }])
            }
            Err(error) => return Err(error),
        };
        let half = read(agent, known).await;
        let empty = Half::default();
        let mut comparison = Comparison::new(half.as_ref().unwrap_or(&empty));
        let report = self.store.check_chain(|kept| comparison.see(kept)).await?;
        let Comparison { flaw, notes, .. } = comparison.finish(&report);
        let own = report.flaw.as_ref().map(|flaw| TrailFlaw {
            half: "console".to_owned(),
            number: flaw.number,
            after: flaw.after,
            words: flaw.words.clone(),
        });
        flaws.splice(0..0, own.into_iter().chain(flaw));
        let agent = match half {
            Ok(mut half) => {
                flaws.extend(known.and_then(|known| half.against(&known)));
                flaws.extend(half.flaw.take());
                AgentHalf::Compared {
                    first: half.first,
                    last: half.last,
                    notes,
                    acts: half.acts.len(),
                    unnamed: half.unnamed,
                }
            }
            Err(error) => AgentHalf::NotCompared { reason: Chain(&error).to_string() },
        };
        let result = match &agent {
            _ if !flaws.is_empty() => Outcome::Broken,
            AgentHalf::Compared { .. } => Outcome::Whole,
            AgentHalf::NotCompared { .. } => Outcome::NotCompared,
        };
        let first = report.start.number.saturating_add(1);
        Ok(TrailVerdict { result, checked, first, last: report.tip.number, flaws, agent })
    }
}

/// Holds what the agent's half says against the console's records.
struct Comparison<'a> {
    half: &'a Half,
    /// Entries that the agent acted for and that were not seen yet.
    wanted: BTreeSet<i64>,
    /// The last record that the agent knows too.
    matched: Option<i64>,
    notes: usize,
    flaw: Option<TrailFlaw>,
}

impl<'a> Comparison<'a> {
    fn new(half: &'a Half) -> Self {
        Self { half, wanted: half.acts.keys().copied().collect(), matched: None, notes: 0, flaw: None }
    }

    fn see(&mut self, kept: &Kept) {
        if kept.record.kind == "open" {
            self.wanted.remove(&kept.number);
        }
        for note in self.half.notes.get(&kept.number).into_iter().flatten() {
            self.notes += 1;
            if note.hash == kept.hash {
                self.matched = Some(kept.number);
            } else if self.flaw.is_none() {
                let first = self.matched.map_or(1, |matched| matched.saturating_add(1));
                let words = format!(
                    "the agent noted another record {} at {} (line {}): one of the records {first} to {} was changed or \
                     removed, and the chain written anew",
                    kept.number,
                    printable(&note.time),
                    note.line,
                    kept.number
                );
                self.flaw = Some(TrailFlaw { half: "console".to_owned(), number: first, after: None, words });
            }
        }
    }

    fn finish(mut self, report: &ChainReport) -> Self {
        // A chain that is broken ends before its end; that was said already.
        if report.flaw.is_some() || self.flaw.is_some() {
            return self;
        }
        let end = report.tip.number;
        let flaw = |number: i64, words: String| {
            Some(TrailFlaw { half: "console".to_owned(), number, after: report.at, words })
        };
        let first = end.saturating_add(1);
        if let Some((number, notes)) = self.half.notes.range(first..).next_back()
            && let Some(note) = notes.last()
        {
            self.flaw = flaw(
                first,
                format!(
                    "records {first} to {number} are missing: the agent noted record {number} at {} (line {})",
                    printable(&note.time),
                    note.line
                ),
            );
            return self;
        }
        let gone = self.wanted.iter().find(|entry| **entry > report.start.number);
        if let Some((entry, done)) = gone.and_then(|entry| self.half.acts.get_key_value(entry)) {
            let Done { line, time, verb } = done;
            let (verb, time) = (printable(verb), printable(time));
            self.flaw = flaw(
                *entry,
                format!(
                    "the agent was asked for {verb} for entry {entry} at {time} (line {line}), which is no entry here"
                ),
            );
        }
        self
    }
}

impl Half {
    /// Holds the agent's half against where the console knows that it ended once.
    fn against(&self, known: &AgentEnd) -> Option<TrailFlaw> {
        let Tip { number, hash } = known.tip;
        if number < self.first
            || self.known == Some(hash)
            || self.flaw.as_ref().is_some_and(|flaw| flaw.number <= number)
        {
            return None;
        }
        let told = format!("the agent had told of line {number} at {}", known.at);
        let (number, words) = if number > self.last {
            let next = self.last.saturating_add(1);
            (next, format!("{told}, and now its half ends with line {}: the lines after it are missing", self.last))
        } else {
            (
                number,
                format!(
                    "{told}, which is another one now: it or one before it was changed, and the chain written anew"
                ),
            )
        };
        Some(TrailFlaw { half: "agent".to_owned(), number, after: None, words })
    }

    fn see(&mut self, line: &JournalLine) {
        let JournalRecord { time, trail, stage, of, entry, verb, uid, .. } = &line.record;
        let number = line.link.number;
        if let Some(tip) = trail {
            let note = Note { line: number, time: time.clone(), hash: tip.hash };
            self.notes.entry(tip.number).or_default().push(note);
        }
        if *stage != Some(Stage::Open) || of.is_some() {
            return;
        }
        match entry {
            Some(entry) => {
                let done = Done { line: number, time: time.clone(), verb: verb.clone() };
                self.acts.entry(*entry).or_insert(done);
            }
            None if *uid != Some(0) => self.unnamed += 1,
            None => {}
        }
    }
}

/// Reads the agent's half to where it ends now, and checks its chain.
async fn read(agent: &Agent, known: Option<AgentEnd>) -> Result<Half, AgentError> {
    let mut half = Half::default();
    let page = agent.journal(0, PAGE).await?;
    let end = page.end;
    let first = page.lines.first().and_then(|line| JournalLine::parse(line));
    half.first = first.as_ref().map_or(1, |line| line.link.number);
    let start = match &first {
        Some(line) if line.link.number > 1 => Tip { number: line.link.number - 1, hash: line.prev },
        _ => Tip::BEGINNING,
    };
    let (mut check, mut at) = (Check::new(start, Some(end)), None);
    let (mut lines, mut after) = (page.lines, 0);
    loop {
        let mut is_good = true;
        for text in &lines {
            let parsed = JournalLine::parse(text);
            // A line that cannot be read fits nothing.
            let unread = || Link { number: check.tip().number + 1, record: text.clone(), hash: Hash::BEGINNING };
            let link = parsed.as_ref().map_or_else(unread, |known| known.link.clone());
            if is_good && link.number > end.number {
                break;
            }
            is_good = check.take(&link);
            if let Some(good) = parsed.filter(|_| is_good) {
                if known.is_some_and(|known| known.tip.number == link.number) {
                    half.known = Some(link.hash);
                }
                half.see(&good);
                at = Some(good.record.time);
            }
        }
        let reached = check.tip().number;
        if !is_good || reached >= end.number || reached <= after {
            break;
        }
        after = reached;
        lines = agent.journal(after, PAGE).await?.lines;
    }
    half.last = check.tip().number;
    half.flaw = check.finish().err().map(|broken| {
        let last_good =
            at.map_or(String::new(), |at| format!(" (the last good line before it is of {})", printable(&at)));
        let words = format!("{}{last_good}", broken.to_string().replacen("record", "line", 1));
        TrailFlaw { half: "agent".to_owned(), number: broken.number, after: None, words }
    });
    Ok(half)
}
