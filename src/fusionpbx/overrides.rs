//! Password settings that tenants set for themselves, the weaker ones first.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::base::ids::{SettingId, TenantId};
use crate::base::role::Reach;
use crate::fusionpbx::database::FusionPbx;
use crate::fusionpbx::error::FusionPbxError;
use crate::fusionpbx::schema::Schema;
use crate::fusionpbx::settings::{DOMAINS, PolicyReading, SettingRow, Stored, Table, known_names};
use crate::fusionpbx::tenants::{MOST_ROWS, Tenant};
use crate::policy::{Era, Key, Shape, Value};

/// One row of `v_domain_settings` of a known password setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// Whose it is.
    pub tenant: Tenant,
    /// Which setting.
    pub key: Key,
    /// The row.
    pub row: SettingRow,
    /// Whether it is in force and asks for less than the global value. Settings that FusionPBX does not use never are.
    pub is_weaker: bool,
}

/// Which overrides are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverridesWanted {
    /// Only tenants whose names contain this, in any case.
    pub search: String,
    /// Only of this setting.
    pub key: Option<Key>,
    /// Only this one.
    pub id: Option<SettingId>,
    /// Only those after this one; if it is gone, from the first.
    pub after: Option<SettingId>,
    /// At most so many; never more than 200.
    pub limit: u16,
}

/// One page of overrides: weaker first, then by tenant and setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverridesPage {
    /// The overrides.
    pub overrides: Vec<Override>,
    /// How many match in all.
    pub total: u64,
    /// How many of those are weaker.
    pub weaker: u64,
    /// How many tenants have a weaker one.
    pub weaker_tenants: u64,
    /// Where the next page begins, if there is one.
    pub next: Option<SettingId>,
    /// How old the answer is: nothing, unless there are so many overrides that it was kept for some seconds.
    pub age: Duration,
}

/// With more overrides than this, an answer of the last seconds is given while FusionPBX writes all the time.
const MANY: u64 = 2_000;

/// A question to which the answer may be remembered: whose, which, and measured against which levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    tenant: Option<TenantId>,
    wanted: OverridesWanted,
    level: Vec<i64>,
}

/// The counts stand in every row; a row without an id means that the page is empty.
#[derive(sqlx::FromRow)]
struct RawRow {
    total: i64,
    weaker_total: i64,
    weaker_tenants: i64,
    id: Option<Uuid>,
    tenant: Option<Uuid>,
    tenant_name: Option<String>,
    tenant_enabled: Option<bool>,
    category: Option<String>,
    subcategory: Option<String>,
    value: Option<String>,
    enabled: Option<bool>,
    position: Option<String>,
    version: Option<String>,
    weaker: Option<bool>,
}

impl RawRow {
    fn found(self) -> Option<Override> {
        Some(Override {
            tenant: Tenant { id: TenantId(self.tenant?), name: self.tenant_name?, enabled: self.tenant_enabled? },
            key: Key::find(&self.category?, &self.subcategory?)?,
            row: SettingRow {
                id: SettingId(self.id?),
                stored: Stored { value: self.value, enabled: self.enabled? },
                order: self.position,
                xmin: self.version?,
            },
            is_weaker: self.weaker?,
        })
    }
}

impl FusionPbx {
    /// One page of the overrides in reach, measured against `global` from [`FusionPbx::global_policy`]. One query, of any number of
    /// tenants.
    ///
    /// # Errors
    /// The database does not answer, or this FusionPBX lacks a column that is needed.
    pub async fn overrides(
        &self,
        reach: &Reach,
        global: &[PolicyReading],
        wanted: &OverridesWanted,
    ) -> Result<OverridesPage, FusionPbxError> {
        let page = self.ask_overrides(reach, global, wanted).await;
        self.heed(page)
    }

    async fn ask_overrides(
        &self,
        reach: &Reach,
        global: &[PolicyReading],
        wanted: &OverridesWanted,
    ) -> Result<OverridesPage, FusionPbxError> {
        let schema = self.schema().await?;
        let (sql, era) = (statement(&schema)?, schema.evidence().era());
        let (categories, subcategories) = known_names();
        let settings = categories.iter().zip(&subcategories).filter_map(|(one, other)| Key::find(one, other));
        let (is_flag, level): (Vec<bool>, Vec<i64>) = settings.map(|key| yardstick(key, era, global)).unzip();
        let asked = Asked { tenant: reach.tenant(), wanted: wanted.clone(), level };
        let snapshot = self.snapshot().await?;
        if let Some(known) = self.overrides.recall(snapshot.as_deref(), &asked) {
            return Ok(known);
        }
        if self.is_large()
            && let Some(lately) = self.overrides.lately(&asked)
        {
            if lately.is_to_be_asked {
                let (this, question) = (self.clone(), (asked, is_flag));
                tokio::spawn(async move {
                    // A failure is met again, and told, by the next page that asks.
                    drop(this.fetch_overrides(question, sql).await);
                    this.overrides.asked();
                });
            }
            return Ok(OverridesPage { age: lately.age, ..lately.answer });
        }
        self.fetch_overrides((asked, is_flag), sql).await
    }

