//! What is known of the secrets among the settings of phones. They are judged inside the database: a word comes out.

use sqlx::AssertSqlSafe;

use crate::base::role::Reach;
use crate::fusionpbx::database::FusionPbx;
use crate::fusionpbx::error::FusionPbxError;
use crate::fusionpbx::schema::Schema;
use crate::fusionpbx::settings::{DEFAULTS, DOMAINS, Table};
use crate::policy::provisioning::{PHONE_SECRETS, PhoneSecret, SecretState};

/// One secret: the rows for all, and the tenants that have rows of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretReading {
    /// Which one.
    pub secret: &'static PhoneSecret,
    /// The state of each default row: of an array, and of duplicates, every enabled row counts.
    pub rows: Vec<SecretState>,
    /// How many tenants have a row of their own that counts and has a value.
    pub tenants: u64,
    /// And in how many of those one is weak, or as FusionPBX ships it.
    pub weak_tenants: u64,
}

impl SecretReading {
    /// The worst of the rows that count; without one, whether there is an empty one.
    #[must_use]
    pub fn state(&self) -> SecretState {
        self.rows.iter().copied().min().unwrap_or(SecretState::Off)
    }

    /// How many rows have a value that counts.
    #[must_use]
    pub fn values(&self) -> usize {
        let has_value = |state: &&SecretState| !matches!(state, SecretState::Empty | SecretState::Off);
        self.rows.iter().filter(has_value).count()
    }
}

impl FusionPbx {
    /// The secrets of phones that have a row, or a tenant's row in reach. For a tenant's own operator the default rows
    /// are no business: only what its domain has comes out.
    ///
    /// # Errors
    /// The database does not answer, or this FusionPBX lacks a column that is needed.
    pub async fn phone_secrets(&self, reach: &Reach) -> Result<Vec<SecretReading>, FusionPbxError> {
        let reading = self.recall_phone_secrets(reach).await;
        self.heed(reading)
    }

    async fn recall_phone_secrets(&self, reach: &Reach) -> Result<Vec<SecretReading>, FusionPbxError> {
        let snapshot = self.snapshot().await?;
        if let Some(known) = self.phone_secrets.recall(snapshot.as_deref(), &reach.tenant()) {
            return Ok(known);
        }
        if self.is_large()
            && let Some(lately) = self.phone_secrets.lately(&reach.tenant())
        {
            if lately.is_to_be_asked {
                let (this, reach) = (self.clone(), reach.clone());
                tokio::spawn(async move {
                    // A failure is met again, and told, by the next page that asks.
                    drop(this.fetch_phone_secrets(&reach).await);
                    this.phone_secrets.asked();
                });
            }
            return Ok(lately.answer);
        }
        self.fetch_phone_secrets(reach).await
    }

    async fn fetch_phone_secrets(&self, reach: &Reach) -> Result<Vec<SecretReading>, FusionPbxError> {
        let writes = self.phone_secrets.writes();
        // Taken first: what is committed between the two questions makes the answer newer, and the next one is asked anew.
        let snapshot = self.snapshot().await?;
        let reading = self.ask_phone_secrets(reach).await?;
        self.phone_secrets.keep((snapshot, writes), reach.tenant(), reading.clone());
        Ok(reading)
    }

    async fn ask_phone_secrets(&self, reach: &Reach) -> Result<Vec<SecretReading>, FusionPbxError> {
        let schema = self.schema().await?;
        let tenant = reach.tenant().map(|tenant| tenant.0);
        let defaults: Vec<(String, String, i64)> = if tenant.is_some() {
            Vec::new()
        } else {
            let sql = format!(
                "SELECT subcategory, state, count(*) FROM ({}) AS judged GROUP BY 1, 2 LIMIT 1000",
                judged(&schema, DEFAULTS, "NULL::uuid")?
            );
            bound(&sql).fetch_all(&self.pool).await?
        };
        let sql = format!(
            "SELECT subcategory, count(DISTINCT tenant) FILTER (WHERE state NOT IN ('off', 'empty')), \
                count(DISTINCT tenant) FILTER (WHERE state IN ('shipped', 'weak')) \
             FROM ({}) AS judged WHERE $4::uuid IS NULL OR tenant = $4 GROUP BY 1",
            judged(&schema, DOMAINS, "t.domain_uuid")?
        );
        let tenants: Vec<(String, i64, i64)> = bound(&sql).bind(tenant).fetch_all(&self.pool).await?;
        let reading = |secret: &'static PhoneSecret| {
            let rows = defaults.iter().filter(|row| row.0 == secret.subcategory);
            let rows = rows.filter_map(|(_, state, count)| Some((SecretState::from_word(state)?, *count)));
            let rows = rows.flat_map(|(state, count)| vec![state; usize::try_from(count).unwrap_or(1)]).collect();
            let of_tenants = tenants.iter().find(|row| row.0 == secret.subcategory);
            let (tenants, weak_tenants) =
                of_tenants.map_or((0, 0), |(_, all, weak)| (all.unsigned_abs(), weak.unsigned_abs()));
            SecretReading { secret, rows, tenants, weak_tenants }
        };
        let is_there = |reading: &SecretReading| !reading.rows.is_empty() || reading.tenants > 0;
        Ok(PHONE_SECRETS.iter().map(reading).filter(is_there).collect())
    }
}

type Asked<'q, T> = sqlx::query::QueryAs<'q, sqlx::Postgres, T, sqlx::postgres::PgArguments>;

fn bound<T>(sql: &str) -> Asked<'static, T>
where
    T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
{
    let names: Vec<&str> = PHONE_SECRETS.iter().map(|secret| secret.subcategory).collect();
    let shipped: Vec<&str> = PHONE_SECRETS.iter().map(|secret| secret.shipped).collect();
    let is_name: Vec<bool> = PHONE_SECRETS.iter().map(|secret| secret.is_name).collect();
    sqlx::query_as(AssertSqlSafe(sql.to_owned())).bind(names).bind(shipped).bind(is_name)
}

/// Each row of a secret with its state, judged by the server.
fn judged(schema: &Schema, table: Table, tenant: &'static str) -> Result<String, FusionPbxError> {
    schema.require(table.name, &table.columns())?;
    if table == DOMAINS {
        schema.require(table.name, &["domain_uuid"])?;
    }
    let enabled = schema.flag("t", table.name, table.enabled)?;
    let Table { name, category, subcategory, value, .. } = table;
    Ok(format!(
        "SELECT known.subcategory, {tenant} AS tenant, \
            CASE WHEN NOT {enabled} THEN 'off' WHEN coalesce(t.{value}, '') = '' THEN 'empty' \
                WHEN known.shipped <> '' AND t.{value} = known.shipped THEN 'shipped' \
                WHEN known.is_name THEN 'set' \
                WHEN length(t.{value}) < 12 OR t.{value} ~ '^[0-9]+$' THEN 'weak' ELSE 'set' END AS state \
         FROM {name} AS t \
         JOIN unnest($1::text[], $2::text[], $3::boolean[]) AS known (subcategory, shipped, is_name) \
            ON t.{category} = 'provision' AND t.{subcategory} = known.subcategory"
    ))
}
