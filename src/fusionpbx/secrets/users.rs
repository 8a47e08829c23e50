//! The accounts that sign in to FusionPBX. Of a password only its kind comes out of the database, of an API key and a
//! TOTP secret only whether there is one.

use std::collections::HashSet;

use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use uuid::Uuid;

use crate::base::clock::Timestamp;
use crate::base::ids::TenantId;
use crate::fusionpbx::schema::Schema;
use crate::fusionpbx::secrets::row::{flag, text, uuid};
use crate::fusionpbx::secrets::scan::{SecretsError, Taker};
use crate::fusionpbx::secrets::tables::{Columns, Rights};
use crate::fusionpbx::secrets::tenants::Tenants;
use crate::fusionpbx::secrets::{Audited, Place};
use crate::policy::secrets::{Kind, Reason, Reasons};

const USERS: &str = "v_users";

/// Checklist row US-04: 90 days.
const DORMANT_SECONDS: i64 = 90 * 24 * 3_600;

/// Names that are tried first (checklist row US-06).
const TRIED_FIRST: [&str; 10] =
    ["admin", "administrator", "root", "superadmin", "test", "demo", "user", "guest", "fusionpbx", "support"];

/// Judges every account as of `now`; the passwords of `phones` are their phones' too.
pub(super) async fn judge(
    snapshot: &mut PgConnection,
    (schema, rights, tenants): (&Schema, &Rights, &Tenants),
    (now, phones): (Timestamp, &HashSet<Uuid>),
    audited: &mut Audited,
    take: Taker<'_>,
) -> Result<(), SecretsError> {
    let sql = match question(schema, rights, audited) {
        Ok(sql) => sql,
        Err(reason) => {
            audited.skip(USERS, reason);
            return Ok(());
        }
    };
    let mut point = snapshot.begin().await?;
    let outcome = judge_from(&mut point, sql, (tenants, now, phones), audited, take).await;
    point.rollback().await?;
    match outcome {
        Err(SecretsError::Database(error)) => Ok(audited.or_not_tested(USERS, Err::<(), _>(error)).map(drop)?),
        other => other,
    }
}

async fn judge_from(
    connection: &mut PgConnection,
    sql: String,
    (tenants, now, phones): (&Tenants, Timestamp, &HashSet<Uuid>),
    audited: &mut Audited,
    take: Taker<'_>,
) -> Result<(), SecretsError> {
    let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(connection);
    let mut judged = 0;
    while let Some(row) = rows.try_next().await? {
        judged += 1;
        let domain = uuid(&row, 1)?;
        let tenant = tenants.at(tenants.place(domain));
        let is_enabled = flag(&row, 2)? && tenant.is_none_or(|tenant| tenant.is_enabled);
        let username = text(&row, 3)?;
        let mut reasons = reasons(&row, &username, is_enabled, now)?;
        let key = uuid(&row, 0)?;
        reasons.add_if(key.is_some_and(|key| phones.contains(&key)), Reason::SameAsPhone);
        reasons.add_if(tenant.is_none(), Reason::NoTenant);
        if reasons.is_empty() {
            continue;
        }
        reasons.add_if(!is_enabled, Reason::Disabled);
        audited.count(reasons);
        take(&Place {
            table: USERS,
            kind: Kind::User,
            row: key,
            tenant: tenant.map(|tenant| TenantId(tenant.id)),
            domain: tenant.map_or("", |tenant| &tenant.name),
            place: &username,
            is_enabled,
            reasons,
        })?;
    }
    *audited.judged.entry(USERS).or_default() += judged;
    Ok(())
}

