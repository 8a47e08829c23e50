//! What lets an account do more than it should: groups that may run commands, and ways round the password.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::fusionpbx::error::FusionPbxError;
use crate::fusionpbx::schema::Schema;
use crate::fusionpbx::secrets::Audited;
use crate::fusionpbx::secrets::tables::{Columns, Rights};

/// Permissions that lead to the host, to the database as a whole, or to every tenant (checklist row US-10): FusionPBX's
/// apps exec, `sql_query`, edit, modules, services, databases and upgrade.
const POWERFUL: &str = "^(exec_|sql_query_|script_editor_|xml_editor_|php_editor_|provision_editor_|edit_(view|save)$|\
                        module_(add|edit|delete)$|services?_|database_(add|edit|delete|view)$|upgrade_|sip_status_command$)";

/// At most so many lines are kept.
const MOST: u32 = 50;

/// Reads both.
pub(super) async fn look(
    snapshot: &mut PgConnection,
    (schema, rights): (&Schema, &Rights),
    audited: &mut Audited,
) -> Result<(), FusionPbxError> {
    let of = |table| Columns { schema, rights, table, alias: "t" };
    audited.powers = ask(snapshot, "v_group_permissions", powers(&of("v_group_permissions")), audited).await?;
    audited.login = ask(snapshot, "v_default_settings", login(&of("v_default_settings")), audited).await?;
    Ok(())
}

async fn ask(
    snapshot: &mut PgConnection,
    table: &'static str,
    sql: Result<String, String>,
    audited: &mut Audited,
) -> Result<Option<Vec<String>>, FusionPbxError> {
    let sql = match sql {
        Ok(sql) => sql,
        Err(reason) => {
            audited.skip(table, reason);
            return Ok(None);
        }
    };
    let mut point = snapshot.begin().await?;
    let lines = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut *point).await.map_err(FusionPbxError::from);
    point.rollback().await?;
    audited.or_not_tested(table, lines)
}

/// `group: permission`, of groups other than `superadmin`.
fn powers(of: &Columns<'_>) -> Result<String, String> {
    let (group, permission) = (of.needed("group_name")?, of.needed("permission_name")?);
    // Text in every version; without it (4.4) a row is enough.
    let assigned = of.flag("permission_assigned")?;
    Ok(format!(
        "SELECT DISTINCT {group} || ': ' || {permission} FROM v_group_permissions AS t \
         WHERE {assigned} AND {group} <> 'superadmin' AND {permission} ~ '{POWERFUL}' ORDER BY 1 LIMIT {MOST}"
    ))
}

/// The settings of category `login` that go round the password and are on. A key stays where it is.
fn login(of: &Columns<'_>) -> Result<String, String> {
    let (category, name) = (of.needed("default_setting_category")?, of.needed("default_setting_subcategory")?);
    let value = of.needed("default_setting_value")?;
    Ok(format!(
        "SELECT DISTINCT 'login.' || {name} FROM v_default_settings AS t WHERE {} AND {category} = 'login' \
         AND (({name} = 'password_reset_key' AND coalesce({value}, '') <> '') \
           OR ({name} = 'remember_me' AND lower({value}) IN ('true', '1', 'on', 'yes'))) ORDER BY 1 LIMIT {MOST}",
        of.flag("default_setting_enabled")?,
    ))
}
