//! Whether an account's password is the SIP secret or the PIN of an extension that it is linked with. FusionPBX keeps the
//! former as a hash, so that each comparison costs what a sign-in costs: a run spends a while on it, superadmins first and
//! the others by chance, and says how many it left out.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use crate::base::secret::Secret;
use crate::fusionpbx::error::FusionPbxError;
use crate::fusionpbx::schema::Schema;
use crate::fusionpbx::secrets::Audited;
use crate::fusionpbx::secrets::row::{flag, uuid};
use crate::fusionpbx::secrets::tables::{Columns, Rights};

const LINKS: &str = "v_extension_users";

/// At most so many links are looked at in one run.
const MOST: u32 = 5000;

/// Stands in the question for which part of the links is taken.
const SAMPLE: &str = "/* sample */";

/// A hash may be made to cost whoever looks at it hours.
const MOST_COST: u32 = 14;

/// An account beside an extension.
struct Link {
    user: Uuid,
    /// Of bcrypt; `None`: MD5, which the database compares.
    hash: Option<Secret<String>>,
    is_same: bool,
    secrets: Vec<Secret<String>>,
}

/// The accounts whose password is the SIP secret or the PIN of an extension of theirs, as far as `spend` reaches.
///
/// # Errors
/// The database is gone.
pub(super) async fn of_phones(
    connection: &mut PgConnection,
    (schema, rights): (&Schema, &Rights),
    spend: Duration,
    audited: &mut Audited,
) -> Result<HashSet<Uuid>, FusionPbxError> {
    let of = |table, alias| Columns { schema, rights, table, alias };
    let sql = match question(&of("v_users", "u"), &of(LINKS, "x"), &of("v_extensions", "e"), &of("v_voicemails", "v"))
    {
        Ok(sql) => sql,
        Err(reason) => {
            audited.skip(LINKS, reason);
            return Ok(HashSet::new());
        }
    };
    let read = read(connection, &sql).await;
    let Some((links, total)) = audited.or_not_tested(LINKS, read)? else { return Ok(HashSet::new()) };
    let compared = tokio::task::spawn_blocking(move || compare(links, spend)).await;
    let (same, count) = compared.unwrap_or_default();
    *audited.judged.entry(LINKS).or_default() += count;
    if count < total {
        let reason = format!("{count} of {total} accounts with an extension were compared; each run takes others");
        audited.skip(LINKS, reason);
    }
    Ok(same)
}

/// The links to look at, and how many there are.
async fn read(connection: &mut PgConnection, sql: &str) -> Result<(Vec<Link>, u64), FusionPbxError> {
    let counted = format!("SELECT count(*) FROM {LINKS}");
    let all: i64 = sqlx::query_scalar(AssertSqlSafe(counted)).fetch_one(&mut *connection).await?;
    // A large installation is not sorted to be sampled.
    let share = 100.0 * f64::from(MOST) / f64::from(i32::try_from(all).unwrap_or(i32::MAX)).max(1.0);
    let sample = if share < 100.0 { format!(" TABLESAMPLE BERNOULLI ({share})") } else { String::new() };
    let mut rows = sqlx::query(AssertSqlSafe(sql.replace(SAMPLE, &sample))).fetch(connection);
    let mut links = Vec::new();
    while let Some(row) = rows.try_next().await? {
        links.extend(link(&row)?);
    }
    // Links of accounts that are switched off count only where nobody looked.
    let total = if sample.is_empty() { links.len() as u64 } else { u64::try_from(all).unwrap_or(0) };
    Ok((links, total))
}

fn link(row: &PgRow) -> Result<Option<Link>, FusionPbxError> {
    let Some(user) = uuid(row, 0)? else { return Ok(None) };
    let text = |index| Ok::<_, sqlx::Error>(row.try_get::<Option<String>, _>(index)?.filter(|text| !text.is_empty()));
    let secrets = [text(3)?, text(4)?].into_iter().flatten().map(Secret::new).collect();
    Ok(Some(Link { user, is_same: flag(row, 1)?, hash: text(2)?.map(Secret::new), secrets }))
}

