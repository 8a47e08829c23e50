//! Sets of names that are kept covered, what is in force for each, and when to look again.

use crate::base::clock::Timestamp;
use crate::base::ids::CertificateId;
use crate::base::names::CertificateName;
use crate::base::role::Reach;
use crate::store::{Store, StoreError};
use crate::wire::grant::Consumer;
use crate::wire::request::{Generation, KeyKind};

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRow {
    /// Its id.
    pub id: CertificateId,
    /// The names it covers.
    pub names: Vec<CertificateName>,
    /// Who serves it.
    pub consumer: Consumer,
    /// The kind of key each generation gets.
    pub key: KeyKind,
    /// What is in force; `None` before the first deployment.
    pub in_force: Option<InForce>,
    /// Failed attempts since the last success.
    pub failures: u32,
    /// When the last attempt ended.
    pub last_attempt: Option<Timestamp>,
    /// Why the last attempt failed; `None` after a success.
    pub last_failure: Option<String>,
    /// A fixed random number, so that retries of many certificates spread.
    pub jitter: u32,
    /// When the next attempt is due, as last planned.
    pub next_attempt: Option<Timestamp>,
    /// Until when the CA asked us to wait.
    pub paused_until: Option<Timestamp>,
    /// When the CA would like it renewed, if it said so.
    pub window: Option<RenewalWindow>,
    /// What was chosen for it.
    pub choices: Choices,
    /// Since when what is in force must go: it was revoked.
    pub void_since: Option<Timestamp>,
}

/// What was chosen for a certificate beside its names and key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// The CA's directory; `None`: that of rampart.toml.
    pub directory_url: Option<String>,
    /// One of the CA's profiles; `None`: the CA's own choice.
    pub profile: Option<String>,
    /// The common name of the root that the chain is to lead to; `None`: the CA's own choice.
    pub chain_root: Option<String>,
}

/// The window that a CA named for a certificate (RFC 9773).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalWindow {
    /// Its start.
    pub opens: Timestamp,
    /// Its end.
    pub closes: Timestamp,
    /// The moment that was chosen in it, and stays chosen until the window changes.
    pub chosen: Timestamp,
    /// Where the CA says why, if it does.
    pub explanation: Option<String>,
}

/// A deployed generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Which generation.
    pub generation: Generation,
    /// Who signed it.
    pub issuer: String,
    /// Its serial number, lower-case hex.
    pub serial: String,
    /// The start of its validity.
    pub not_before: Timestamp,
    /// The end of its validity.
    pub not_after: Timestamp,
}

impl Store {
    /// The certificates in reach, oldest first, at most 20,000.
    ///
    /// # Errors
    /// The store failed.
    pub async fn certificates(&self, reach: &Reach) -> Result<Vec<CertificateRow>, StoreError> {
        let base = reach.base();
        sqlx::query_as!(
            Row,
            r#"SELECT id, names, key_kind, generation, issuer, serial, certificates.not_before, certificates.not_after,
                    certificates.failures, last_attempt_at, last_failure, jitter, next_attempt_at, paused_until,
                    certificates.directory_url, profile, chain_root, void_since,
                    opens_at AS "opens_at?", closes_at AS "closes_at?", chosen_at AS "chosen_at?",
                    explanation AS "explanation?"
             FROM certificates LEFT JOIN renewal_windows ON renewal_windows.certificate_id = certificates.id
             WHERE (? IS NULL OR id IN (SELECT certificate_id FROM certificate_bases WHERE base = ?))
             ORDER BY id LIMIT 20000"#,
            base,
            base
        )
        .fetch_all(&self.pool)
        .await?
        .into_iter()
        .map(CertificateRow::try_from)
        .collect()
    }

