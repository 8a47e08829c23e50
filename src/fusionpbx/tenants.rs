//! Tenants: FusionPBX's domains.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::base::ids::TenantId;
use crate::base::names::Fqdn;
use crate::base::role::OwnDomain;
use crate::fusionpbx::database::FusionPbx;
use crate::fusionpbx::error::FusionPbxError;

/// A row of `v_domains`. The name is hostile text: nothing in FusionPBX or its database limits it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its key.
    pub id: TenantId,
    /// Its name; empty where the database has NULL.
    pub name: String,
    /// Whether it is enabled.
    pub enabled: bool,
}

/// How the domain of a tenant's own operator stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnDomainState {
    /// It is there and enabled.
    Here(OwnDomain),
    /// It is switched off.
    Disabled,
    /// There is none any more.
    Gone,
}

/// Which tenants are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantsWanted {
    /// Only names that contain this, in any case.
    pub search: String,
    /// Only those after this one.
    pub after: Option<TenantId>,
    /// At most so many; never more than 200.
    pub limit: u16,
}

/// One page of tenants, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantsPage {
    /// The tenants.
    pub tenants: Vec<Tenant>,
    /// How many match in all.
    pub total: u64,
    /// Where the next page begins, if there is one.
    pub next: Option<TenantId>,
}

/// The count stands in every row; a row without an id means that the page is empty.
type RawRow = (i64, Option<Uuid>, Option<String>, Option<bool>);

pub(super) const MOST_ROWS: u16 = 200;

impl FusionPbx {
    /// How many tenants there are, disabled ones too.
    ///
    /// # Errors
    /// The database does not answer, or has no `v_domains`.
    pub async fn count_tenants(&self) -> Result<u64, FusionPbxError> {
        let schema = self.schema().await?;
        self.heed(schema.require("v_domains", &["domain_uuid"]))?;
        let count: Result<i64, _> =
            sqlx::query_scalar("SELECT count(domain_uuid) FROM v_domains").fetch_one(&self.pool).await;
        self.heed(count.map(i64::unsigned_abs).map_err(FusionPbxError::from))
    }

    /// The name of one tenant; `None` if it is gone.
    ///
    /// # Errors
    /// The database does not answer, or has no `v_domains`.
    pub async fn tenant_name(&self, tenant: TenantId) -> Result<Option<String>, FusionPbxError> {
        let schema = self.schema().await?;
        self.heed(schema.require("v_domains", &["domain_uuid", "domain_name"]))?;
        let name = sqlx::query_scalar("SELECT coalesce(domain_name, '') FROM v_domains WHERE domain_uuid = $1")
            .bind(tenant.0)
            .fetch_optional(&self.pool)
            .await;
        self.heed(name.map_err(FusionPbxError::from))
    }

    /// The domain that a tenant's own operator is bound to, as it is now.
    ///
    /// # Errors
    /// The database does not answer, or this FusionPBX lacks a column that is needed.
    pub async fn own_domain(&self, id: TenantId) -> Result<OwnDomainState, FusionPbxError> {
        let state = self.ask_own_domain(id).await;
        self.heed(state)
    }

    async fn ask_own_domain(&self, id: TenantId) -> Result<OwnDomainState, FusionPbxError> {
        let schema = self.schema().await?;
        schema.require("v_domains", &["domain_uuid", "domain_name"])?;
        let enabled = schema.flag("d", "v_domains", "domain_enabled")?;
        // As host names are compared: without spaces around, without the last dot, in lower case.
        let host = |name: &str| format!("lower(regexp_replace(btrim({name}, E' \\t\\r\\n'), '\\.$', ''))");
        let sql = format!(
            "SELECT coalesce(d.domain_name, ''), {enabled}, \
                (SELECT count(*) FROM v_domains AS o WHERE {} = {}) \
             FROM v_domains AS d WHERE d.domain_uuid = $1",
            host("o.domain_name"),
            host("d.domain_name")
        );
        let row: Option<(String, bool, i64)> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(id.0).fetch_optional(&self.pool).await?;
        Ok(match row {
            None => OwnDomainState::Gone,
            Some((_, false, _)) => OwnDomainState::Disabled,
            Some((name, true, called_so)) => {
                let host = Fqdn::parse(&name).ok().filter(|_| called_so == 1);
                OwnDomainState::Here(OwnDomain { id, name, host })
            }
        })
    }

