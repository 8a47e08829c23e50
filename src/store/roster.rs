//! Everyone who has an account, what they are for, and the one-time links of those who are invited.

use crate::base::clock::Timestamp;
use crate::base::encoding::sha256_hex;
use crate::base::ids::OperatorId;
use crate::base::role::Post;
use crate::base::secret::Secret;
use crate::store::operators::{NameTaken, post};
use crate::store::{Store, StoreError};

/// Accounts that are listed.
const MOST: u32 = 500;

/// One account as the list of them shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: OperatorId,
    /// The name used to sign in.
    pub name: String,
    /// What it is for.
    pub post: Post,
    /// When it was added.
    pub created: Timestamp,
    /// Since when it may not sign in.
    pub disabled: Option<Timestamp>,
    /// Whether nobody has set its password yet.
    pub invited: bool,
    /// When somebody last signed in with it.
    pub last_sign_in: Option<Timestamp>,
    /// How many sessions it has that are not over.
    pub sessions: u32,
}

/// How a change of an account ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rostered {
    /// It is done.
    Done,
    /// Nothing was changed: nobody else could manage the accounts then.
    LastOperator,
    /// There is no such account.
    Unknown,
}

impl Store {
    /// Every account, by name, at most 500.
    ///
    /// # Errors
    /// The store failed.
    pub async fn roster(&self) -> Result<Vec<Account>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT operators.id AS "id!", operators.name, role, domain_uuid, domain_name, operators.created_at,
                      disabled_at, password_hash = '' AS "invited!: bool",
                      (SELECT o.at FROM trail AS o JOIN trail AS c ON c.kind = 'close' AND c.entry = o.id
                       WHERE o.kind = 'open' AND o.act = 'session.sign-in' AND o.subject = operators.name
                         AND c.outcome = 'done'
                       ORDER BY o.id DESC LIMIT 1) AS "last_sign_in: i64",
                      (SELECT COUNT(*) FROM sessions WHERE operator_id = operators.id) AS "sessions!: i64"
               FROM operators ORDER BY operators.name COLLATE NOCASE, operators.id LIMIT ?"#,
            MOST
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Account::try_from).collect()
    }

    /// The name and post of one account.
    ///
    /// # Errors
    /// The store failed.
    pub async fn post_of(&self, id: OperatorId) -> Result<Option<(String, Post)>, StoreError> {
        let row = sqlx::query!("SELECT name, role, domain_uuid, domain_name FROM operators WHERE id = ?", id.0)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| Ok((row.name, post(&row.role, row.domain_uuid, row.domain_name)?))).transpose()
    }

    /// The id of the account called `name`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn account_named(&self, name: &str) -> Result<Option<OperatorId>, StoreError> {
        let id = sqlx::query_scalar!("SELECT id FROM operators WHERE name = ?", name).fetch_optional(&self.pool);
        Ok(id.await?.map(OperatorId))
    }

    /// Gives an account another role. Whether another operator is left is asked in the same statement, so that two who
    /// demote each other at once do not both succeed.
    ///
    /// # Errors
    /// The store failed.
    pub async fn give_post(&self, id: OperatorId, post: &Post) -> Result<Rostered, StoreError> {
        let (role, (domain, name)) = (post.role().word(), post.domain().unzip());
        let domain = domain.map(|domain| domain.to_string());
        let changed = sqlx::query!(
            "UPDATE operators SET role = ?, domain_uuid = ?, domain_name = ?
             WHERE id = ?
               AND (? = 'operator' OR role <> 'operator' OR disabled_at IS NOT NULL OR password_hash = ''
                    OR EXISTS (SELECT 1 FROM operators AS other
                               WHERE other.id <> operators.id AND other.role = 'operator'
                                 AND other.disabled_at IS NULL AND other.password_hash <> ''))",
            role,
            domain,
            name,
            id.0,
            role
        )
        .execute(&self.pool)
        .await?;
        self.rostered(id, changed.rows_affected()).await
    }

    /// Shuts an account out and ends its sessions, unless it is the last operator's.
    ///
    /// # Errors
    /// The store failed.
    pub async fn disable_account(&self, id: OperatorId, now: Timestamp) -> Result<Rostered, StoreError> {
        let now = now.unix();
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let changed = sqlx::query!(
            "UPDATE operators SET disabled_at = coalesce(disabled_at, ?)
             WHERE id = ?
               AND (role <> 'operator' OR disabled_at IS NOT NULL OR password_hash = ''
                    OR EXISTS (SELECT 1 FROM operators AS other
                               WHERE other.id <> operators.id AND other.role = 'operator'
                                 AND other.disabled_at IS NULL AND other.password_hash <> ''))",
            now,
            id.0
        )
        .execute(&mut *transaction)
        .await?;
        if changed.rows_affected() == 1 {
            sqlx::query!("DELETE FROM sessions WHERE operator_id = ?", id.0).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        self.rostered(id, changed.rows_affected()).await
    }

    /// Lets an account in again.
    ///
    /// # Errors
    /// The store failed.
    pub async fn enable_account(&self, id: OperatorId) -> Result<Rostered, StoreError> {
        let changed =
            sqlx::query!("UPDATE operators SET disabled_at = NULL WHERE id = ?", id.0).execute(&self.pool).await?;
        self.rostered(id, changed.rows_affected()).await
    }

    async fn rostered(&self, id: OperatorId, changed: u64) -> Result<Rostered, StoreError> {
        if changed == 1 {
            return Ok(Rostered::Done);
        }
        Ok(if self.post_of(id).await?.is_some() { Rostered::LastOperator } else { Rostered::Unknown })
    }

    /// Adds an account without a password, and the digest of the link that sets one; both or neither.
    ///
    /// # Errors
    /// The store failed.
    pub async fn invite(
        &self,
        name: &str,
        post: &Post,
        token: &Secret<String>,
        (now, expires): (Timestamp, Timestamp),
    ) -> Result<Result<OperatorId, NameTaken>, StoreError> {
        let (role, (domain, domain_name)) = (post.role().word(), post.domain().unzip());
        let (domain, now, expires) = (domain.map(|domain| domain.to_string()), now.unix(), expires.unix());
        let digest = sha256_hex(token.expose().as_bytes());
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let id = sqlx::query_scalar!(
            "INSERT INTO operators (name, password_hash, created_at, role, domain_uuid, domain_name)
             VALUES (?, '', ?, ?, ?, ?)
             ON CONFLICT (name) DO NOTHING RETURNING id",
            name,
            now,
            role,
            domain,
            domain_name
        )
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(id) = id else { return Ok(Err(NameTaken)) };
        sqlx::query!(
            "INSERT INTO invitations (digest, operator_id, expires_at) VALUES (?, ?, ?)",
            digest,
            id,
            expires
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Ok(OperatorId(id)))
    }

    /// Puts another link in place of an invited account's former ones. `false` if nobody is invited under that id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn invite_again(
        &self,
        id: OperatorId,
        token: &Secret<String>,
        expires: Timestamp,
    ) -> Result<bool, StoreError> {
        let (digest, expires) = (sha256_hex(token.expose().as_bytes()), expires.unix());
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query!("DELETE FROM invitations WHERE operator_id = ?", id.0).execute(&mut *transaction).await?;
        let added = sqlx::query!(
            "INSERT INTO invitations (digest, operator_id, expires_at)
             SELECT ?, id, ? FROM operators WHERE id = ? AND password_hash = '' AND disabled_at IS NULL",
            digest,
            expires,
            id.0
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(added.rows_affected() == 1)
    }

    /// The name of the account that `token` invites: the link is neither used nor expired, the account has no password
    /// yet and is not disabled.
    ///
    /// # Errors
    /// The store failed.
    pub async fn invited(&self, token: &str, now: Timestamp) -> Result<Option<String>, StoreError> {
        let (digest, now) = (sha256_hex(token.as_bytes()), now.unix());
        let name = sqlx::query_scalar!(
            "SELECT name FROM invitations JOIN operators ON operators.id = operator_id
             WHERE digest = ? AND used_at IS NULL AND expires_at > ? AND password_hash = '' AND disabled_at IS NULL",
            digest,
            now
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(name)
    }

    /// Uses up an invitation and keeps the password, both or neither. `None` if the link is not open.
    ///
    /// # Errors
    /// The store failed.
    pub async fn accept_invitation(
        &self,
        token: &str,
        password_hash: &Secret<String>,
        now: Timestamp,
    ) -> Result<Option<OperatorId>, StoreError> {
        let (digest, hash, now) = (sha256_hex(token.as_bytes()), password_hash.expose(), now.unix());
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let id = sqlx::query_scalar!(
            "UPDATE invitations SET used_at = ? WHERE digest = ? AND used_at IS NULL AND expires_at > ?
             RETURNING operator_id",
            now,
            digest,
            now
        )
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(id) = id else { return Ok(None) };
        let kept = sqlx::query!(
            "UPDATE operators SET password_hash = ? WHERE id = ? AND password_hash = '' AND disabled_at IS NULL",
            hash,
            id
        )
        .execute(&mut *transaction)
        .await?;
        if kept.rows_affected() != 1 {
            return Ok(None);
        }
        transaction.commit().await?;
        Ok(Some(OperatorId(id)))
    }
}

struct Row {
    id: i64,
    name: String,
    role: String,
    domain_uuid: Option<String>,
    domain_name: Option<String>,
    created_at: i64,
    disabled_at: Option<i64>,
    invited: bool,
    last_sign_in: Option<i64>,
    sessions: i64,
}

impl TryFrom<Row> for Account {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: OperatorId(row.id),
            name: row.name,
            post: post(&row.role, row.domain_uuid, row.domain_name)?,
            created: Timestamp::from_unix(row.created_at),
            disabled: row.disabled_at.map(Timestamp::from_unix),
            invited: row.invited,
            last_sign_in: row.last_sign_in.map(Timestamp::from_unix),
            sessions: u32::try_from(row.sessions).unwrap_or(u32::MAX),
        })
    }
}