/// Who is the same, and how many were compared.
fn compare(links: Vec<Link>, spend: Duration) -> (HashSet<Uuid>, u64) {
    let (start, mut same, mut count) = (Instant::now(), HashSet::new(), 0);
    for link in links {
        let is_same = match &link.hash {
            None => link.is_same,
            Some(_) if start.elapsed() >= spend => continue,
            Some(hash) if cost(hash.expose()).is_none_or(|cost| cost > MOST_COST) => continue,
            Some(hash) => link.secrets.iter().any(|one| bcrypt::verify(one.expose(), hash.expose()).unwrap_or(false)),
        };
        count += 1;
        if is_same {
            same.insert(link.user);
        }
    }
    (same, count)
}

/// What a hash of bcrypt says it costs: `$2y$10$`.
fn cost(hash: &str) -> Option<u32> {
    hash.get(4..6).filter(|_| hash.len() == 60 && hash.starts_with("$2"))?.parse().ok()
}

fn question(
    user: &Columns<'_>,
    link: &Columns<'_>,
    extension: &Columns<'_>,
    voicemail: &Columns<'_>,
) -> Result<String, String> {
    let (key, hash, salt) = (user.needed("user_uuid")?, user.needed("password")?, user.needed("salt")?);
    let (sip, number, home) =
        (extension.needed("password")?, extension.needed("extension")?, extension.needed("domain_uuid")?);
    let (pin, mailbox) = (voicemail.needed("voicemail_password")?, voicemail.needed("voicemail_id")?);
    // Anything that does not begin with `$` FusionPBX takes for MD5 of salt and password.
    let md5 = |secret: &str| format!("md5(coalesce({salt}, '') || {secret}) = {hash}");
    let groups = if user.schema.has("v_user_groups", "user_uuid") { "v_user_groups" } else { "v_group_users" };
    let member = Columns { table: groups, alias: "m", ..*user };
    let (linked, with) = (link.needed("user_uuid")?, link.needed("extension_uuid")?);
    let is_superadmin = format!(
        "EXISTS (SELECT FROM {groups} AS m WHERE {} = {linked} AND {} = 'superadmin')",
        member.needed("user_uuid")?,
        member.needed("group_name")?,
    );
    Ok(format!(
        "WITH picked AS ( \
            (SELECT {linked}, {with}, true AS is_first FROM {LINKS} AS x WHERE {is_superadmin} LIMIT {MOST}) \
            UNION ALL SELECT {linked}, {with}, false FROM {LINKS} AS x{SAMPLE} WHERE NOT {is_superadmin}) \
         SELECT {key}, coalesce({hash} NOT LIKE '$%' AND ({} OR {}), false), \
            CASE WHEN {hash} LIKE '$%' THEN {hash} END, {sip}, {pin}::text \
         FROM picked AS x JOIN v_users AS u ON {linked} = {key} JOIN v_extensions AS e ON {} = {with} \
         LEFT JOIN v_voicemails AS v ON {} = {home} AND {mailbox}::text = {number} \
         WHERE {} AND coalesce({hash}, '') <> '' ORDER BY x.is_first DESC, random()",
        md5(&sip),
        md5(&format!("{pin}::text")),
        extension.needed("extension_uuid")?,
        voicemail.needed("domain_uuid")?,
        user.flag("user_enabled")?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(user: u128, hash: Option<&str>, secrets: &[&str]) -> Link {
        Link {
            user: Uuid::from_u128(user),
            hash: hash.map(|hash| Secret::new(hash.to_owned())),
            is_same: false,
            secrets: secrets.iter().map(|one| Secret::new((*one).to_owned())).collect(),
        }
    }

    #[test]
    fn a_hash_is_compared_with_secret_and_pin_as_far_as_the_time_reaches() {
        let hash = bcrypt::hash("4711", 4).unwrap().replace("$2b$", "$2y$");
        let links = || {
            vec![
                link(1, Some(&hash), &["a-sip-secret", "4711"]),
                link(2, Some(&hash), &["a-sip-secret", "4712"]),
                link(3, None, &["4711"]),
            ]
        };

        assert_eq!(compare(links(), Duration::from_mins(1)), ([Uuid::from_u128(1)].into(), 3));
        assert_eq!(compare(links(), Duration::ZERO), (HashSet::new(), 1), "MD5 costs nothing");
    }

    #[test]
    fn a_hash_that_is_made_to_cost_hours_is_left_out() {
        let hash = bcrypt::hash("4711", 4).unwrap().replace("$04$", "$31$");

        let compared = compare(vec![link(1, Some(&hash), &["4711"])], Duration::from_mins(1));

        assert_eq!(compared, (HashSet::new(), 0));
        assert_eq!((cost("$2y$10$"), cost("x")), (None, None));
    }
}
