//! The one kind of write: known password settings, under compare-and-set, in one transaction.
//!
//! FusionPBX's own save knows no versions (`UPDATE … WHERE uuid`, `resources/classes/database.php`), so that we cannot
//! stop it from overwriting us later; but we never overwrite a value that the operator has not seen.

use sqlx::Connection;
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnection;

use crate::base::ids::{SettingId, TenantId};
use crate::fusionpbx::database::FusionPbx;
use crate::fusionpbx::error::FusionPbxError;
use crate::fusionpbx::settings::{SettingRow, Stored};
use crate::fusionpbx::statements::{Now, Statements};
use crate::policy::Key;

/// Where a setting is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `v_default_settings`.
    Global,
    /// An override that is there already, in `v_domain_settings`.
    Tenant(TenantId),
}

impl Scope {
    /// Whose setting it is; `None` for one that holds for all.
    #[must_use]
    pub const fn tenant(self) -> Option<TenantId> {
        match self {
            Self::Global => None,
            Self::Tenant(tenant) => Some(tenant),
        }
    }
}

/// What the operator saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// This row, so filled, in this version.
    Row {
        /// Which row.
        id: SettingId,
        /// What it said.
        stored: Stored,
        /// Its version.
        xmin: String,
    },
    /// No row of this setting at all.
    Missing,
}

impl From<&SettingRow> for Expected {
    fn from(row: &SettingRow) -> Self {
        Self::Row { id: row.id, stored: row.stored.clone(), xmin: row.xmin.clone() }
    }
}

/// One change that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub scope: Scope,
    /// Which setting. A [`Key`] is always one that we know, so that no other row can be written.
    pub key: Key,
    /// What the operator saw.
    pub expected: Expected,
    /// What it shall be.
    pub new: Stored,
}

/// A change that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Which row; a new one if there was none.
    pub id: SettingId,
    /// What it said before; `None` if the row is new.
    pub before: Option<Stored>,
    /// What it says now, with its new version.
    pub after: SettingRow,
}

