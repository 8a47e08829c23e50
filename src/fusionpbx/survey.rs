//! What one look at FusionPBX's database says about its walls, as plain data for the checks.

use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::base::role::Reach;
use crate::fusionpbx::database::FusionPbx;
use crate::fusionpbx::error::FusionPbxError;
use crate::fusionpbx::overrides::{Override, OverridesWanted};
use crate::fusionpbx::settings::{DEFAULTS, PolicyReading};
use crate::fusionpbx::switch::SwitchSide;
use crate::policy::{Shape, Value};

/// Examples in a survey; the counts beside them are whole.
const MOST_EXAMPLES: u16 = 20;
/// Far above any server known; a survey must not fill the memory of a console.
const MOST_TENANTS: u32 = 100_000;

/// The facts of one look. A part that could not be read says why and is never taken for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// `v_software.software_version` of the row FusionPBX, as fresh as FusionPBX's last upgrade run.
    pub version: Option<String>,
    /// The role we are logged in as.
    pub role: Role,
    /// Enabled tenants (`v_domains`).
    pub tenants: Part<Vec<String>>,
    /// The password settings that win globally, and the tenants that override them with something weaker.
    pub policy: Part<PolicyFacts>,
    /// The accounts that may sign in to FusionPBX.
    pub users: Part<UserFacts>,
    /// Provisioning of phones over HTTP.
    pub provisioning: Part<ProvisioningFacts>,
    /// Access control lists of the switch.
    pub access_lists: Part<Vec<AccessList>>,
    /// What FusionPBX holds of XML RPC and the event socket.
    pub switch: Part<SwitchSide>,
}

/// A part of the survey, or why it could not be read (a missing grant, a missing column).
pub type Part<T> = Result<T, String>;

/// The database role in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Whether it is a superuser; then Rampart only reads.
    pub superuser: bool,
    /// Whether it may update default settings.
    pub may_write_settings: bool,
    /// Roles that may log in and are superusers, besides `postgres`.
    pub superusers: Vec<String>,
}

/// Password settings in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFacts {
    /// Global settings, one for each known password setting.
    pub global: Vec<EffectiveSetting>,
    /// How many tenants have an enabled override that is weaker than the global value.
    pub weaker_tenants: u64,
    /// The first of them, as `tenant: category.subcategory = value`, at most 20.
    pub weaker_examples: Vec<String>,
}

/// One setting and the value that wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectiveSetting {
    /// Category, such as `extension`.
    pub category: String,
    /// Subcategory, such as `password_length`.
    pub subcategory: String,
    /// The winning value; `None` if no enabled row has one.
    pub value: Option<String>,
    /// How many enabled rows there are; more than one is a fault.
    pub enabled_rows: u32,
}

/// Accounts of FusionPBX.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserFacts {
    /// Enabled accounts.
    pub enabled: u64,
    /// Enabled members of `superadmin`, as `user@domain`, at most 20.
    pub superadmins: Vec<String>,
    /// How many enabled members of `superadmin` there are.
    pub superadmin_count: u64,
    /// Enabled members of `superadmin` or `admin` without a TOTP secret; an error where the column does not exist or may not be read.
    pub admins_without_totp: Part<u64>,
    /// Enabled accounts whose stored hash is not bcrypt or argon2 (judged inside the database, the hash never leaves it).
    pub legacy_hashes: Part<u64>,
    /// Enabled accounts with an API key, which signs in without a second factor.
    pub with_api_key: Part<u64>,
}

/// Provisioning settings that win globally.
#[expect(clippy::struct_excessive_bools, reason = "five settings of FusionPBX that are flags or there or not")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisioningFacts {
    /// `provision.enabled`.
    pub enabled: bool,
    /// `provision.http_auth_enabled`.
    pub http_auth_enabled: bool,
    /// Whether `provision.http_auth_username` has a value.
    pub has_username: bool,
    /// Whether `provision.http_auth_password` has a value.
    pub has_password: bool,
    /// The networks of `provision.cidr`.
    pub networks: Vec<String>,
    /// `provision.auto_insert_enabled`.
    pub auto_insert: bool,
}

/// One list of `v_access_controls`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessList {
    /// Its name.
    pub name: String,
    /// Its default: `allow` or `deny`.
    pub default: String,
    /// Networks of its `allow` nodes, with their descriptions.
    pub allows: Vec<(String, String)>,
}

type Text2 = (String, String);

impl FusionPbx {
    /// Looks at everything a [`Survey`] holds. A part that cannot be read says why, and the others go on.
    ///
    /// # Errors
    /// The database cannot be reached at all.
    pub async fn survey(&self) -> Result<Survey, FusionPbxError> {
        let role = self.role().await?;
        let policy = self.policy_facts().await;
        Ok(Survey {
            version: self.version().await.ok().flatten(),
            role,
            tenants: self.part(self.enabled_tenants().await),
            policy: self.part(policy),
            users: self.part(self.user_facts().await),
            provisioning: self.part(self.provisioning_facts().await),
            access_lists: self.part(self.access_lists().await),
            switch: self.part(self.switch_side().await),
        })
    }

