//! What stands now in the rows that Rampart changed: one question, however many there are.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::base::ids::SettingId;
use crate::fusionpbx::database::FusionPbx;
use crate::fusionpbx::error::FusionPbxError;
use crate::fusionpbx::settings::{DEFAULTS, DOMAINS, Stored, Table, known_names};

/// Who changed a row last, and when, as far as FusionPBX notes it and our role may read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastWriter {
    /// `update_date`, as PostgreSQL writes it.
    pub at: Option<String>,
    /// `update_user`: the account's id.
    pub user: Option<Uuid>,
}

impl FusionPbx {
    /// The rows `ids` of known password settings as they stand now; one that is gone, or became another setting's, is not
    /// in the answer.
    ///
    /// # Errors
    /// The database does not answer, or this FusionPBX lacks a column that is needed.
    pub async fn stand_now(&self, ids: &[SettingId]) -> Result<HashMap<SettingId, Stored>, FusionPbxError> {
        let standing = self.ask_standing(ids).await;
        self.heed(standing)
    }

    async fn ask_standing(&self, ids: &[SettingId]) -> Result<HashMap<SettingId, Stored>, FusionPbxError> {
        let schema = self.schema().await?;
        let mut parts = Vec::new();
        for table in [DEFAULTS, DOMAINS] {
            schema.require(table.name, &table.columns())?;
            let flag = schema.flag("t", table.name, table.enabled)?;
            let Table { name, id, category, subcategory, value, .. } = table;
            parts.push(format!(
                "SELECT t.{id}, t.{value}, {flag} FROM {name} AS t \
                 JOIN unnest($1::text[], $2::text[]) AS known (category, subcategory) \
                    ON t.{category} = known.category AND t.{subcategory} = known.subcategory \
                 WHERE t.{id} = ANY ($3)"
            ));
        }
        let (categories, subcategories) = known_names();
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let query = sqlx::query_as(AssertSqlSafe(parts.join(" UNION ALL "))).bind(categories).bind(subcategories);
        let rows: Vec<(Uuid, Option<String>, bool)> = query.bind(ids).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|(id, value, enabled)| (SettingId(id), Stored { value, enabled })).collect())
    }

    /// Who changed the row `id` last. Nothing is known where FusionPBX has no such columns (before 5.1), or where our role
    /// may not read them.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn last_writer(&self, id: SettingId, is_global: bool) -> Result<LastWriter, FusionPbxError> {
        let Table { name, id: id_column, .. } = if is_global { DEFAULTS } else { DOMAINS };
        let schema = self.schema().await?;
        if !schema.has(name, "update_date") || !schema.has(name, "update_user") {
            return Ok(LastWriter::default());
        }
        let may: bool = sqlx::query_scalar(
            "SELECT has_column_privilege(to_regclass('public.' || $1)::oid, 'update_date', 'SELECT') \
                AND has_column_privilege(to_regclass('public.' || $1)::oid, 'update_user', 'SELECT')",
        )
        .bind(name)
        .fetch_one(&self.pool)
        .await?;
        if !may {
            return Ok(LastWriter::default());
        }
        let sql = format!("SELECT update_date::text, update_user FROM {name} WHERE {id_column} = $1");
        let row: Option<(Option<String>, Option<Uuid>)> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(id.0).fetch_optional(&self.pool).await?;
        Ok(row.map(|(at, user)| LastWriter { at, user }).unwrap_or_default())
    }
}
