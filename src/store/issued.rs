//! Every certificate that a CA signed for us.

use crate::base::clock::Timestamp;
use crate::base::ids::CertificateId;
use crate::store::{Store, StoreError};
use crate::wire::answer::LeafFacts;
use crate::wire::request::Generation;

/// One signed certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedRow {
    /// What it is for.
    pub certificate: CertificateId,
    /// The agent's generation with its key.
    pub generation: Generation,
    /// The directory of the CA that signed it.
    pub directory_url: String,
    /// Its serial number, lower-case hex.
    pub serial: String,
    /// Its id in renewal windows (RFC 9773), where it has one.
    pub ari_id: Option<String>,
    /// The end of its validity.
    pub not_after: Timestamp,
    /// Leaf and intermediates, leaf first.
    pub chain_pem: String,
    /// When and why it was revoked.
    pub revoked: Option<(Timestamp, String)>,
}

/// What is to be kept of a new certificate.
#[derive(Clone, Copy, Debug)]
pub struct NewIssued<'a> {
    /// What it is for.
    pub certificate: CertificateId,
    /// The agent's generation with its key.
    pub generation: Generation,
    /// The directory of the CA that signed it.
    pub directory_url: &'a str,
    /// Its id in renewal windows.
    pub ari_id: Option<&'a str>,
    /// Leaf and intermediates.
    pub chain_pem: &'a str,
    /// What the leaf says.
    pub leaf: &'a LeafFacts,
}

impl Store {
    /// Keeps a signed certificate; keeping it again changes nothing.
    ///
    /// # Errors
    /// The store failed.
    pub async fn keep_issued(&self, new: NewIssued<'_>, now: Timestamp) -> Result<(), StoreError> {
        let (generation, now) = (i64::from(new.generation.0), now.unix());
        let (from, to) = (new.leaf.not_before.unix(), new.leaf.not_after.unix());
        sqlx::query!(
            "INSERT INTO issued (certificate_id, generation, directory_url, serial, ari_id, not_before, not_after,
                                 chain_pem, issued_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (certificate_id, generation) DO NOTHING",
            new.certificate.0,
            generation,
            new.directory_url,
            new.leaf.serial,
            new.ari_id,
            from,
            to,
            new.chain_pem,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// A certificate was revoked: what is in force of it must go.
    ///
    /// # Errors
    /// The store failed.
    pub async fn revoked(
        &self,
        certificate: CertificateId,
        generation: Generation,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (generation, now) = (i64::from(generation.0), now.unix());
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query!(
            "UPDATE issued SET revoked_at = ?, revoked_for = ? WHERE certificate_id = ? AND generation = ?",
            now,
            reason,
            certificate.0,
            generation
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "UPDATE certificates SET void_since = ?, next_attempt_at = NULL WHERE id = ? AND generation = ?",
            now,
            certificate.0,
            generation
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// One signed certificate, if it was signed since Rampart keeps them.
    ///
    /// # Errors
    /// The store failed.
    pub async fn issued(
        &self,
        certificate: CertificateId,
        generation: Generation,
    ) -> Result<Option<IssuedRow>, StoreError> {
        let generation = i64::from(generation.0);
        let row = sqlx::query!(
            "SELECT certificate_id, generation, directory_url, serial, ari_id, not_after, chain_pem, revoked_at,
                    revoked_for
             FROM issued WHERE certificate_id = ? AND generation = ?",
            certificate.0,
            generation
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            Ok(IssuedRow {
                certificate: CertificateId(row.certificate_id),
                generation: Generation(
                    u32::try_from(row.generation)
                        .map_err(|error| StoreError::Damaged { table: "issued", reason: error.to_string() })?,
                ),
                directory_url: row.directory_url,
                serial: row.serial,
                ari_id: row.ari_id,
                not_after: Timestamp::from_unix(row.not_after),
                chain_pem: row.chain_pem,
                revoked: row.revoked_at.map(Timestamp::from_unix).zip(row.revoked_for),
            })
        })
        .transpose()
    }
}
