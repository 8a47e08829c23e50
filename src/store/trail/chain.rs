//! Going along the chain: to check it, and to hand it out.

use sqlx::SqliteConnection;

use crate::base::clock::Timestamp;
use crate::base::hash_chain::{Check, Hash, Link, Tip, canonical};
use crate::store::trail::Record;
use crate::store::trail::head::{Found, Head};
use crate::store::{Store, StoreError};

/// How many records are read at once.
const PAGE: i64 = 500;

/// A record as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its number.
    pub number: i64,
    /// When, as its column says.
    pub at: Timestamp,
    /// What it says.
    pub record: Record,
    /// The hash that is kept with it.
    pub hash: Hash,
}

/// What is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The first bad record.
    pub number: i64,
    /// When the last good record before it was written, if there is one.
    pub after: Option<Timestamp>,
    /// What is wrong, in words.
    pub words: String,
}

/// What was found along the whole chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainReport {
    /// The record before the first one that is kept.
    pub start: Tip,
    /// The last good record.
    pub tip: Tip,
    /// When that was written.
    pub at: Option<Timestamp>,
    /// The first bad record, if there is one.
    pub flaw: Option<Flaw>,
}

impl Store {
    /// Goes along the whole chain and checks it, as of one moment. `seen` gets each record whose own place is good.
    ///
    /// # Errors
    /// The store failed.
    pub async fn check_chain(&self, mut seen: impl FnMut(&Kept)) -> Result<ChainReport, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let (head, forged) = match Head::find(&mut transaction, &self.seal).await? {
            Found::Good(head) => (head, None),
            Found::Forged { rows, words } => (rows, Some(words)),
        };
        let mut check = Check::new(head.start, forged.is_none().then_some(head.end));
        let (mut at, mut first_break) = (None, None);
        let mut after = i64::MIN;
        loop {
            let page = page(&mut transaction, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.number;
            for kept in page {
                let before = at;
                if !check.take(&kept.link()?) {
                    continue;
                }
                at = Some(kept.at);
                if kept.record.kind == "break" && first_break.is_none() {
                    let words = kept.record.reason.clone().unwrap_or_default();
                    first_break = Some(Flaw { number: kept.number, after: before, words });
                }
                seen(&kept);
            }
        }
        let tip = check.tip();
        let broken =
            check.finish().err().map(|broken| Flaw { number: broken.number, after: at, words: broken.to_string() });
        let found = first_break.or(broken);
        let flaw = match (found, forged) {
            (Some(flaw), Some(words)) => Some(Flaw { words: format!("{}; {words}", flaw.words), ..flaw }),
            (None, Some(words)) => Some(Flaw { number: tip.number.saturating_add(1), after: at, words }),
            (found, None) => found,
        };
        Ok(ChainReport { start: head.start, tip, at, flaw })
    }

    /// At most `limit` records after `number`, as they are kept.
    ///
    /// # Errors
    /// The store failed.
    pub async fn records(&self, number: i64, limit: u32) -> Result<Vec<Kept>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        page(&mut connection, number, i64::from(limit)).await
    }

    /// The record before `number` as far as it is known: the one whose hash a chain from `number` on goes on from.
    ///
    /// # Errors
    /// The store failed.
    pub async fn hash_before(&self, number: i64) -> Result<Hash, StoreError> {
        let start = self.chain_ends().await?.0;
        let before = number.saturating_sub(1);
        if before <= start.number {
            return Ok(start.hash);
        }
        let hash = sqlx::query_scalar!("SELECT hash FROM trail WHERE id <= ? ORDER BY id DESC LIMIT 1", before)
            .fetch_optional(&self.pool)
            .await?;
        Ok(hash.and_then(|hash| Hash::from_slice(&hash)).unwrap_or(start.hash))
    }

    /// The last record, if its place was sealed by this store.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sealed_end(&self) -> Result<Option<Tip>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        match Head::find(&mut connection, &self.seal).await? {
            Found::Good(head) => Ok(Some(head.end)),
            Found::Forged { .. } => Ok(None),
        }
    }

    /// The record before the first one that is kept, and the last one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn chain_ends(&self) -> Result<(Tip, Tip), StoreError> {
        let mut connection = self.pool.acquire().await?;
        let (Found::Good(head) | Found::Forged { rows: head, .. }) = Head::find(&mut connection, &self.seal).await?;
        Ok((head.start, head.end))
    }
}

impl Kept {
    /// The record as canonical JSON, with its number and hash.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn link(&self) -> Result<Link, StoreError> {
        let record = canonical(&self.record)
            .map_err(|error| StoreError::Damaged { table: "trail", reason: error.to_string() })?;
        Ok(Link { number: self.number, record, hash: self.hash })
    }
}

async fn page(connection: &mut SqliteConnection, after: i64, limit: i64) -> Result<Vec<Kept>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id!", kind, at, entry, actor, address, act, subject, domain, before, after, outcome, reason,
                  inverse, undone_by, begins, begins_after, hash
           FROM trail WHERE id > ? ORDER BY id LIMIT ?"#,
        after,
        limit
    )
    .fetch_all(connection)
    .await?;
    let kept = rows.into_iter().map(|row| {
        let at = Timestamp::from_unix(row.at);
        let record = Record {
            kind: row.kind,
            at: at.rfc3339(),
            entry: row.entry,
            actor: row.actor,
            address: row.address,
            act: row.act,
            subject: row.subject,
            domain: row.domain,
            before: row.before,
            after: row.after,
            outcome: row.outcome,
            reason: row.reason,
            inverse: row.inverse,
            undone_by: row.undone_by,
            begins: row.begins,
            begins_after: row.begins_after,
        };
        // A hash that is none fits nothing.
        Kept { number: row.id, at, record, hash: Hash::from_slice(&row.hash).unwrap_or(Hash::BEGINNING) }
    });
    Ok(kept.collect())
}
