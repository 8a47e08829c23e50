//! The one kind of write: a known password setting, under compare-and-set, in one transaction.
//!
//! FusionPBX's own save knows no versions (`UPDATE … WHERE uuid`, `resources/classes/database.php`), so that we cannot
//! stop it from overwriting us later; but we never overwrite a value that the operator has not seen.

use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

use crate::base::ids::{SettingId, TenantId};
use crate::fusionpbx::database::FusionPbx;
use crate::fusionpbx::error::FusionPbxError;
use crate::fusionpbx::schema::Schema;
use crate::fusionpbx::settings::{DEFAULTS, DOMAINS, SettingRow, Stored, Table};
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
        let outcome = self.try_change(change).await;
        if matches!(&outcome, Err(ChangeError::Failed(error)) if error.is_about_schema()) {
            self.forget_schema();
        }
        outcome
    }

    async fn try_change(&self, change: &Change) -> Result<Changed, ChangeError> {
        let schema = self.schema().await?;
        Statements::new(&schema, change.scope)?.run(&self.pool, change).await
    }
}

/// The SQL for one table, made from names that the schema has.
struct Statements {
    table: Table,
    scope: Scope,
    flag: String,
    new_flag: String,
    set_date: &'static str,
    insert_date: (&'static str, &'static str),
}

type RawRow = (Uuid, Option<String>, Option<String>, Option<String>, bool, Option<String>, String, Option<Uuid>);

impl Statements {
    fn new(schema: &Schema, scope: Scope) -> Result<Self, FusionPbxError> {
        let table = if scope == Scope::Global { DEFAULTS } else { DOMAINS };
        schema.require(table.name, &table.columns())?;
        if scope != Scope::Global {
            schema.require(table.name, &["domain_uuid"])?;
        }
        let has_insert_date = schema.has(table.name, "insert_date");
        Ok(Self {
            table,
            scope,
            flag: schema.flag("t", table.name, table.enabled)?,
            new_flag: schema.flag_value("$2", table.name, table.enabled)?,
            set_date: if schema.has(table.name, "update_date") { ", update_date = now()" } else { "" },
            insert_date: if has_insert_date { (", insert_date", ", now()") } else { ("", "") },
        })
    }

    async fn run(&self, pool: &PgPool, change: &Change) -> Result<Changed, ChangeError> {
        let mut connection = pool.acquire().await.map_err(FusionPbxError::from)?;
        let may_write: bool = sqlx::query_scalar("SELECT current_setting('transaction_read_only') = 'off'")
            .fetch_one(&mut *connection)
            .await?;
        if !may_write {
            return Err(ChangeError::ReadOnly {
                reason: "the role is a superuser or FusionPBX's own, which Rampart never writes as, or the server is a standby"
                    .to_owned(),
            });
        }
        let mut transaction = connection.begin().await?;
        let changed = match &change.expected {
            Expected::Row { id, stored, xmin } => self.update(&mut transaction, change, (*id, stored, xmin)).await?,
            Expected::Missing => self.insert(&mut transaction, change).await?,
        };
        match transaction.commit().await {
            Ok(()) => Ok(changed),
            Err(lost) => self.look_again(pool, changed, lost).await,
        }
    }

    async fn update(
        &self,
        connection: &mut PgConnection,
        change: &Change,
        (id, saw, xmin): (SettingId, &Stored, &str),
    ) -> Result<Changed, ChangeError> {
        let conflict =
            |now_there| ChangeError::Conflict { you_saw: Some(saw.clone()), you_want: change.new.clone(), now_there };
        let Some(there) = self.lock(connection, id).await? else { return Err(conflict(None)) };
        if !self.is_of(&there, change) {
            return Err(ChangeError::NotASetting);
        }
        let there = row(there);
        // A form cannot tell NULL from empty; the version does.
        if !there.stored.reads_as(saw) || there.xmin != xmin {
            return Err(conflict(Some(there)));
        }
        let Table { name, id: id_column, value, enabled, .. } = self.table;
        let sql = format!(
            "UPDATE {name} AS t SET {value} = $1, {enabled} = {}{} WHERE t.{id_column} = $3 RETURNING t.xmin::text",
            self.new_flag, self.set_date
        );
        let query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(&change.new.value).bind(change.new.enabled);
        let versions: Vec<String> = query.bind(id.0).fetch_all(connection).await?;
        let [xmin] = versions.as_slice() else { return Err(conflict(Some(there))) };
        let before = there.stored.clone();
        let after = SettingRow { stored: change.new.clone(), xmin: xmin.clone(), ..there };
        Ok(Changed { id, before: Some(before), after })
    }