    fn part<T>(&self, outcome: Result<T, FusionPbxError>) -> Part<T> {
        self.heed(outcome).map_err(|error| error.to_string())
    }

    async fn role(&self) -> Result<Role, FusionPbxError> {
        let sql = "SELECT role.rolname::text, role.rolsuper, \
                NOT role.rolsuper AND NOT pg_is_in_recovery() AND coalesce(has_column_privilege( \
                    to_regclass('public.v_default_settings')::oid, 'default_setting_value', 'UPDATE'), false), \
                coalesce((SELECT array_agg(rolname::text ORDER BY rolname) FROM pg_roles \
                    WHERE rolsuper AND rolcanlogin AND rolname <> 'postgres'), '{}') \
             FROM pg_roles AS role WHERE role.rolname = session_user";
        let role: Result<(String, bool, bool, Vec<String>), _> = sqlx::query_as(sql).fetch_one(&self.pool).await;
        let (name, superuser, may_write_settings, superusers) = role.map_err(FusionPbxError::from)?;
        Ok(Role { name, superuser, may_write_settings, superusers })
    }

    async fn version(&self) -> Result<Option<String>, FusionPbxError> {
        self.schema().await?.require("v_software", &["software_name", "software_version"])?;
        let sql = "SELECT software_version FROM v_software WHERE software_name = 'FusionPBX' LIMIT 1";
        let version: Option<Option<String>> = sqlx::query_scalar(sql).fetch_optional(&self.pool).await?;
        Ok(version.flatten())
    }

