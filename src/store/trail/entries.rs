//! The trail as pages show it: one row for each entry.

use crate::base::clock::Timestamp;
use crate::base::ids::TrailId;
use crate::base::role::Reach;
use crate::store::trail::{Entry, TrailQuery};
use crate::store::{Store, StoreError};

/// The entries that fulfil a condition with one value, besides everything else that is asked for.
macro_rules! entries {
    ($condition:literal, $value:expr, $query:expr, $before:expr, $text:expr, $addresses:expr) => {
        sqlx::query_as!(
            Row,
            r#"SELECT o.id AS "id!", o.at AS "at!", o.actor, o.address, o.act, o.subject, o.domain, o.before, o.after,
                      c.outcome AS "outcome?", c.reason AS "reason?", c.inverse AS "inverse?",
                      u.undone_by AS "undone_by?"
               FROM trail AS o
               LEFT JOIN trail AS c ON c.kind = 'close' AND c.entry = o.id
               LEFT JOIN trail AS u ON u.kind = 'undone' AND u.entry = o.id
               WHERE o.kind = 'open' AND "#
                + $condition
                + r#" AND o.id < ?
                 AND (? = '' OR substr(o.act, 1, length(?)) = ?)
                 AND (? = '' OR coalesce(c.outcome, 'open') = ?)
                 AND (? = '' OR instr(lower(o.actor || ' ' || o.act || ' ' || o.subject || ' ' || coalesce(o.domain, '')
                                            || ' ' || iif(?, coalesce(o.address, ''), '')), ?) > 0)
               ORDER BY o.id DESC
               LIMIT ?"#,
            $value,
            $before,
            $query.act_prefix,
            $query.act_prefix,
            $query.act_prefix,
            $query.outcome,
            $query.outcome,
            $text,
            $addresses,
            $text,
            $query.limit
        )
    };
}

impl Store {
    /// One entry, if it is in reach.
    ///
    /// # Errors
    /// The store failed.
    pub async fn entry(&self, reach: &Reach, id: TrailId) -> Result<Option<Entry>, StoreError> {
        let row = sqlx::query_as!(
            Row,
            r#"SELECT o.id AS "id!", o.at AS "at!", o.actor, o.address, o.act, o.subject, o.domain, o.before, o.after,
                      c.outcome AS "outcome?", c.reason AS "reason?", c.inverse AS "inverse?",
                      u.undone_by AS "undone_by?"
               FROM trail AS o
               LEFT JOIN trail AS c ON c.kind = 'close' AND c.entry = o.id
               LEFT JOIN trail AS u ON u.kind = 'undone' AND u.entry = o.id
               WHERE o.id = ? AND o.kind = 'open'"#,
            id.0
        )
        .fetch_optional(&self.pool)
        .await?;
        let own = domains(reach);
        let is_in_reach = |entry: &Entry| match (&own, &entry.domain) {
            (None, _) => true,
            (Some(own), Some(domain)) => own.contains(domain),
            (Some(_), None) => false,
        };
        Ok(row.map(Entry::from).filter(is_in_reach))
    }

    /// Entries in reach, newest first. For a tenant those are the ones that concern its domain; addresses are not searched
    /// then, for they are not shown.
    ///
    /// # Errors
    /// The store failed.
    pub async fn entries(&self, reach: &Reach, query: &TrailQuery) -> Result<Vec<Entry>, StoreError> {
        let before = query.before.map_or(i64::MAX, |id| id.0);
        let text = query.text.to_lowercase();
        // One domain's entries are few among many, and have an index that a condition with OR could not use.
        let rows = match (domains(reach), &query.domain) {
            (Some(own), _) => {
                let own = serde_json::Value::from(own).to_string();
                entries!("o.domain IN (SELECT value FROM json_each(?))", own, query, before, text, false)
                    .fetch_all(&self.pool)
                    .await?
            }
            (None, Some(domain)) => {
                entries!("o.domain = ?", domain, query, before, text, true).fetch_all(&self.pool).await?
            }
            (None, None) => entries!("? = ''", "", query, before, text, true).fetch_all(&self.pool).await?,
        };
        Ok(rows.into_iter().map(Entry::from).collect())
    }
}

/// What stands in an entry that concerns the one domain in reach: its id with changes of its settings, its name with its
/// certificates. `None` where everything is in reach.
fn domains(reach: &Reach) -> Option<Vec<String>> {
    let tenant = reach.tenant()?;
    let host = reach.base().filter(|base| !base.is_empty()).map(ToOwned::to_owned);
    Some(host.into_iter().chain([tenant.to_string()]).collect())
}

struct Row {
    id: i64,
    at: i64,
    actor: Option<String>,
    address: Option<String>,
    act: Option<String>,
    subject: Option<String>,
    domain: Option<String>,
    before: Option<String>,
    after: Option<String>,
    outcome: Option<String>,
    reason: Option<String>,
    inverse: Option<String>,
    undone_by: Option<i64>,
}

impl From<Row> for Entry {
    fn from(row: Row) -> Self {
        Self {
            id: TrailId(row.id),
            opened: Timestamp::from_unix(row.at),
            actor: row.actor.unwrap_or_default(),
            address: row.address,
            act: row.act.unwrap_or_default(),
            subject: row.subject.unwrap_or_default(),
            domain: row.domain,
            before: row.before,
            after: row.after,
            outcome: row.outcome.unwrap_or_else(|| "open".to_owned()),
            reason: row.reason,
            inverse: row.inverse,
            undone_by: row.undone_by.map(TrailId),
        }
    }
}
