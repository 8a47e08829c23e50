//! A new key for everything that is sealed. Cut off at any point, it is taken up again by the next call: the key file
//! holds both keys until the last value is sealed with the new one.

use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use crate::base::rng::Random;
use crate::store::key_file::new_key;
use crate::store::seal::{SealError, key_id};
use crate::store::{Store, StoreError, accounts, batches, dns, trail};

/// A column whose values are sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedColumn {
    /// Its table.
    pub table: &'static str,
    /// Its name.
    pub column: &'static str,
    /// The place that its values are sealed for.
    pub place: &'static str,
}

/// Every column whose values are sealed: each `BLOB` of the schema that is no digest.
pub const SEALED: [SealedColumn; 7] = [
    SealedColumn { table: "acme_accounts", column: "account_key", place: accounts::KEY },
    SealedColumn { table: "acme_accounts", column: "credentials", place: accounts::CREDENTIALS },
    SealedColumn { table: "dns_credentials", column: "secrets", place: dns::SECRETS },
    SealedColumn { table: "acme_accounts", column: "next_key", place: accounts::NEXT_KEY },
    SealedColumn { table: "rotation_batches", column: "secrets", place: batches::SECRETS },
    SealedColumn { table: "trail_head", column: "sealed", place: trail::HEAD },
    SealedColumn { table: "trail_agent", column: "sealed", place: trail::AGENT_END },
];

impl Store {
    /// Makes a new key, seals every secret anew with it and lets the old one go; or ends what a rotation before this one
    /// left half done. Hands back how many secrets were sealed anew. Everybody else can open meanwhile, and writes after it.
    ///
    /// # Errors
    /// The key cannot be replaced, a secret does not open, or the disk refused. Then both keys stay in force.
    pub async fn rotate_key(&self, random: &dyn Random) -> Result<usize, StoreError> {
        if self.seal.file.is_credential() {
            return Err(SealError::Credential.into());
        }
        let _alone = self.seal.alone().await?;
        // From here to the commit nobody seals: who does holds this same lock (see `Seal::seal`).
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let mut keys = self.seal.refresh()?;
        if keys.is_empty() {
            return Err(SealError::KeyFileMissing { path: self.seal.file.path().to_owned() }.into());
        }
        if keys.len() == 1 {
            keys.insert(0, new_key(random));
            self.seal.file.replace(&keys.iter().collect::<Vec<_>>())?;
            self.seal.refresh()?;
        }
        let mut count = 0;
        for column in SEALED {
            count += self.seal_anew(&mut transaction, column).await?;
        }
        transaction.commit().await?;
        // The commit is on the disk (synchronous=FULL): from here on nothing needs the old key.
        self.seal.file.replace(&keys.iter().take(1).collect::<Vec<_>>())?;
        self.seal.refresh()?;
        Ok(count)
    }

    async fn seal_anew(&self, on: &mut SqliteConnection, sealed: SealedColumn) -> Result<usize, StoreError> {
        let SealedColumn { table, column, place } = sealed;
        let present = self.seal.present();
        let read = format!("SELECT rowid AS number, {column} AS body FROM {table} WHERE {column} IS NOT NULL");
        let write = format!("UPDATE {table} SET {column} = ? WHERE rowid = ?");
        let mut count = 0;
        for row in sqlx::query(AssertSqlSafe(read)).fetch_all(&mut *on).await? {
            let (number, body): (i64, Vec<u8>) = (row.try_get("number")?, row.try_get("body")?);
            if key_id(&body).is_some() && key_id(&body) == present {
                continue;
            }
            let anew = self.seal.seal(place, &self.seal.unseal(place, &body)?)?;
            sqlx::query(AssertSqlSafe(write.clone())).bind(anew).bind(number).execute(&mut *on).await?;
            count += 1;
        }
        Ok(count)
    }
}

/// Whether the store holds a sealed secret.
///
/// # Errors
/// The store failed.
pub(super) async fn is_in_use(pool: &sqlx::SqlitePool) -> Result<bool, sqlx::Error> {
    for SealedColumn { table, column, .. } in SEALED {
        let any = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {column} IS NOT NULL)");
        if sqlx::query_scalar::<_, bool>(AssertSqlSafe(any)).fetch_one(pool).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
