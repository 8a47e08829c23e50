//! People who may sign in, and the one-time link that lets the first of them in.

use crate::base::clock::Timestamp;
use crate::base::encoding::sha256_hex;
use crate::base::ids::{OperatorId, TenantId};
use crate::base::role::{Post, Role};
use crate::base::secret::Secret;
use crate::store::{Store, StoreError};

/// One operator's row.
#[derive(Clone, Debug)]
pub struct OperatorRow {
    /// Its id.
    pub id: OperatorId,
    /// The name used to sign in.
    pub name: String,
    /// The argon2id hash, in PHC form.
    pub password_hash: Secret<String>,
    /// Whether the account may not sign in.
    pub disabled: bool,
}

/// An account as each request needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// Its id.
    pub id: OperatorId,
    /// The name used to sign in.
    pub name: String,
    /// What it is for, with the domain that it is bound to.
    pub post: Post,
}

/// The name is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an operator of that name is there already")]
pub struct NameTaken;

impl Store {
    /// The operator called `name`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn operator_named(&self, name: &str) -> Result<Option<OperatorRow>, StoreError> {
        let row = sqlx::query!("SELECT id, name, password_hash, disabled_at FROM operators WHERE name = ?", name)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(|row| OperatorRow {
            id: OperatorId(row.id),
            name: row.name,
            // An invited account has no password until its link was used.
            disabled: row.disabled_at.is_some() || row.password_hash.is_empty(),
            password_hash: Secret::new(row.password_hash),
        }))
    }

    /// Who the operator `id` is and what they are bound to, unless the account is disabled or gone.
    ///
    /// # Errors
    /// The store failed, or a tenant's operator has no domain that can be read.
    pub async fn visitor(&self, id: OperatorId) -> Result<Option<Visitor>, StoreError> {
        let row = sqlx::query!(
            "SELECT name, role, domain_uuid, domain_name FROM operators WHERE id = ? AND disabled_at IS NULL",
            id.0
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let post = post(&row.role, row.domain_uuid, row.domain_name)?;
        Ok(Some(Visitor { id, name: row.name, post }))
    }

    /// How many operators there are.
    ///
    /// # Errors
    /// The store failed.
    pub async fn count_operators(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar!("SELECT COUNT(*) FROM operators").fetch_one(&self.pool).await?)
    }

    /// Adds an operator. `Err(NameTaken)` inside `Ok` if the name is in use.
    ///
    /// # Errors
    /// The store failed.
    pub async fn add_operator(
        &self,
        name: &str,
        post: &Post,
        password_hash: &Secret<String>,
        now: Timestamp,
    ) -> Result<Result<OperatorId, NameTaken>, StoreError> {
        let (hash, now) = (password_hash.expose(), now.unix());
        let (role, (id, domain)) = (post.role().word(), post.domain().unzip());
        let id = id.map(|id| id.to_string());
        let row = sqlx::query_scalar!(
            "INSERT INTO operators (name, password_hash, created_at, role, domain_uuid, domain_name)
             VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (name) DO NOTHING RETURNING id",
            name,
            hash,
            now,
            role,
            id,
            domain
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(OperatorId).ok_or(NameTaken))
    }

    /// Gives an operator a new password and ends all of the operator's sessions. `false` if there is no such operator.
    ///
    /// # Errors
    /// The store failed.
    pub async fn reset_operator(&self, name: &str, password_hash: &Secret<String>) -> Result<bool, StoreError> {
        let hash = password_hash.expose();
        let mut transaction = self.pool.begin().await?;
        let id = sqlx::query_scalar!(
            "UPDATE operators SET password_hash = ?, disabled_at = NULL WHERE name = ? RETURNING id",
            hash,
            name
        )
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(id) = id else { return Ok(false) };
        sqlx::query!("DELETE FROM sessions WHERE operator_id = ?", id).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// The operator `id`, disabled or not.
    ///
    /// # Errors
    /// The store failed.
    pub async fn operator(&self, id: OperatorId) -> Result<Option<OperatorRow>, StoreError> {
        let row = sqlx::query!("SELECT id, name, password_hash, disabled_at FROM operators WHERE id = ?", id.0)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(|row| OperatorRow {
            id: OperatorId(row.id),
            name: row.name,
            password_hash: Secret::new(row.password_hash),
            disabled: row.disabled_at.is_some(),
        }))
    }

    /// Gives an operator a new password where the present one is still `former`, and ends all of the operator's
    /// sessions but the one of `kept`. Answers how many sessions ended; `None` if the password is another one by now.
    ///
    /// # Errors
    /// The store failed.
    pub async fn change_password(
        &self,
        id: OperatorId,
        (former, fresh): (&Secret<String>, &Secret<String>),
        kept: &str,
    ) -> Result<Option<u64>, StoreError> {
        let (former, fresh) = (former.expose(), fresh.expose());
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let changed = sqlx::query!(
            "UPDATE operators SET password_hash = ? WHERE id = ? AND password_hash = ? AND disabled_at IS NULL",
            fresh,
            id.0,
            former
        )
        .execute(&mut *transaction)
        .await?;
        if changed.rows_affected() != 1 {
            return Ok(None);
        }
        let gone = sqlx::query!("DELETE FROM sessions WHERE operator_id = ? AND digest <> ?", id.0, kept)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(Some(gone.rows_affected()))
    }

    /// Keeps the digest of a one-time setup link.
    ///
    /// # Errors
    /// The store failed.
    pub async fn add_setup_link(&self, token: &Secret<String>, expires: Timestamp) -> Result<(), StoreError> {
        let (digest, expires) = (sha256_hex(token.expose().as_bytes()), expires.unix());
        sqlx::query!("INSERT INTO setup_links (digest, expires_at) VALUES (?, ?)", digest, expires)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Whether `token` opens a setup link that is neither used nor expired, while nobody can sign in yet.
    ///
    /// # Errors
    /// The store failed.
    pub async fn setup_link_is_open(&self, token: &str, now: Timestamp) -> Result<bool, StoreError> {
        let (digest, now) = (sha256_hex(token.as_bytes()), now.unix());
        let found = sqlx::query_scalar!(
            "SELECT COUNT(*) FROM setup_links
             WHERE digest = ? AND used_at IS NULL AND expires_at > ? AND NOT EXISTS (SELECT 1 FROM operators)",
            digest,
            now
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(found == 1)
    }

    /// Uses up a setup link and adds the operator, both or neither. `None` if the link is not open.
    ///
    /// # Errors
    /// The store failed.
    pub async fn add_operator_by_link(
        &self,
        token: &str,
        name: &str,
        password_hash: &Secret<String>,
        now: Timestamp,
    ) -> Result<Option<Result<OperatorId, NameTaken>>, StoreError> {
        let (digest, hash, now) = (sha256_hex(token.as_bytes()), password_hash.expose(), now.unix());
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let used = sqlx::query!(
            "UPDATE setup_links SET used_at = ?
             WHERE digest = ? AND used_at IS NULL AND expires_at > ? AND NOT EXISTS (SELECT 1 FROM operators)",
            now,
            digest,
            now
        )
        .execute(&mut *transaction)
        .await?;
        if used.rows_affected() != 1 {
            return Ok(None);
        }
        let id = sqlx::query_scalar!(
            "INSERT INTO operators (name, password_hash, created_at, role) VALUES (?, ?, ?, 'operator')
             ON CONFLICT (name) DO NOTHING RETURNING id",
            name,
            hash,
            now
        )
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(id) = id else { return Ok(Some(Err(NameTaken))) };
        transaction.commit().await?;
        Ok(Some(Ok(OperatorId(id))))
    }
}

/// The post as the table keeps it.
pub(super) fn post(role: &str, domain: Option<String>, name: Option<String>) -> Result<Post, StoreError> {
    let role: Role = role.parse().map_err(|error| damaged(&error))?;
    let id = domain.map(|domain| domain.parse::<TenantId>()).transpose().map_err(|error| damaged(&error))?;
    Post::of(role, id.zip(name)).ok_or_else(|| damaged(&"a tenant without a domain"))
}

fn damaged(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged { table: "operators", reason: error.to_string() }
}