/// Why nothing was changed, or why it is not known whether it was.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Somebody else changed the row since it was read. Nothing was changed.
    #[error("the setting was changed by someone else meanwhile")]
    Conflict {
        /// Which setting.
        key: Key,
        /// What the operator saw; `None` for no row.
        you_saw: Option<Stored>,
        /// What the operator wants.
        you_want: Stored,
        /// What is there now; `None` if the row is gone.
        now_there: Option<SettingRow>,
    },
    /// Our role may only read: it is a superuser, it has no grant, or the server is a standby. Nothing was changed.
    #[error("FusionPBX's database may only be read: {reason}")]
    ReadOnly {
        /// Why.
        reason: String,
    },
    /// Another session holds the row for longer than 2 seconds. Nothing was changed.
    #[error("the setting is being changed by someone else at this moment; try again")]
    Locked,
    /// The named row is of another setting or tenant, or a tenant has no row to change. Nothing was changed.
    #[error("there is no such password setting to change")]
    NotASetting,
    /// The connection broke while the change was being saved, and a second look failed too.
    #[error("the connection broke while saving: whether the setting was changed is not known; read it again")]
    OutcomeUnknown,
    /// The database did not answer. Nothing was changed.
    #[error("FusionPBX's database cannot be reached, nothing was changed")]
    Unreachable(#[source] FusionPbxError),
    /// The schema does not fit, or the database refused. Nothing was changed.
    #[error("the setting could not be changed")]
    Failed(#[source] FusionPbxError),
}

impl FusionPbx {
    /// Makes `change` if the row still is what the operator saw, value and version. Old before half: one transaction.
    ///
    /// A missing row is inserted under an advisory lock of the setting's name, and looked for again under that lock, so
    /// that two of our writers never insert it twice. A table lock would also hold off FusionPBX, which takes none; but
    /// column grants do not allow it, and its inserts come from upgrades only. A duplicate from there shows up as such in
    /// [`FusionPbx::global_policy`].
    ///
    /// # Errors
    /// Each variant of [`ChangeError`] says whether something was changed.
    pub async fn change_setting(&self, change: &Change) -> Result<Changed, ChangeError> {
        let mut changed = self.change_settings(std::slice::from_ref(change)).await?;
        changed.pop().ok_or(ChangeError::NotASetting)
    }

    /// Makes all of `changes`, or none of them. What was done stands in the same order.
    ///
    /// # Errors
    /// As [`FusionPbx::change_setting`], of the first that cannot be made.
    pub async fn change_settings(&self, changes: &[Change]) -> Result<Vec<Changed>, ChangeError> {
        let outcome = self.try_changes(changes).await;
        // Also after a conflict: whoever is shown what is there must not be shown what was.
        self.forget_answers();
        if matches!(&outcome, Err(ChangeError::Failed(error)) if error.is_about_schema()) {
            self.forget_schema();
        }
        outcome
    }

    /// A connection that may write.
    ///
    /// # Errors
    /// The role is a superuser, the server is a standby, or it does not answer.
    pub(super) async fn writable(&self) -> Result<PoolConnection<Postgres>, ChangeError> {
        let mut connection = self.pool.acquire().await.map_err(FusionPbxError::from)?;
        let may_write: bool = sqlx::query_scalar("SELECT current_setting('transaction_read_only') = 'off'")
            .fetch_one(&mut *connection)
            .await?;
        if may_write {
            return Ok(connection);
        }
        let reason =
            "the role is a superuser or FusionPBX's own, which Rampart never writes as, or the server is a standby";
        Err(ChangeError::ReadOnly { reason: reason.to_owned() })
    }

    async fn try_changes(&self, changes: &[Change]) -> Result<Vec<Changed>, ChangeError> {
        let schema = self.schema().await?;
        let wanted: Vec<(Statements, &Change)> = changes
            .iter()
            .map(|change| Ok((Statements::new(&schema, change.scope)?, change)))
            .collect::<Result<_, FusionPbxError>>()?;
        let mut connection = self.writable().await?;
        let mut transaction = connection.begin().await?;
        let mut done = Vec::new();
        for place in in_order(changes) {
            let Some((statements, change)) = wanted.get(place) else { continue };
            done.push((place, make(&mut transaction, statements, change).await?));
        }
        done.sort_by_key(|(place, _)| *place);
        let done: Vec<Changed> = done.into_iter().map(|(_, changed)| changed).collect();
        match transaction.commit().await {
            Ok(()) => Ok(done),
            Err(lost) => {
                drop(connection);
                self.look_again(&wanted, done, lost).await
            }
        }
    }

    /// The reply to COMMIT got lost: the rows themselves know whether it happened. Never a blind second try. Locking a row
    /// waits for the end of the lost transaction, so that what is seen is final; and it was one transaction, so that any
    /// row answers for all.
    async fn look_again(
        &self,
        wanted: &[(Statements, &Change)],
        done: Vec<Changed>,
        lost: sqlx::Error,
    ) -> Result<Vec<Changed>, ChangeError> {
        let mut is_undone = false;
        for ((statements, _), changed) in wanted.iter().zip(&done) {
            match statements.look(&self.pool, changed).await {
                Now::Made => return Ok(done),
                Now::AsBefore => is_undone = true,
                Now::Unclear => {}
            }
        }
        if is_undone { Err(ChangeError::Unreachable(lost.into())) } else { Err(ChangeError::OutcomeUnknown) }
    }
}

async fn make(
    connection: &mut PgConnection,
    statements: &Statements,
    change: &Change,
) -> Result<Changed, ChangeError> {
    match &change.expected {
        Expected::Row { id, stored, xmin } => statements.update(connection, change, (*id, stored, xmin)).await,
        Expected::Missing => statements.insert(connection, change).await,
    }
}

/// Places of `changes` in an order that every writer of ours has, so that two never wait for each other.
fn in_order(changes: &[Change]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..changes.len()).collect();
    places.sort_by_key(|place| {
        changes.get(*place).map(|change| {
            let id = match change.expected {
                Expected::Row { id, .. } => Some(id),
                Expected::Missing => None,
            };
            (change.scope.tenant(), change.key, id)
        })
    });
    places
}

impl From<FusionPbxError> for ChangeError {
    fn from(error: FusionPbxError) -> Self {
        match error {
            FusionPbxError::Forbidden { reason } => Self::ReadOnly { reason },
            error @ (FusionPbxError::Unreachable(_) | FusionPbxError::Denied { .. }) => Self::Unreachable(error),
            error => Self::Failed(error),
        }
    }
}

impl From<sqlx::Error> for ChangeError {
    fn from(error: sqlx::Error) -> Self {
        // https://www.postgresql.org/docs/15/errcodes-appendix.html: lock_not_available, deadlock_detected,
        // serialization_failure; query_canceled; read_only_sql_transaction.
        match error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() {
            Some("55P03" | "40P01" | "40001" | "57014") => Self::Locked,
            Some("25006") => Self::ReadOnly { reason: "the server or the session is read only".to_owned() },
            _ => FusionPbxError::from(error).into(),
        }
    }
}