    async fn fetch_overrides(
        &self,
        (asked, is_flag): (Asked, Vec<bool>),
        sql: String,
    ) -> Result<OverridesPage, FusionPbxError> {
        let writes = self.overrides.writes();
        // Taken first: what is committed between the two questions makes the answer newer, and the next one is asked anew.
        let snapshot = self.snapshot().await?;
        let Asked { tenant, wanted, level } = &asked;
        let (categories, subcategories) = known_names();
        let limit = wanted.limit.clamp(1, MOST_ROWS);
        let query = sqlx::query_as(AssertSqlSafe(sql)).bind(categories).bind(subcategories).bind(is_flag).bind(level);
        let query = query.bind(&wanted.search).bind(wanted.key.map(|key| key.to_string()));
        let query = query.bind(wanted.after.map(|id| id.0)).bind(i64::from(limit) + 1);
        let query = query.bind(tenant.map(|id| id.0)).bind(wanted.id.map(|id| id.0));
        let rows: Vec<RawRow> = query.fetch_all(&self.pool).await?;
        let count = |of: fn(&RawRow) -> i64| rows.first().map_or(0, |row| of(row).unsigned_abs());
        let (total, weaker) = (count(|row| row.total), count(|row| row.weaker_total));
        let weaker_tenants = count(|row| row.weaker_tenants);
        let mut overrides: Vec<Override> = rows.into_iter().filter_map(RawRow::found).collect();
        let has_more = overrides.len() > usize::from(limit);
        overrides.truncate(usize::from(limit));
        let next = overrides.last().filter(|_| has_more).map(|one| one.row.id);
        let page = OverridesPage { overrides, total, weaker, weaker_tenants, next, age: Duration::ZERO };
        if total > MANY {
            self.is_large.store(true, Ordering::Relaxed);
        }
        self.overrides.keep((snapshot, writes), asked, page.clone());
        Ok(page)
    }
}

/// What an override of `key` is measured against: whether it is a flag, and the global value as a number. A setting
/// that FusionPBX does not use gets a level that nothing is below.
fn yardstick(key: Key, era: Era, global: &[PolicyReading]) -> (bool, i64) {
    let setting = key.setting();
    let is_flag = setting.shape == Shape::Flag;
    let value = global.iter().find(|reading| reading.key == key).and_then(PolicyReading::value);
    let level = match value.and_then(|value| setting.shape.read(value)) {
        _ if !key.treatment(era).has_effect() => i64::MIN,
        Some(Value::Number(number)) => i64::from(number),
        Some(Value::Flag(flag)) => i64::from(flag),
        None if is_flag => 0,
        Some(Value::Word(_)) | None => i64::MIN,
    };
    (is_flag, level)
}

/// A number is read as [`Shape::read`] does it: digits that do not fit are large, anything else is the weakest.
fn statement(schema: &Schema) -> Result<String, FusionPbxError> {
    let Table { name, id, category, subcategory, value, order, enabled } = DOMAINS;
    schema.require(name, &[id, category, subcategory, value, order, enabled, "domain_uuid"])?;
    schema.require("v_domains", &["domain_uuid", "domain_name"])?;
    let in_force = schema.flag("t", name, enabled)?;
    let tenant_enabled = schema.flag("d", "v_domains", "domain_enabled")?;
    Ok(format!(
        "WITH found AS ( \
            SELECT t.{id} AS id, t.{category} AS category, t.{subcategory} AS subcategory, t.{value} AS value, \
                {in_force} AS enabled, t.{order}::text AS position, t.xmin::text AS version, \
                d.domain_uuid AS tenant, coalesce(d.domain_name, '') AS tenant_name, \
                {tenant_enabled} AS tenant_enabled, known.level AS global_level, \
                CASE \
                    WHEN known.is_flag THEN (lower(btrim(t.{value}, E' \\t\\r\\n')) IN ('true', '1', 'on', 'yes'))::int \
                    WHEN length(t.{value}) BETWEEN 1 AND 9 AND translate(t.{value}, '0123456789', '') = '' \
                        THEN t.{value}::bigint \
                    WHEN btrim(t.{value}, E' \\t\\r\\n') !~ '^[0-9]+$' THEN -1 \
                    WHEN length(ltrim(btrim(t.{value}, E' \\t\\r\\n'), '0')) > 9 THEN 4294967295 \
                    ELSE btrim(t.{value}, E' \\t\\r\\n')::bigint \
                END AS level \
            FROM {name} AS t \
            JOIN unnest($1::text[], $2::text[], $3::boolean[], $4::bigint[]) \
                AS known (category, subcategory, is_flag, level) \
                ON t.{category} = known.category AND t.{subcategory} = known.subcategory \
            JOIN v_domains AS d ON d.domain_uuid = t.domain_uuid \
            WHERE ($5 = '' OR strpos(lower(coalesce(d.domain_name, '')), lower($5)) > 0) \
                AND ($6::text IS NULL OR $6 = t.{category} || '.' || t.{subcategory}) \
                AND ($9::uuid IS NULL OR $9 = t.domain_uuid) AND ($10::uuid IS NULL OR $10 = t.{id}) \
         ), judged AS MATERIALIZED ( \
            SELECT *, (enabled AND tenant_enabled AND coalesce(value, '') <> '' AND level < global_level) AS weaker \
            FROM found \
         ), ranked AS ( \
            SELECT *, (CASE WHEN weaker THEN 0 ELSE 1 END, tenant_name, category, subcategory, id) AS rank FROM judged \
         ), counts AS ( \
            SELECT count(*) AS total, count(*) FILTER (WHERE weaker) AS weaker, \
                count(DISTINCT tenant) FILTER (WHERE weaker) AS weaker_tenants \
            FROM judged \
         ), page AS ( \
            SELECT * FROM ranked \
            WHERE NOT EXISTS (SELECT FROM ranked WHERE id = $7) OR rank > (SELECT rank FROM ranked WHERE id = $7) \
            ORDER BY rank LIMIT $8 \
         ) \
         SELECT counts.total, counts.weaker AS weaker_total, counts.weaker_tenants, page.id, page.tenant, \
            page.tenant_name, page.tenant_enabled, page.category, page.subcategory, page.value, page.enabled, \
            page.position, page.version, page.weaker \
         FROM counts LEFT JOIN page ON true \
         ORDER BY page.rank"
    ))
}
