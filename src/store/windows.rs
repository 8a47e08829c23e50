//! When each CA would like a certificate in force to be renewed (RFC 9773), and when it is asked next.

use crate::base::clock::Timestamp;
use crate::base::ids::CertificateId;
use crate::store::{Store, StoreError};

/// A certificate whose CA is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowDue {
    /// Which one.
    pub certificate: CertificateId,
    /// Its CA's directory.
    pub directory_url: String,
    /// Its id there.
    pub ari_id: String,
    /// The window that is known, with the moment that was chosen in it: start, end, chosen.
    pub known: Option<(Timestamp, Timestamp, Timestamp)>,
    /// How many askings in a row gave no window.
    pub failures: u32,
}

/// A window as it is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewWindow<'a> {
    /// Its start.
    pub opens: Timestamp,
    /// Its end.
    pub closes: Timestamp,
    /// The moment chosen in it.
    pub chosen: Timestamp,
    /// Where the CA says why.
    pub explanation: Option<&'a str>,
}

impl Store {
    /// Certificates in force whose CA may be asked at `now`, the longest overdue first. One that has expired is not asked
    /// for any more.
    ///
    /// # Errors
    /// The store failed.
    pub async fn windows_due(&self, now: Timestamp, limit: u32) -> Result<Vec<WindowDue>, StoreError> {
        let now = now.unix();
        let rows = sqlx::query!(
            "SELECT certificate_id, directory_url, ari_id, opens_at, closes_at, chosen_at, failures
             FROM renewal_windows
             WHERE ask_at <= ? AND not_after > ?
             ORDER BY ask_at LIMIT ?",
            now,
            now,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| WindowDue {
                certificate: CertificateId(row.certificate_id),
                directory_url: row.directory_url,
                ari_id: row.ari_id,
                known: match (row.opens_at, row.closes_at, row.chosen_at) {
                    (Some(opens), Some(closes), Some(chosen)) => {
                        let at = Timestamp::from_unix;
                        Some((at(opens), at(closes), at(chosen)))
                    }
                    _ => None,
                },
                failures: u32::try_from(row.failures).unwrap_or(u32::MAX),
            })
            .collect())
    }

    /// The CA named a window for the certificate that is known under `ari_id`; nothing is kept if another is in force by
    /// now.
    ///
    /// # Errors
    /// The store failed.
    pub async fn keep_window(
        &self,
        (certificate, ari_id): (CertificateId, &str),
        window: NewWindow<'_>,
        ask_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (opens, closes, chosen) = (window.opens.unix(), window.closes.unix(), window.chosen.unix());
        let (ask_at, now) = (ask_at.unix(), now.unix());
        sqlx::query!(
            "UPDATE renewal_windows
             SET opens_at = ?, closes_at = ?, chosen_at = ?, explanation = ?, asked_at = ?, ask_at = ?, failures = 0,
                 trouble = NULL
             WHERE certificate_id = ? AND ari_id = ?",
            opens,
            closes,
            chosen,
            window.explanation,
            now,
            ask_at,
            certificate.0,
            ari_id
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The CA named no window: what is known stays, and it is asked again at `ask_at`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn window_failed(
        &self,
        (certificate, ari_id): (CertificateId, &str),
        trouble: &str,
        ask_at: Timestamp,
    ) -> Result<(), StoreError> {
        let ask_at = ask_at.unix();
        sqlx::query!(
            "UPDATE renewal_windows SET failures = failures + 1, trouble = ?, ask_at = ?
             WHERE certificate_id = ? AND ari_id = ?",
            trouble,
            ask_at,
            certificate.0,
            ari_id
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
