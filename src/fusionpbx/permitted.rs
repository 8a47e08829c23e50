//! What the present role may do, against what Rampart needs, and what it may do beyond that.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fusionpbx::database::FusionPbx;
use crate::fusionpbx::error::FusionPbxError;
use crate::fusionpbx::rights::{Purpose, RIGHTS, Right};

/// What the role that we are signed in with may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permitted {
    /// Its name.
    pub role: String,
    /// Whether it is a superuser; then Rampart's sessions read only.
    pub superuser: bool,
    /// Whether the server is a standby, on which nobody writes.
    pub standby: bool,
    /// Each purpose, with what is missing for it.
    pub purposes: Vec<Permission>,
    /// What the role may do that Rampart has no use for, in words; at most 20.
    pub beyond: Vec<String>,
}

/// Whether a purpose can be fulfilled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// What for.
    pub purpose: Purpose,
    /// Whether this generation of FusionPBX has a table for it at all.
    pub applies: bool,
    /// Rights that are missing, such as `UPDATE v_extensions (password)`; none means that it is permitted.
    pub missing: Vec<String>,
}

impl Permitted {
    /// Whether Rampart can write anything in this database.
    #[must_use]
    pub const fn may_write(&self) -> bool {
        !self.superuser && !self.standby
    }

    /// Whether everything that is not optional is permitted, and nothing beyond.
    #[must_use]
    pub fn is_right(&self) -> bool {
        let is_met = |one: &Permission| one.purpose.is_optional() || !one.applies || one.missing.is_empty();
        self.may_write() && self.beyond.is_empty() && self.purposes.iter().all(is_met)
    }
}

/// Asks for every right at once: which of the columns exist, and whether the role has it.
const ASK: &str = "SELECT wanted.place, has_column_privilege(relation.oid, attribute.attnum, wanted.verb) \
     FROM unnest($1::int[], $2::text[], $3::text[], $4::text[]) AS wanted (place, verb, table_name, column_name) \
     JOIN pg_catalog.pg_class AS relation ON relation.relname = wanted.table_name \
        AND relation.relnamespace = to_regnamespace('public') \
     JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = relation.oid \
        AND attribute.attname = wanted.column_name AND NOT attribute.attisdropped";

/// Where our role came from, and rights of the cluster that a role of ours has no use for.
const ROLE: &str = "SELECT role.rolname::text, role.rolsuper, pg_is_in_recovery(), \
        array_remove(ARRAY[ \
            CASE WHEN role.rolsuper THEN 'is a superuser: it may do everything, also run programs on the host' END, \
            CASE WHEN role.rolcreaterole THEN 'may make roles' END, \
            CASE WHEN role.rolcreatedb THEN 'may make databases' END, \
            CASE WHEN role.rolreplication THEN 'may copy the whole cluster (replication)' END, \
            CASE WHEN role.rolbypassrls THEN 'passes by row security' END \
        ], NULL) \
     FROM pg_catalog.pg_roles AS role WHERE role.rolname = session_user";

/// Rights on whole tables, memberships and tables of its own; none of them is in the script.
const BEYOND: &str = "SELECT words FROM ( \
        SELECT 1 AS kind, 'is a member of ' || other.rolname AS words FROM pg_catalog.pg_auth_members AS membership \
        JOIN pg_catalog.pg_roles AS other ON other.oid = membership.roleid \
        JOIN pg_catalog.pg_roles AS role ON role.oid = membership.member WHERE role.rolname = session_user \
        UNION ALL \
        SELECT 2, 'may ' || verb || ' ' || relation.relname \
        FROM pg_catalog.pg_class AS relation, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS verb \
        WHERE relation.relnamespace = to_regnamespace('public') AND relation.relkind IN ('r', 'p') \
            AND relation.relname LIKE 'v\\_%' AND has_table_privilege(relation.oid, verb) \
        UNION ALL \
        SELECT 3, 'may make tables in the schema public' \
        WHERE has_schema_privilege(to_regnamespace('public')::oid, 'CREATE') \
     ) AS found ORDER BY kind, words LIMIT 20";

impl FusionPbx {
    /// What the present role may do.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn permitted(&self) -> Result<Permitted, FusionPbxError> {
        let (role, superuser, standby, mut beyond): (String, bool, bool, Vec<String>) =
            sqlx::query_as(ROLE).fetch_one(&self.pool).await?;
        if !superuser {
            beyond.extend(sqlx::query_scalar::<_, String>(BEYOND).fetch_all(&self.pool).await?);
        }
        let cells: Vec<(i32, &Right, &'static str)> = RIGHTS
            .iter()
            .flat_map(|right| right.columns().map(move |column| (right, column)))
            .zip(0..)
            .map(|((right, column), place)| (place, right, column))
            .collect();
        let answers: Vec<(i32, bool)> = sqlx::query_as(ASK)
            .bind(cells.iter().map(|(place, ..)| *place).collect::<Vec<_>>())
            .bind(cells.iter().map(|(_, right, _)| right.verb.sql()).collect::<Vec<_>>())
            .bind(cells.iter().map(|(_, right, _)| right.table).collect::<Vec<_>>())
            .bind(cells.iter().map(|(.., column)| *column).collect::<Vec<_>>())
            .fetch_all(&self.pool)
            .await?;
        let answers: BTreeMap<i32, bool> = answers.into_iter().collect();
        let purposes = Purpose::ALL.into_iter().map(|purpose| permission(purpose, &cells, &answers)).collect();
        Ok(Permitted { role, superuser, standby, purposes, beyond })
    }
}

fn permission(purpose: Purpose, cells: &[(i32, &Right, &'static str)], answers: &BTreeMap<i32, bool>) -> Permission {
    let mut missing: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    let mut applies = false;
    for (place, right, column) in cells.iter().filter(|(_, right, _)| right.purpose == purpose) {
        // A column that this generation does not have needs no right.
        let Some(has) = answers.get(place) else { continue };
        applies = true;
        if !has {
            missing.entry((right.table, right.verb.sql())).or_default().push(column);
        }
    }
    let words =
        |((table, verb), columns): ((&str, &str), Vec<&str>)| format!("{verb} {table} ({})", columns.join(", "));
    Permission { purpose, applies, missing: missing.into_iter().map(words).collect() }
}