    /// One certificate, if it is in reach.
    ///
    /// # Errors
    /// The store failed.
    pub async fn certificate(&self, reach: &Reach, id: CertificateId) -> Result<Option<CertificateRow>, StoreError> {
        let base = reach.base();
        sqlx::query_as!(
            Row,
            r#"SELECT id, names, key_kind, generation, issuer, serial, certificates.not_before, certificates.not_after,
                    certificates.failures, last_attempt_at, last_failure, jitter, next_attempt_at, paused_until,
                    certificates.directory_url, profile, chain_root, void_since,
                    opens_at AS "opens_at?", closes_at AS "closes_at?", chosen_at AS "chosen_at?",
                    explanation AS "explanation?"
             FROM certificates LEFT JOIN renewal_windows ON renewal_windows.certificate_id = certificates.id
             WHERE id = ? AND (? IS NULL OR id IN (SELECT certificate_id FROM certificate_bases WHERE base = ?))"#,
            id.0,
            base,
            base
        )
        .fetch_optional(&self.pool)
        .await?
        .map(CertificateRow::try_from)
        .transpose()
    }

    /// nginx's certificate for exactly these names; made if there is none. A new key kind holds from its next generation.
    ///
    /// # Errors
    /// The store failed.
    pub async fn certificate_for(
        &self,
        names: &[CertificateName],
        key: KeyKind,
        jitter: u32,
        now: Timestamp,
    ) -> Result<CertificateId, StoreError> {
        self.consumers_certificate(Consumer::Nginx, names, (key, jitter), now).await
    }

