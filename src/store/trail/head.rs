//! Where the chain begins and ends: sealed, so that whoever can only write the file cannot make another end.

use sqlx::SqliteConnection;

use crate::base::hash_chain::{Hash, Tip};
use crate::base::secret::Secret;
use crate::store::StoreError;
use crate::store::seal::Seal;

/// What the seal is bound to.
pub(in crate::store) const PLACE: &str = "trail_head.sealed";

/// Where the chain begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The record before the first one that is kept.
    pub(super) start: Tip,
    /// The last record.
    pub(super) end: Tip,
}

/// A head as it was found.
#[derive(Debug)]
pub(super) enum Found {
    /// Sealed by this store, or nothing was ever written.
    Good(Head),
    /// Not sealed by this store; the rows say this.
    Forged {
        /// What the rows look like.
        rows: Head,
        /// What is wrong, in words.
        words: String,
    },
}

impl Head {
    fn words(&self) -> Secret<String> {
        let Self { start, end } = self;
        Secret::new(format!("{} {} {} {}", start.number, start.hash, end.number, end.hash))
    }

    /// Reads the head, and whether it is ours.
    ///
    /// # Errors
    /// The store failed.
    pub(super) async fn find(connection: &mut SqliteConnection, seal: &Seal) -> Result<Found, StoreError> {
        let row = sqlx::query!("SELECT first, before, number, hash, sealed FROM trail_head")
            .fetch_optional(&mut *connection)
            .await?;
        let Some(row) = row else {
            let rows = Self::of_rows(connection, None).await?;
            return Ok(Found::Forged { rows, words: "the note of the trail's end is gone".to_owned() });
        };
        let head = match (Hash::from_slice(&row.before), Hash::from_slice(&row.hash)) {
            (Some(before), Some(hash)) => Self {
                start: Tip { number: row.first.saturating_sub(1), hash: before },
                end: Tip { number: row.number, hash },
            },
            _ => Self { start: Tip::BEGINNING, end: Tip::BEGINNING },
        };
        let is_ours = match &row.sealed {
            Some(sealed) => seal.unseal(PLACE, sealed).is_ok_and(|words| words.expose() == head.words().expose()),
            None => head.end == Tip::BEGINNING && Self::of_rows(connection, Some(&head)).await?.end == Tip::BEGINNING,
        };
        if is_ours {
            return Ok(Found::Good(head));
        }
        let rows = Self::of_rows(connection, Some(&head)).await?;
        let words = format!("the note of the trail's end (record {}) was not made by this store", head.end.number);
        Ok(Found::Forged { rows, words })
    }

    /// Where the rows end, whatever the head says; they begin where it says.
    async fn of_rows(connection: &mut SqliteConnection, head: Option<&Self>) -> Result<Self, StoreError> {
        let last = sqlx::query!(r#"SELECT id AS "id!", hash FROM trail ORDER BY id DESC LIMIT 1"#)
            .fetch_optional(connection)
            .await?;
        let start = head.map_or(Tip::BEGINNING, |head| head.start);
        let end = last.map_or(start, |row| Tip {
            number: row.id,
            hash: Hash::from_slice(&row.hash).unwrap_or(Hash::BEGINNING),
        });
        Ok(Self { start, end })
    }

    /// Seals the head and puts it in its place.
    ///
    /// # Errors
    /// The store failed.
    pub(super) async fn keep(&self, connection: &mut SqliteConnection, seal: &Seal) -> Result<(), StoreError> {
        let sealed = seal.seal(PLACE, &self.words())?;
        let first = self.start.number.saturating_add(1);
        let (before, hash) = (&self.start.hash.bytes()[..], &self.end.hash.bytes()[..]);
        sqlx::query!(
            "INSERT INTO trail_head (one, first, before, number, hash, sealed) VALUES (1, ?, ?, ?, ?, ?)
             ON CONFLICT (one) DO UPDATE
             SET first = excluded.first, before = excluded.before, number = excluded.number, hash = excluded.hash,
                 sealed = excluded.sealed",
            first,
            before,
            self.end.number,
            hash,
            sealed
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}
