//! What lets somebody do more than he should: groups that may run commands, ways round the password, superadmins that may
//! sign in from anywhere, sign-ins tried again and again, trunks that register where anybody on the way can listen.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::base::clock::Timestamp;
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

/// From so many refused sign-ins of one address within an hour on, somebody is guessing (checklist row US-09).
const BURST: u32 = 20;

/// Reads all of them, as of `now`.
pub(super) async fn look(
    snapshot: &mut PgConnection,
    (schema, rights): (&Schema, &Rights),
    now: Timestamp,
    audited: &mut Audited,
) -> Result<(), FusionPbxError> {
    let of = |table| Columns { schema, rights, table, alias: "t" };
    audited.anywhere = ask(snapshot, "v_users", anywhere(&of("v_users")), audited).await?;
    audited.bursts = ask(snapshot, "v_user_logs", bursts(&of("v_user_logs"), now), audited).await?;
    audited.plain_trunks = ask(snapshot, "v_gateways", plain_trunks(&of("v_gateways")), audited).await?;
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

const DEFAULT_SETTING: [&str; 4] =
    ["default_setting_enabled", "default_setting_category", "default_setting_subcategory", "default_setting_value"];
const DOMAIN_SETTING: [&str; 4] =
    ["domain_setting_enabled", "domain_setting_category", "domain_setting_subcategory", "domain_setting_value"];
const USER_SETTING: [&str; 4] =
    ["user_setting_enabled", "user_setting_category", "user_setting_subcategory", "user_setting_value"];

/// Enabled superadmins whom no setting `domain.cidr` of FusionPBX, of their tenant or of their own holds to an address.
fn anywhere(of: &Columns<'_>) -> Result<String, String> {
    let (user, domain) = (of.needed("user_uuid")?, of.needed("domain_uuid")?);
    let held = |table, [enabled, category, name, value]: [&'static str; 4], owner: Option<(&'static str, &str)>| {
        let setting = Columns { table, alias: "s", ..*of };
        let is_ours = match owner {
            Some((column, ours)) => format!("{} = {ours} AND ", setting.needed(column)?),
            None => String::new(),
        };
        Ok::<_, String>(format!(
            "EXISTS (SELECT FROM {table} AS s WHERE {is_ours}{} AND {} = 'domain' AND {} = 'cidr' AND coalesce({}, '') <> '')",
            setting.flag(enabled)?,
            setting.needed(category)?,
            setting.needed(name)?,
            setting.needed(value)?,
        ))
    };
    let groups = if of.schema.has("v_user_groups", "user_uuid") { "v_user_groups" } else { "v_group_users" };
    let member = Columns { table: groups, alias: "m", ..*of };
    let tenant = Columns { table: "v_domains", alias: "d", ..*of };
    Ok(format!(
        "SELECT {} || '@' || coalesce({}, '') FROM v_users AS t LEFT JOIN v_domains AS d ON {} = {domain} \
         WHERE {} AND EXISTS (SELECT FROM {groups} AS m WHERE {} = {user} AND {} = 'superadmin') \
           AND NOT {} AND NOT {} AND NOT {} ORDER BY 1 LIMIT {MOST}",
        of.needed("username")?,
        tenant.needed("domain_name")?,
        tenant.needed("domain_uuid")?,
        of.flag("user_enabled")?,
        member.needed("user_uuid")?,
        member.needed("group_name")?,
        held("v_default_settings", DEFAULT_SETTING, None)?,
        held("v_domain_settings", DOMAIN_SETTING, Some(("domain_uuid", &domain)))?,
        held("v_user_settings", USER_SETTING, Some(("user_uuid", &user)))?,
    ))
}

/// Addresses with many refused sign-ins within an hour of the last day.
fn bursts(of: &Columns<'_>, now: Timestamp) -> Result<String, String> {
    let (source, result) = (of.needed("remote_address")?, of.needed("result")?);
    let time = of.needed("timestamp")?.replace(".timestamp", ".\"timestamp\"");
    let hour = format!("date_trunc('hour', {time})");
    Ok(format!(
        "SELECT coalesce({source}, '?') || ': ' || count(*) || ' refused within the hour of ' \
            || to_char({hour} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC' \
         FROM v_user_logs AS t WHERE {result} = 'failure' AND {time} > to_timestamp({}) \
         GROUP BY {source}, {hour} HAVING count(*) > {BURST} ORDER BY count(*) DESC, 1 LIMIT {MOST}",
        now.unix() - 24 * 3_600,
    ))
}

/// Enabled trunks that register over UDP or TCP: their digest can be read on the way and guessed at leisure.
fn plain_trunks(of: &Columns<'_>) -> Result<String, String> {
    let transport = of.needed("register_transport")?;
    Ok(format!(
        "SELECT {} || ' registers over ' || coalesce(nullif({transport}, ''), 'udp') FROM v_gateways AS t \
         WHERE {} AND {} AND coalesce(lower({transport}), '') <> 'tls' ORDER BY 1 LIMIT {MOST}",
        of.needed("gateway")?,
        of.flag("enabled")?,
        of.flag("register")?,
    ))
}