    async fn lock(&self, connection: &mut PgConnection, id: SettingId) -> Result<Option<RawRow>, ChangeError> {
        let sql = format!("{} WHERE t.{} = $1 FOR UPDATE", self.select(), self.table.id);
        Ok(sqlx::query_as(AssertSqlSafe(sql)).bind(id.0).fetch_optional(connection).await?)
    }

    async fn insert(&self, connection: &mut PgConnection, change: &Change) -> Result<Changed, ChangeError> {
        let key = change.key;
        // Decisions 9: the one row that is ever inserted is a missing global one.
        if self.scope != Scope::Global || key.setting().is_legacy {
            return Err(ChangeError::NotASetting);
        }
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(format!("rampart {key}"))
            .execute(&mut *connection)
            .await?;
        let Table { name, id, category, subcategory, value, enabled, .. } = self.table;
        let sql = format!("{} WHERE t.{category} = $1 AND t.{subcategory} = $2 LIMIT 1", self.select());
        let query = sqlx::query_as(AssertSqlSafe(sql)).bind(key.category()).bind(key.subcategory());
        let there: Option<RawRow> = query.fetch_optional(&mut *connection).await?;
        if let Some(there) = there {
            let now_there = Some(row(there));
            return Err(ChangeError::Conflict { you_saw: None, you_want: change.new.clone(), now_there });
        }
        let (date_column, date_value) = self.insert_date;
        let sql = format!(
            "INSERT INTO {name} ({value}, {enabled}, {id}, {category}, {subcategory}, default_setting_name, \
             default_setting_description{date_column}) VALUES ($1, {}, $3, $4, $5, $6, $7{date_value}) \
             RETURNING xmin::text",
            self.new_flag
        );
        let new_id = Uuid::new_v4();
        let query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(&change.new.value).bind(change.new.enabled);
        let query = query.bind(new_id).bind(key.category()).bind(key.subcategory()).bind(key.setting().type_name());
        let xmin: String = query.bind(key.setting().title).fetch_one(connection).await?;
        let id = SettingId(new_id);
        Ok(Changed { id, before: None, after: SettingRow { id, stored: change.new.clone(), order: None, xmin } })
    }

    /// The reply to COMMIT got lost: the row itself knows whether it happened. Never a blind second try. Locking the
    /// row waits for the end of the lost transaction, so that what is seen is final.
    async fn look_again(&self, pool: &PgPool, changed: Changed, lost: sqlx::Error) -> Result<Changed, ChangeError> {
        let sql = format!("{} WHERE t.{} = $1 FOR UPDATE", self.select(), self.table.id);
        let there = sqlx::query_as(AssertSqlSafe(sql)).bind(changed.id.0).fetch_optional(pool).await;
        match there.map(|there: Option<RawRow>| there.map(row)) {
            Ok(Some(there)) if there.stored == changed.after.stored && there.xmin == changed.after.xmin => {
                Ok(changed)
            }
            Ok(Some(there)) if changed.before.as_ref() == Some(&there.stored) => {
                Err(ChangeError::Unreachable(lost.into()))
            }
            Ok(_) | Err(_) => Err(ChangeError::OutcomeUnknown),
        }
    }

    fn select(&self) -> String {
        let Table { name, id, category, subcategory, value, order, .. } = self.table;
        let tenant = if self.scope == Scope::Global { "NULL::uuid" } else { "t.domain_uuid" };
        format!(
            "SELECT t.{id}, t.{category}, t.{subcategory}, t.{value}, {}, t.{order}::text, t.xmin::text, {tenant} \
             FROM {name} AS t",
            self.flag
        )
    }

    fn is_of(&self, there: &RawRow, change: &Change) -> bool {
        let tenant = match self.scope {
            Scope::Global => None,
            Scope::Tenant(tenant) => Some(tenant.0),
        };
        there.1.as_deref() == Some(change.key.category())
            && there.2.as_deref() == Some(change.key.subcategory())
            && there.7 == tenant
    }
}

fn row((id, _, _, value, enabled, order, xmin, _): RawRow) -> SettingRow {
    SettingRow { id: SettingId(id), stored: Stored { value, enabled }, order, xmin }
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
