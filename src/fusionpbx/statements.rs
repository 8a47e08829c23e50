//! The SQL of a change, made from names that the schema has.

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnection, PgPool};
use uuid::Uuid;

use crate::base::ids::SettingId;
use crate::fusionpbx::change::{Change, ChangeError, Changed, Scope};
use crate::fusionpbx::error::FusionPbxError;
use crate::fusionpbx::known_rows::{KnownRow, known_row};
use crate::fusionpbx::schema::Schema;
use crate::fusionpbx::settings::{DEFAULTS, DOMAINS, SettingRow, Stored, Table};
use crate::policy::Era;

/// The SQL for one table.
pub(super) struct Statements {
    table: Table,
    scope: Scope,
    era: Era,
    flag: String,
    new_flag: String,
    set_date: &'static str,
    insert_date: (&'static str, &'static str),
    has_app: bool,
}

/// What a row says of a change whose COMMIT got no answer.
pub(super) enum Now {
    /// It is what the change left, in the very version.
    Made,
    /// It is as it was.
    AsBefore,
    /// It cannot be seen, or somebody wrote since.
    Unclear,
}

type RawRow = (Uuid, Option<String>, Option<String>, Option<String>, bool, Option<String>, String, Option<Uuid>);

impl Statements {
    pub(super) fn new(schema: &Schema, scope: Scope) -> Result<Self, FusionPbxError> {
        let table = if scope == Scope::Global { DEFAULTS } else { DOMAINS };
        schema.require(table.name, &table.columns())?;
        if scope != Scope::Global {
            schema.require(table.name, &["domain_uuid"])?;
        }
        let has_insert_date = schema.has(table.name, "insert_date");
        Ok(Self {
            table,
            scope,
            era: schema.evidence().era(),
            flag: schema.flag("t", table.name, table.enabled)?,
            new_flag: schema.flag_value("$2", table.name, table.enabled)?,
            set_date: if schema.has(table.name, "update_date") { ", update_date = now()" } else { "" },
            insert_date: if has_insert_date { (", insert_date", ", now()") } else { ("", "") },
            has_app: schema.has(table.name, "app_uuid"),
        })
    }

    pub(super) async fn update(
        &self,
        connection: &mut PgConnection,
        change: &Change,
        (id, saw, xmin): (SettingId, &Stored, &str),
    ) -> Result<Changed, ChangeError> {
        let conflict = |now_there| ChangeError::Conflict {
            key: change.key,
            you_saw: Some(saw.clone()),
            you_want: change.new.clone(),
            now_there,
        };
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

    pub(super) async fn insert(
        &self,
        connection: &mut PgConnection,
        change: &Change,
    ) -> Result<Changed, ChangeError> {
        let key = change.key;
        // Decisions 9: the one row that is ever inserted is a missing global one, of a setting that is at home here.
        if self.scope != Scope::Global || !key.setting().home.includes(self.era) {
            return Err(ChangeError::NotASetting);
        }
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(format!("rampart {key}"))
            .execute(&mut *connection)
            .await?;
        let Table { name, id, category, subcategory, value, enabled, .. } = self.table;
        let known = known_row(key);
        let sql =
            format!("{} WHERE t.{category} = $1 AND t.{subcategory} = $2 OR t.{id} = $3 LIMIT 1", self.select());
        let query = sqlx::query_as(AssertSqlSafe(sql)).bind(key.category()).bind(key.subcategory());
        let there: Option<RawRow> = query.bind(known.map(|row| row.id)).fetch_optional(&mut *connection).await?;
        if let Some(there) = there {
            if !self.is_of(&there, change) {
                // FusionPBX's own key stands under another name: nothing is written over it, nor shown.
                return Err(ChangeError::NotASetting);
            }
            let now_there = Some(row(there));
            return Err(ChangeError::Conflict { key, you_saw: None, you_want: change.new.clone(), now_there });
        }
        let app = self.may_name_app(connection).await?.then(|| known.map(|row| row.app));
        let (app_column, app_value) = if app.is_some() { (", app_uuid", ", $8") } else { ("", "") };
        let (date_column, date_value) = self.insert_date;
        let sql = format!(
            "INSERT INTO {name} ({value}, {enabled}, {id}, {category}, {subcategory}, default_setting_name, \
             default_setting_description{date_column}{app_column}) VALUES ($1, {}, $3, $4, $5, $6, $7{date_value}{app_value}) \
             RETURNING xmin::text",
            self.new_flag
        );
        let new_id = known.map_or_else(Uuid::new_v4, |KnownRow { id, .. }| id);
        let query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(&change.new.value).bind(change.new.enabled);
        let query = query.bind(new_id).bind(key.category()).bind(key.subcategory()).bind(key.setting().type_name());
        let query = query.bind(key.setting().title);
        let query = if let Some(app) = app { query.bind(app) } else { query };
        let xmin: String = query.fetch_one(connection).await?;
        let id = SettingId(new_id);
        Ok(Changed { id, before: None, after: SettingRow { id, stored: change.new.clone(), order: None, xmin } })
    }

    /// Whether the new row may say which application it is of: an older grant does not have it, and nothing needs it.
    async fn may_name_app(&self, connection: &mut PgConnection) -> Result<bool, ChangeError> {
        if !self.has_app {
            return Ok(false);
        }
        let sql = "SELECT has_column_privilege(to_regclass('public.v_default_settings')::oid, 'app_uuid', 'INSERT')";
        Ok(sqlx::query_scalar(sql).fetch_one(connection).await?)
    }

    /// Looks whether `changed` was made after all.
    pub(super) async fn look(&self, pool: &PgPool, changed: &Changed) -> Now {
        let sql = format!("{} WHERE t.{} = $1 FOR UPDATE", self.select(), self.table.id);
        let there = sqlx::query_as(AssertSqlSafe(sql)).bind(changed.id.0).fetch_optional(pool).await;
        match there.map(|there: Option<RawRow>| there.map(row)) {
            Ok(Some(there)) if there.stored == changed.after.stored && there.xmin == changed.after.xmin => Now::Made,
            Ok(Some(there)) if changed.before.as_ref() == Some(&there.stored) => Now::AsBefore,
            Ok(_) | Err(_) => Now::Unclear,
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
