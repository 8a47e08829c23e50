//! What was asked of each CA so far, for `acme::budget`.

use std::time::Duration;

use sqlx::SqliteConnection;

use crate::acme::budget::{Ask, Limits, Overdrawn, Spent, may_order, registered_domain};
use crate::base::clock::Timestamp;
use crate::base::names::CertificateName;
use crate::store::{Store, StoreError};

/// What is older than any limit looks back.
const KEPT: Duration = Duration::from_hours(8 * 24);

impl Store {
    /// Counts a new order for `names`, if there is room for it; looked at and counted as one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn spend_order(
        &self,
        directory_url: &str,
        names: &[CertificateName],
        ask: Ask,
        now: Timestamp,
    ) -> Result<Option<Overdrawn>, StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        forget(&mut transaction, now).await?;
        let mut spent = Spent {
            orders: moments(&mut transaction, (directory_url, "order", ""), Whose::Counted).await?,
            same_names: moments(&mut transaction, (directory_url, "names", &set(names)), Whose::All).await?,
            ..Spent::default()
        };
        for domain in domains(names) {
            let at = moments(&mut transaction, (directory_url, "domain", &domain), Whose::Counted).await?;
            spent.domains.push((domain, at));
        }
        for name in names {
            let name = name.to_string();
            let at = moments(&mut transaction, (directory_url, "refused", &name), Whose::All).await?;
            spent.refused.push((name, at));
        }
        if let Err(held) = may_order(&Limits::of(directory_url), &spent, ask, now) {
            return Ok(Some(held));
        }
        count(&mut transaction, (directory_url, "order", ""), ask.is_exempt, now).await?;
        transaction.commit().await?;
        Ok(None)
    }

    /// Counts a certificate for `names` that is about to be signed.
    ///
    /// # Errors
    /// The store failed.
    pub async fn spend_certificate(
        &self,
        directory_url: &str,
        names: &[CertificateName],
        is_exempt: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        count(&mut transaction, (directory_url, "names", &set(names)), is_exempt, now).await?;
        for domain in domains(names) {
            count(&mut transaction, (directory_url, "domain", &domain), is_exempt, now).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Counts a refused proof of each of `names`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn proofs_refused(
        &self,
        directory_url: &str,
        names: &[String],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for name in names {
            count(&mut transaction, (directory_url, "refused", name), false, now).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Everything that counts at one CA at the moment, for a plan: orders, and certificates for each registered domain.
    ///
    /// # Errors
    /// The store failed.
    pub async fn spent_at(&self, directory_url: &str, now: Timestamp) -> Result<Spent, StoreError> {
        let from = now.minus(KEPT).unix();
        let rows = sqlx::query!(
            "SELECT kind, subject, at FROM ca_spent
             WHERE directory_url = ? AND is_exempt = 0 AND at > ? AND kind IN ('order', 'domain')
             ORDER BY subject, at LIMIT 100000",
            directory_url,
            from
        )
        .fetch_all(&self.pool)
        .await?;
        let mut spent = Spent::default();
        for row in rows {
            let at = Timestamp::from_unix(row.at);
            if row.kind == "order" {
                spent.orders.push(at);
                continue;
            }
            match spent.domains.last_mut() {
                Some((domain, moments)) if *domain == row.subject => moments.push(at),
                _ => spent.domains.push((row.subject, vec![at])),
            }
        }
        Ok(spent)
    }
}

/// Which rows are meant.
#[derive(Clone, Copy, PartialEq)]
enum Whose {
    Counted,
    All,
}

async fn moments(
    on: &mut SqliteConnection,
    (directory_url, kind, subject): (&str, &str, &str),
    whose: Whose,
) -> Result<Vec<Timestamp>, StoreError> {
    let with_exempt = whose == Whose::All;
    let rows = sqlx::query_scalar!(
        "SELECT at FROM ca_spent
         WHERE directory_url = ? AND kind = ? AND subject = ? AND (? OR is_exempt = 0)
         ORDER BY at DESC LIMIT 2000",
        directory_url,
        kind,
        subject,
        with_exempt
    )
    .fetch_all(on)
    .await?;
    Ok(rows.into_iter().map(Timestamp::from_unix).collect())
}

async fn count(
    on: &mut SqliteConnection,
    (directory_url, kind, subject): (&str, &str, &str),
    is_exempt: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let now = now.unix();
    sqlx::query!(
        "INSERT INTO ca_spent (directory_url, kind, subject, at, is_exempt) VALUES (?, ?, ?, ?, ?)",
        directory_url,
        kind,
        subject,
        now,
        is_exempt
    )
    .execute(on)
    .await?;
    Ok(())
}

/// Lets go what no limit looks back to.
async fn forget(on: &mut SqliteConnection, now: Timestamp) -> Result<(), StoreError> {
    let old = now.minus(KEPT).unix();
    sqlx::query!("DELETE FROM ca_spent WHERE at < ?", old).execute(on).await?;
    Ok(())
}

fn domains(names: &[CertificateName]) -> Vec<String> {
    let mut domains: Vec<String> = names.iter().map(registered_domain).collect();
    domains.sort_unstable();
    domains.dedup();
    domains
}

/// The same names in any order are the same set.
fn set(names: &[CertificateName]) -> String {
    let mut names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.sort_unstable();
    names.join(" ")
}
