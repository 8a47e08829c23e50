//! Which tables and columns this FusionPBX has, asked of PostgreSQL's catalogue.
//!
//! The catalogue is asked and not `information_schema`, which hides what our role has no grant for: a missing column
//! and a missing grant are different answers.

use std::collections::HashMap;

use sqlx::postgres::PgPool;

use crate::fusionpbx::error::FusionPbxError;
use crate::policy::Evidence;

/// How a column holds a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Boolean,
    Text,
    Other,
}

/// The tables `v_…` of the schema `public` and their columns.
#[derive(Debug)]
pub struct Schema {
    tables: HashMap<String, HashMap<String, Kind>>,
}

impl Schema {
    pub(super) async fn ask(pool: &PgPool) -> Result<Self, FusionPbxError> {
        let columns: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT relation.relname::text, attribute.attname::text, format_type(attribute.atttypid, NULL) \
             FROM pg_catalog.pg_class AS relation \
             JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relation.relnamespace \
             JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = relation.oid \
             WHERE namespace.nspname = 'public' AND relation.relkind IN ('r', 'p', 'v') \
                 AND relation.relname LIKE 'v\\_%' AND attribute.attnum > 0 AND NOT attribute.attisdropped",
        )
        .fetch_all(pool)
        .await?;
        let mut tables: HashMap<String, HashMap<String, Kind>> = HashMap::new();
        for (table, column, type_name) in columns {
            let kind = match type_name.as_str() {
                "boolean" => Kind::Boolean,
                "text" | "character varying" | "character" => Kind::Text,
                _ => Kind::Other,
            };
            tables.entry(table).or_default().insert(column, kind);
        }
        Ok(Self { tables })
    }

    /// Whether `table` has `column`.
    #[must_use]
    pub fn has(&self, table: &str, column: &str) -> bool {
        self.kind(table, column).is_some()
    }

    /// # Errors
    /// Names the first of `columns` that `table` does not have, or the table.
    pub fn require(&self, table: &'static str, columns: &[&'static str]) -> Result<(), FusionPbxError> {
        let missing = |column: &str| FusionPbxError::Missing { table: table.to_owned(), column: column.to_owned() };
        if !self.tables.contains_key(table) {
            return Err(missing(""));
        }
        columns.iter().find(|column| !self.has(table, column)).map_or(Ok(()), |column| Err(missing(column)))
    }

    /// SQL that reads a flag, boolean or text, as a boolean; NULL is off. `alias` names the table in the statement.
    ///
    /// # Errors
    /// The column is missing, or holds neither.
    pub(super) fn flag(
        &self,
        alias: &'static str,
        table: &'static str,
        column: &'static str,
    ) -> Result<String, FusionPbxError> {
        self.require(table, &[column])?;
        match self.kind(table, column) {
            Some(Kind::Boolean) => Ok(format!("coalesce({alias}.{column}, false)")),
            Some(Kind::Text) => Ok(format!("coalesce({alias}.{column} = 'true', false)")),
            _ => Err(FusionPbxError::Missing { table: table.to_owned(), column: format!("{column} that is a flag") }),
        }
    }

    /// SQL that turns the boolean parameter `parameter` (such as `$2`) into what the flag `column` holds.
    ///
    /// # Errors
    /// The column is missing, or holds no flag.
    pub(super) fn flag_value(
        &self,
        parameter: &'static str,
        table: &'static str,
        column: &'static str,
    ) -> Result<String, FusionPbxError> {
        self.flag("t", table, column)?;
        Ok(match self.kind(table, column) {
            Some(Kind::Text) => format!("CASE WHEN {parameter}::boolean THEN 'true' ELSE 'false' END"),
            _ => format!("{parameter}::boolean"),
        })
    }

    /// What the tables say of how old this FusionPBX is.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        Evidence {
            user_groups: self.tables.contains_key("v_user_groups"),
            second_factor: self.has("v_users", "user_totp_secret"),
            event_guard: self.tables.contains_key("v_event_guard_logs"),
            session_ids: self.has("v_user_logs", "session_id"),
            serial_numbers: self.has("v_devices", "device_serial_number"),
            boolean_flags: self.kind("v_users", "user_enabled") == Some(Kind::Boolean),
        }
    }

    fn kind(&self, table: &str, column: &str) -> Option<Kind> {
        self.tables.get(table)?.get(column).copied()
    }
}
