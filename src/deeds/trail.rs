//! Keeping the trail itself: refusals of what was never tried, the agent told where it ends, old entries let go, and the
//! records handed out.

use std::time::Duration;

use serde::Serialize;
use tracing::error;

use crate::base::hash_chain::{Hash, canonical};
use crate::base::ids::TrailId;
use crate::deeds::Deeds;
use crate::host::{Agent, AgentError};
use crate::store::trail::{Act, Actor, AgentEnd, Record};
use crate::store::{Store, StoreError};
use crate::wire::journal::JournalLine;

/// Old entries are let go once a day, not one by one.
const DAY: Duration = Duration::from_hours(24);

/// How many records are handed out at once.
const CHUNK: u32 = 500;

/// Why the agent was not told.
#[derive(Debug, thiserror::Error)]
pub enum NoteError {
    /// The agent did not take it.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// Our own store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the agent says now is not what it said before.
    #[error("the agent's half does not hold its line {number} any more as it was told; run `rampart trail verify`")]
    Disagrees {
        /// The line that the agent had told of.
        number: i64,
    },
}

impl Deeds {
    /// Notes that `actor` was refused `act`, as one entry that is closed at once. Nothing was tried.
    ///
    /// # Errors
    /// Our own store failed.
    pub async fn refused(&self, actor: &Actor, act: Act<'_>, reason: &str) -> Result<TrailId, StoreError> {
        self.store.refuse_entry(actor, act, reason, self.clock.now()).await
    }

    /// Tells the agent where the trail ends, and keeps where the agent's own half ends. Nothing is told of an end that this
    /// store has not sealed.
    ///
    /// # Errors
    /// See [`NoteError`].
    pub async fn note_trail(&self, agent: &Agent) -> Result<(), NoteError> {
        let Some(end) = self.store.sealed_end().await? else { return Ok(()) };
        let known = self.store.agent_end().await?;
        let tip = agent.note_trail(end).await?;
        if let Some(AgentEnd { tip: known, .. }) = known {
            // Kept as it is if the agent's half was cut or written anew: the next line must not hide that.
            let page = agent.journal(known.number.saturating_sub(1), 1).await?;
            let line = page.lines.first().and_then(|line| JournalLine::parse(line));
            let holds = line.is_some_and(|line| line.link.number > known.number || line.tip() == known);
            if tip.number <= known.number || !holds {
                return Err(NoteError::Disagrees { number: known.number });
            }
        }
        self.store.keep_agent_end(AgentEnd { at: self.clock.now(), tip }).await?;
        Ok(())
    }

    /// Lets go of entries older than `keep`, once they are a day older than that. Answers how many records went.
    ///
    /// # Errors
    /// Our own store failed.
    pub async fn forget_old_trail(&self, keep: Duration) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let oldest = now.minus(keep);
        if self.store.oldest_record().await?.is_none_or(|at| at >= oldest.minus(DAY)) {
            return Ok(0);
        }
        let mut gone = 0;
        loop {
            let some = self.store.forget_trail(oldest, now).await?;
            gone += some;
            if some == 0 {
                return Ok(gone);
            }
        }
    }

    /// The records from number `from` on, as lines of JSON that anybody can check.
    ///
    /// # Errors
    /// Our own store failed.
    pub async fn export_trail(&self, from: i64) -> Result<Export, StoreError> {
        let prev = self.store.hash_before(from).await?;
        Ok(Export { store: self.store.clone(), after: from.saturating_sub(1), prev })
    }
}

/// Records on their way out.
pub struct Export {
    store: Store,
    after: i64,
    prev: Hash,
}

#[derive(Serialize)]
struct Line<'a> {
    hash: Hash,
    number: i64,
    prev: Hash,
    record: &'a Record,
}

impl Export {
    /// The next lines, each with its line break; `None` at the end.
    ///
    /// # Errors
    /// Our own store failed.
    pub async fn next(&mut self) -> Result<Option<String>, StoreError> {
        let page = self.store.records(self.after, CHUNK).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = last.number;
        let mut text = String::new();
        for kept in &page {
            let line = Line { hash: kept.hash, number: kept.number, prev: self.prev, record: &kept.record };
            match canonical(&line) {
                Ok(line) => text.extend([line.as_str(), "\n"]),
                Err(error) => error!("Record {} could not be written as JSON: {error}", kept.number),
            }
            self.prev = kept.hash;
        }
        Ok(Some(text))
    }
}