    /// The same, for any consumer: each has certificates of its own, with keys of its own, for the same names too.
    ///
    /// # Errors
    /// The store failed.
    pub async fn consumers_certificate(
        &self,
        consumer: Consumer,
        names: &[CertificateName],
        (key, jitter): (KeyKind, u32),
        now: Timestamp,
    ) -> Result<CertificateId, StoreError> {
        let (names, key, now) = (names_as_text(consumer, names), key.word(), now.unix());
        let id = sqlx::query_scalar!(
            "INSERT INTO certificates (names, key_kind, created_at, jitter) VALUES (?, ?, ?, ?)
             ON CONFLICT (names) DO UPDATE SET key_kind = excluded.key_kind RETURNING id",
            names,
            key,
            now,
            jitter
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(CertificateId(id))
    }

    /// Keeps what was chosen for a certificate; it holds from its next order.
    ///
    /// # Errors
    /// The store failed.
    pub async fn choose(&self, id: CertificateId, choices: &Choices) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE certificates SET directory_url = ?, profile = ?, chain_root = ? WHERE id = ?",
            choices.directory_url,
            choices.profile,
            choices.chain_root,
            id.0
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Takes away a certificate for which nothing was ever ordered: the act that was to order it was refused.
    ///
    /// # Errors
    /// The store failed.
    pub async fn drop_unordered(&self, id: CertificateId) -> Result<(), StoreError> {
        sqlx::query!(
            "DELETE FROM certificates
             WHERE id = ? AND generation IS NULL AND NOT EXISTS (SELECT 1 FROM orders WHERE certificate_id = ?)",
            id.0,
            id.0
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// An attempt failed.
    ///
    /// # Errors
    /// The store failed.
    pub async fn certificate_failed(&self, id: CertificateId, why: &str, now: Timestamp) -> Result<(), StoreError> {
        let now = now.unix();
        sqlx::query!(
            "UPDATE certificates
             SET failures = failures + 1, last_failure = ?, last_attempt_at = ?, next_attempt_at = NULL
             WHERE id = ?",
            why,
            now,
            id.0
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What must survive a kill in the middle of an order, as JSON; `None` when there is nothing to go on with.
    ///
    /// # Errors
    /// The store failed.
    pub async fn progress(&self, id: CertificateId) -> Result<Option<String>, StoreError> {
        let progress = sqlx::query_scalar!("SELECT progress FROM certificates WHERE id = ?", id.0)
            .fetch_optional(&self.pool)
            .await?;
        Ok(progress.flatten())
    }

    /// Keeps the progress in place of what was kept.
    ///
    /// # Errors
    /// The store failed.
    pub async fn keep_progress(&self, id: CertificateId, progress: Option<&str>) -> Result<(), StoreError> {
        sqlx::query!("UPDATE certificates SET progress = ? WHERE id = ?", progress, id.0).execute(&self.pool).await?;
        Ok(())
    }

    /// Keeps when the next attempt is planned, for the page.
    ///
    /// # Errors
    /// The store failed.
    pub async fn plan_attempt(&self, id: CertificateId, at: Timestamp) -> Result<(), StoreError> {
        let at = at.unix();
        sqlx::query!("UPDATE certificates SET next_attempt_at = ? WHERE id = ?", at, id.0)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// What stands before the names of a certificate for FreeSWITCH. To JSON it is nothing; to the table, in which a text of names
/// stands once, it is another text: nginx and FreeSWITCH may each have a certificate for the same names.
const OF_FREESWITCH: &str = " ";

/// Names as the table keeps them: JSON, sorted, so that the same set is always the same text.
fn names_as_text(consumer: Consumer, names: &[CertificateName]) -> String {
    let mut names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.sort_unstable();
    names.dedup();
    let front = match consumer {
        Consumer::Nginx => "",
        Consumer::FreeSwitch => OF_FREESWITCH,
    };
    format!("{front}{}", serde_json::json!(names))
}

struct Row {
    id: i64,
    names: String,
    key_kind: String,
    generation: Option<i64>,
    issuer: Option<String>,
    serial: Option<String>,
    not_before: Option<i64>,
    not_after: Option<i64>,
    failures: i64,
    last_attempt_at: Option<i64>,
    last_failure: Option<String>,
    jitter: i64,
    next_attempt_at: Option<i64>,
    paused_until: Option<i64>,
    directory_url: Option<String>,
    profile: Option<String>,
    chain_root: Option<String>,
    void_since: Option<i64>,
    opens_at: Option<i64>,
    closes_at: Option<i64>,
    chosen_at: Option<i64>,
    explanation: Option<String>,
}

impl TryFrom<Row> for CertificateRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let damaged = |reason: String| StoreError::Damaged { table: "certificates", reason };
        let in_force = match (row.generation, row.issuer, row.serial, row.not_before, row.not_after) {
            (Some(generation), Some(issuer), Some(serial), Some(not_before), Some(not_after)) => Some(InForce {
                generation: Generation(u32::try_from(generation).map_err(|error| damaged(error.to_string()))?),
                issuer,
                serial,
                not_before: Timestamp::from_unix(not_before),
                not_after: Timestamp::from_unix(not_after),
            }),
            _ => None,
        };
        let window = match (row.opens_at, row.closes_at, row.chosen_at) {
            (Some(opens), Some(closes), Some(chosen)) => Some(RenewalWindow {
                opens: Timestamp::from_unix(opens),
                closes: Timestamp::from_unix(closes),
                chosen: Timestamp::from_unix(chosen),
                explanation: row.explanation,
            }),
            _ => None,
        };
        Ok(Self {
            window,
            choices: Choices { directory_url: row.directory_url, profile: row.profile, chain_root: row.chain_root },
            void_since: row.void_since.map(Timestamp::from_unix),
            id: CertificateId(row.id),
            consumer: if row.names.starts_with(OF_FREESWITCH) { Consumer::FreeSwitch } else { Consumer::Nginx },
            names: serde_json::from_str(&row.names).map_err(|error| damaged(error.to_string()))?,
            key: KeyKind::from_word(&row.key_kind).ok_or_else(|| damaged(format!("key {}", row.key_kind)))?,
            in_force,
            failures: u32::try_from(row.failures).unwrap_or(u32::MAX),
            last_attempt: row.last_attempt_at.map(Timestamp::from_unix),
            last_failure: row.last_failure,
            jitter: u32::try_from(row.jitter).unwrap_or(0),
            next_attempt: row.next_attempt_at.map(Timestamp::from_unix),
            paused_until: row.paused_until.map(Timestamp::from_unix),
        })
    }
}