    async fn enabled_tenants(&self) -> Result<Vec<String>, FusionPbxError> {
        let schema = self.schema().await?;
        schema.require("v_domains", &["domain_name"])?;
        let enabled = schema.flag("d", "v_domains", "domain_enabled")?;
        let sql = format!(
            "SELECT coalesce(d.domain_name, '') FROM v_domains AS d WHERE {enabled} ORDER BY 1 LIMIT {MOST_TENANTS}"
        );
        Ok(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&self.pool).await?)
    }

    async fn policy_facts(&self) -> Result<PolicyFacts, FusionPbxError> {
        let global = self.global_policy().await?;
        let page = self
            .overrides(&Reach::Everything, &global, &OverridesWanted { limit: MOST_EXAMPLES, ..Default::default() })
            .await?;
        let example = |one: &Override| {
            format!("{}: {} = {}", one.tenant.name, one.key, one.row.stored.value.as_deref().unwrap_or_default())
        };
        let effective = |reading: &PolicyReading| EffectiveSetting {
            category: reading.key.category().to_owned(),
            subcategory: reading.key.subcategory().to_owned(),
            value: reading.value().map(str::to_owned),
            enabled_rows: u32::try_from(reading.enabled_rows()).unwrap_or(u32::MAX),
        };
        Ok(PolicyFacts {
            weaker_tenants: page.weaker_tenants,
            weaker_examples: page.overrides.iter().filter(|one| one.is_weaker).map(example).collect(),
            global: global.iter().filter(|reading| reading.is_shown()).map(effective).collect(),
        })
    }

    async fn user_facts(&self) -> Result<UserFacts, FusionPbxError> {
        let schema = self.schema().await?;
        schema.require("v_users", &["user_uuid", "domain_uuid", "username"])?;
        // FusionPBX 4.4 calls it otherwise.
        let groups = if schema.has("v_user_groups", "user_uuid") { "v_user_groups" } else { "v_group_users" };
        schema.require(groups, &["user_uuid", "group_name"])?;
        schema.require("v_domains", &["domain_uuid", "domain_name"])?;
        let enabled = schema.flag("u", "v_users", "user_enabled")?;
        let members = format!("EXISTS (SELECT FROM {groups} AS m WHERE m.user_uuid = u.user_uuid AND m.group_name");
        let sql = format!(
            "SELECT coalesce(u.username, '') || '@' || coalesce(d.domain_name, '') FROM v_users AS u \
             LEFT JOIN v_domains AS d ON d.domain_uuid = u.domain_uuid \
             WHERE {enabled} AND {members} = 'superadmin') ORDER BY 1 LIMIT {MOST_EXAMPLES}"
        );
        let superadmins = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        let admins = format!("{members} IN ('superadmin', 'admin'))");
        // Judged inside the database: only a number comes out. Both hashes that PHP's `password_hash` makes begin with a
        // dollar sign; FusionPBX takes anything else for MD5 (`core/authentication/resources/classes/plugins/database.php`).
        let modern = "coalesce(u.password ~ '^[$](2[abxy]|argon2i|argon2id)[$]', false)";
        Ok(UserFacts {
            enabled: self.count_users(&enabled, None, "true").await?,
            superadmin_count: self.count_users(&enabled, None, &format!("{members} = 'superadmin')")).await?,
            superadmins,
            admins_without_totp: self.part(
                self.count_users(
                    &enabled,
                    Some("user_totp_secret"),
                    &format!("coalesce(u.user_totp_secret, '') = '' AND {admins}"),
                )
                .await,
            ),
            legacy_hashes: self.part(self.count_users(&enabled, Some("password"), &format!("NOT {modern}")).await),
            with_api_key: self
                .part(self.count_users(&enabled, Some("api_key"), "coalesce(u.api_key::text, '') <> ''").await),
        })
    }

    /// `enabled` and `condition` are made of names of ours.
    async fn count_users(
        &self,
        enabled: &str,
        column: Option<&'static str>,
        condition: &str,
    ) -> Result<u64, FusionPbxError> {
        self.schema().await?.require("v_users", column.as_slice())?;
        let sql = format!("SELECT count(u.user_uuid) FROM v_users AS u WHERE {enabled} AND {condition}");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&self.pool).await.map_err(|error| {
            match (FusionPbxError::from(error), column) {
                // The server names the table only.
                (FusionPbxError::Forbidden { .. }, Some(column)) => {
                    FusionPbxError::Forbidden { reason: format!("no grant to read v_users.{column}") }
                }
                (error, _) => error,
            }
        })?;
        Ok(count.unsigned_abs())
    }

    async fn provisioning_facts(&self) -> Result<ProvisioningFacts, FusionPbxError> {
        let schema = self.schema().await?;
        schema.require("v_default_settings", &DEFAULTS.columns())?;
        let enabled = schema.flag("t", "v_default_settings", "default_setting_enabled")?;
        // A password stays in the database: only whether there is one comes out.
        let sql = format!(
            "SELECT t.default_setting_subcategory, \
                CASE t.default_setting_subcategory WHEN 'http_auth_password' THEN 'set' ELSE t.default_setting_value END \
             FROM v_default_settings AS t \
             WHERE {enabled} AND t.default_setting_category = 'provision' \
                AND t.default_setting_subcategory = ANY ($1::text[]) AND coalesce(t.default_setting_value, '') <> '' \
             ORDER BY t.default_setting_order ASC NULLS LAST, t.default_setting_uuid LIMIT 1000"
        );
        let names = [
            "enabled",
            "http_auth_enabled",
            "http_auth_username",
            "http_auth_password",
            "cidr",
            "auto_insert_enabled",
        ];
        let rows: Vec<Text2> = sqlx::query_as(AssertSqlSafe(sql)).bind(&names[..]).fetch_all(&self.pool).await?;
        let values = |name: &'static str| rows.iter().filter(move |row| row.0 == name).map(|row| row.1.as_str());
        let is_on = |name| values(name).any(|value| Shape::Flag.read(value) == Some(Value::Flag(true)));
        Ok(ProvisioningFacts {
            enabled: is_on("enabled"),
            // Doubled rows may say both: then it is only surely on if none says off.
            http_auth_enabled: is_on("http_auth_enabled")
                && values("http_auth_enabled").all(|value| Shape::Flag.read(value) == Some(Value::Flag(true))),
            has_username: values("http_auth_username").next().is_some(),
            has_password: values("http_auth_password").next().is_some(),
            networks: values("cidr").map(str::to_owned).collect(),
            auto_insert: is_on("auto_insert_enabled"),
        })
    }

    async fn access_lists(&self) -> Result<Vec<AccessList>, FusionPbxError> {
        let schema = self.schema().await?;
        schema.require(
            "v_access_controls",
            &["access_control_uuid", "access_control_name", "access_control_default"],
        )?;
        schema.require(
            "v_access_control_nodes",
            &["access_control_uuid", "node_type", "node_cidr", "node_description"],
        )?;
        let sql = "SELECT list.access_control_uuid, coalesce(list.access_control_name, ''), \
                coalesce(list.access_control_default, ''), node.node_cidr, coalesce(node.node_description, '') \
             FROM (SELECT access_control_uuid, access_control_name, access_control_default FROM v_access_controls \
                ORDER BY access_control_name, access_control_uuid LIMIT 200) AS list \
             LEFT JOIN v_access_control_nodes AS node ON node.access_control_uuid = list.access_control_uuid \
                AND node.node_type = 'allow' AND coalesce(node.node_cidr, '') <> '' \
             ORDER BY 2, 1, 4, 5 LIMIT 20000";
        let rows: Vec<(Uuid, String, String, Option<String>, String)> =
            sqlx::query_as(sql).fetch_all(&self.pool).await?;
        let mut lists: Vec<(Uuid, AccessList)> = Vec::new();
        for (id, name, default, network, description) in rows {
            if lists.last().is_none_or(|(last, _)| *last != id) {
                lists.push((id, AccessList { name, default, allows: Vec::new() }));
            }
            if let (Some((_, list)), Some(network)) = (lists.last_mut(), network) {
                list.allows.push((network, description));
            }
        }
        Ok(lists.into_iter().map(|(_, list)| list).collect())
    }
}
