//! Writing what FusionPBX's database keeps of FreeSWITCH: its row of `v_settings` (through 5.1), which FusionPBX writes over
//! FreeSWITCH's files at the next save there, and the row of `mod_xml_rpc` in `v_modules`.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};
use uuid::Uuid;

use crate::base::secret::Secret;
use crate::fusionpbx::change::ChangeError;
use crate::fusionpbx::database::FusionPbx;
use crate::fusionpbx::error::FusionPbxError;
use crate::fusionpbx::schema::Schema;

/// The rows as they were seen before FreeSWITCH was changed: each with its version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopySeen {
    settings: Option<(Uuid, String)>,
    modules: Vec<(Uuid, String)>,
}

/// What is to be written; what is `None` stays.
#[derive(Debug, Default)]
pub struct SwitchValues {
    /// `xml_rpc_http_port`.
    pub xml_rpc_port: Option<u16>,
    /// `xml_rpc_auth_realm`.
    pub xml_rpc_realm: Option<String>,
    /// `xml_rpc_auth_user`.
    pub xml_rpc_user: Option<String>,
    /// `xml_rpc_auth_pass`.
    pub xml_rpc_password: Option<Secret<String>>,
    /// `event_socket_password`.
    pub event_socket_password: Option<Secret<String>>,
    /// Whether `v_modules` has `mod_xml_rpc` loaded at the start.
    pub at_start: Option<bool>,
}

impl SwitchValues {
    const fn concern_settings(&self) -> bool {
        self.xml_rpc_port.is_some()
            || self.xml_rpc_realm.is_some()
            || self.xml_rpc_user.is_some()
            || self.xml_rpc_password.is_some()
            || self.event_socket_password.is_some()
    }
}

/// Why FusionPBX's copy was not written. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Somebody changed it since it was seen.
    #[error("FusionPBX's own copy was changed by someone else meanwhile")]
    Moved,
    /// The transaction broke while it was being ended.
    #[error("the connection broke while saving: whether FusionPBX's own copy was changed is not known")]
    OutcomeUnknown,
    /// FusionPBX's database.
    #[error(transparent)]
    Database(#[from] ChangeError),
}

impl From<sqlx::Error> for CopyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<FusionPbxError> for CopyError {
    fn from(error: FusionPbxError) -> Self {
        Self::Database(error.into())
    }
}

impl FusionPbx {
    /// The rows that hold FusionPBX's copy now.
    ///
    /// # Errors
    /// The database does not answer, or the role may not read them.
    pub async fn see_switch_copy(&self) -> Result<CopySeen, FusionPbxError> {
        let schema = self.schema().await?;
        let mut seen = CopySeen::default();
        if self.keeps_switch_settings().await? {
            let sql = "SELECT setting_uuid, xmin::text FROM v_settings LIMIT 2";
            let rows: Vec<(Uuid, String)> = sqlx::query_as(sql).fetch_all(&self.pool).await?;
            // Of two rows nobody can say which FusionPBX takes.
            seen.settings = <[_; 1]>::try_from(rows).ok().map(|[row]| row);
        }
        if schema.has("v_modules", "module_enabled") {
            let sql = "SELECT module_uuid, xmin::text FROM v_modules WHERE module_name = 'mod_xml_rpc' LIMIT 10";
            seen.modules = sqlx::query_as(sql).fetch_all(&self.pool).await?;
        }
        Ok(seen)
    }

    /// Whether the database keeps anything of `values`: from 5.2 on only `v_modules` is left.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn keeps_copy_of(&self, values: &SwitchValues) -> Result<bool, FusionPbxError> {
        Ok(values.at_start.is_some() || (values.concern_settings() && self.keeps_switch_settings().await?))
    }

    /// Writes `values` where FusionPBX keeps them, if nobody has changed the rows since they were `seen`; all or none.
    ///
    /// # Errors
    /// See [`CopyError`].
    pub async fn write_switch_copy(&self, seen: &CopySeen, values: &SwitchValues) -> Result<(), CopyError> {
        let schema = self.schema().await?;
        let keeps_settings = values.concern_settings() && self.keeps_switch_settings().await?;
        let mut connection = self.writable().await?;
        let mut transaction = connection.begin().await?;
        if keeps_settings {
            let (id, xmin) = seen.settings.as_ref().ok_or(CopyError::Moved)?;
            write_settings(&mut transaction, (*id, xmin), values).await?;
        }
        if let Some(at_start) = values.at_start {
            write_modules(&mut transaction, &schema, &seen.modules, at_start).await?;
        }
        transaction.commit().await.map_err(|_| CopyError::OutcomeUnknown)
    }
}

async fn write_settings(
    on: &mut PgConnection,
    (id, xmin): (Uuid, &str),
    values: &SwitchValues,
) -> Result<(), CopyError> {
    let sql = "UPDATE v_settings AS s SET xml_rpc_http_port = coalesce($3, s.xml_rpc_http_port), \
            xml_rpc_auth_realm = coalesce($4, s.xml_rpc_auth_realm), \
            xml_rpc_auth_user = coalesce($5, s.xml_rpc_auth_user), \
            xml_rpc_auth_pass = coalesce($6, s.xml_rpc_auth_pass), \
            event_socket_password = coalesce($7, s.event_socket_password) \
         WHERE s.setting_uuid = $1 AND s.xmin::text = $2";
    let secret = |secret: &'_ Option<Secret<String>>| secret.as_ref().map(|secret| secret.expose().clone());
    let written = sqlx::query(sql)
        .bind(id)
        .bind(xmin)
        .bind(values.xml_rpc_port.map(|port| port.to_string()))
        .bind(&values.xml_rpc_realm)
        .bind(&values.xml_rpc_user)
        .bind(secret(&values.xml_rpc_password))
        .bind(secret(&values.event_socket_password))
        .execute(on)
        .await?;
    if written.rows_affected() == 1 { Ok(()) } else { Err(CopyError::Moved) }
}

async fn write_modules(
    on: &mut PgConnection,
    schema: &Schema,
    rows: &[(Uuid, String)],
    at_start: bool,
) -> Result<(), CopyError> {
    if rows.is_empty() {
        return Err(CopyError::Moved);
    }
    let flag = schema.flag_value("$3", "v_modules", "module_enabled")?;
    let dated = if schema.has("v_modules", "update_date") { ", update_date = now()" } else { "" };
    let sql = format!(
        "UPDATE v_modules AS m SET module_enabled = {flag}{dated} WHERE m.module_uuid = $1 AND m.xmin::text = $2"
    );
    for (id, xmin) in rows {
        let query = sqlx::query(AssertSqlSafe(sql.clone())).bind(id).bind(xmin).bind(at_start);
        if query.execute(&mut *on).await?.rows_affected() != 1 {
            return Err(CopyError::Moved);
        }
    }
    Ok(())
}