    /// The enabled tenants called `name`, in any case: two at most, for more than one is too many.
    ///
    /// # Errors
    /// The database does not answer, or this FusionPBX lacks a column that is needed.
    pub async fn tenants_called(&self, name: &str) -> Result<Vec<Tenant>, FusionPbxError> {
        let found = self.ask_tenants_called(name).await;
        self.heed(found)
    }

    async fn ask_tenants_called(&self, name: &str) -> Result<Vec<Tenant>, FusionPbxError> {
        let schema = self.schema().await?;
        schema.require("v_domains", &["domain_uuid", "domain_name"])?;
        let enabled = schema.flag("d", "v_domains", "domain_enabled")?;
        let sql = format!(
            "SELECT d.domain_uuid, d.domain_name FROM v_domains AS d \
             WHERE lower(d.domain_name) = lower($1) AND {enabled} LIMIT 2"
        );
        let rows: Vec<(Uuid, String)> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(name.trim()).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|(id, name)| Tenant { id: TenantId(id), name, enabled: true }).collect())
    }

    /// One page of tenants.
    ///
    /// # Errors
    /// The database does not answer, or this FusionPBX lacks a column that is needed.
    pub async fn tenants(&self, wanted: &TenantsWanted) -> Result<TenantsPage, FusionPbxError> {
        let page = self.ask_tenants(wanted).await;
        self.heed(page)
    }

    async fn ask_tenants(&self, wanted: &TenantsWanted) -> Result<TenantsPage, FusionPbxError> {
        let schema = self.schema().await?;
        schema.require("v_domains", &["domain_uuid", "domain_name"])?;
        let enabled = schema.flag("d", "v_domains", "domain_enabled")?;
        let sql = format!(
            "WITH matching AS ( \
                SELECT d.domain_uuid AS id, coalesce(d.domain_name, '') AS name, {enabled} AS enabled \
                FROM v_domains AS d \
                WHERE $1 = '' OR strpos(lower(coalesce(d.domain_name, '')), lower($1)) > 0 \
             ) \
             SELECT (SELECT count(id) FROM matching), page.id, page.name, page.enabled \
             FROM (SELECT true) AS always LEFT JOIN ( \
                SELECT id, name, enabled FROM matching \
                WHERE $2::uuid IS NULL \
                    OR (name, id) > (SELECT coalesce(domain_name, ''), domain_uuid FROM v_domains WHERE domain_uuid = $2) \
                ORDER BY name, id LIMIT $3 \
             ) AS page ON true \
             ORDER BY page.name, page.id"
        );
        let limit = wanted.limit.clamp(1, MOST_ROWS);
        let query = sqlx::query_as(AssertSqlSafe(sql)).bind(&wanted.search).bind(wanted.after.map(|id| id.0));
        let rows: Vec<RawRow> = query.bind(i64::from(limit) + 1).fetch_all(&self.pool).await?;
        let total = rows.first().map_or(0, |row| row.0.unsigned_abs());
        let tenant = |row: RawRow| Some(Tenant { id: TenantId(row.1?), name: row.2?, enabled: row.3? });
        let mut tenants: Vec<Tenant> = rows.into_iter().filter_map(tenant).collect();
        let has_more = tenants.len() > usize::from(limit);
        tenants.truncate(usize::from(limit));
        let next = tenants.last().filter(|_| has_more).map(|tenant| tenant.id);
        Ok(TenantsPage { tenants, total, next })
    }
}