fn reasons(row: &PgRow, username: &str, is_enabled: bool, now: Timestamp) -> Result<Reasons, sqlx::Error> {
    let mut found = Reasons::NONE;
    found.add_if(flag(row, 4)?, Reason::LegacyHash);
    found.add_if(flag(row, 6)?, Reason::ApiKey);
    found.add_if(flag(row, 7)?, Reason::Superadmin);
    if !is_enabled {
        // Nobody signs in with it: how, and when last, is no matter.
        return Ok(found);
    }
    found.add_if(flag(row, 5)?, Reason::NoSecondFactor);
    found.add_if(flag(row, 8)?, Reason::SharedEmail);
    found.add_if(TRIED_FIRST.iter().any(|name| username.trim().eq_ignore_ascii_case(name)), Reason::DefaultName);
    if flag(row, 9)? {
        match row.try_get::<Option<i64>, _>(10)? {
            None => found.add(Reason::NeverSignedIn),
            Some(last) => found.add_if(now.unix().saturating_sub(last) > DORMANT_SECONDS, Reason::Dormant),
        }
    }
    Ok(found)
}

/// The question; what of it cannot be asked is noted.
fn question(schema: &Schema, rights: &Rights, audited: &mut Audited) -> Result<String, String> {
    let of = |table, alias| Columns { schema, rights, table, alias };
    let user = of(USERS, "t");
    let key = user.needed("user_uuid")?;
    let (domain, enabled, name) = (user.needed("domain_uuid")?, user.flag("user_enabled")?, user.needed("username")?);
    let mut or_skip = |table, answer: Result<String, String>| {
        answer.unwrap_or_else(|reason| {
            audited.skip(table, reason);
            "NULL::boolean".to_owned()
        })
    };
    // Anything that does not begin like what PHP's `password_hash` makes FusionPBX takes for MD5.
    let is_legacy = user.needed("password").map(|password| {
        format!("coalesce({password}, '') <> '' AND NOT coalesce(left({password}, 10) ~ '^[$](2[abxy]|argon2i|argon2id)[$]', false)")
    });
    let has_no_factor = if schema.has(USERS, "user_totp_secret") {
        user.needed("user_totp_secret").map(|secret| format!("coalesce({secret}, '') = ''"))
    } else {
        // Before 5.1 FusionPBX knows no second factor: nobody has one.
        Ok("true".to_owned())
    };
    let has_key = user.needed("api_key").map(|key| format!("coalesce({key}::text, '') <> ''"));
    let is_shared = if schema.has(USERS, "user_email") {
        user.needed("user_email")
            .map(|email| format!("coalesce({email}, '') <> '' AND count(*) OVER (PARTITION BY lower({email})) > 1"))
    } else {
        Ok("false".to_owned())
    };
    let groups = if schema.has("v_user_groups", "user_uuid") { "v_user_groups" } else { "v_group_users" };
    let member = of(groups, "m");
    let is_superadmin = member.needed("user_uuid").and_then(|user| {
        let group = member.needed("group_name")?;
        Ok(format!("EXISTS (SELECT FROM {groups} AS m WHERE {user} = {key} AND {group} = 'superadmin')"))
    });
    let log = of("v_user_logs", "l");
    let signed_in = log.needed("user_uuid").and_then(|user| {
        let (time, result) =
            (log.needed("timestamp")?.replace(".timestamp", ".\"timestamp\""), log.needed("result")?);
        Ok(format!(
            " LEFT JOIN (SELECT {user}, max(extract(epoch FROM {time})::bigint) AS at FROM v_user_logs AS l \
             WHERE {result} = 'success' GROUP BY {user}) AS last ON last.user_uuid = {key}"
        ))
    });
    let (has_log, last, join) = match signed_in {
        Ok(join) => ("true", "last.at", join),
        Err(reason) => {
            or_skip("v_user_logs", Err(reason));
            ("false", "NULL::bigint", String::new())
        }
    };
    Ok(format!(
        "SELECT {key}, {domain}, {enabled}, {name}, {}, {}, {}, {}, {}, {has_log}, {last} FROM v_users AS t{join}",
        or_skip(USERS, is_legacy),
        or_skip(USERS, has_no_factor),
        or_skip(USERS, has_key),
        or_skip(groups, is_superadmin),
        or_skip(USERS, is_shared),
    ))
}
