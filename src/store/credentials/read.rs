//! What was kept, as far as a visitor reaches.

use std::collections::BTreeMap;

use crate::base::clock::Timestamp;
use crate::base::ids::TenantId;
use crate::base::role::Reach;
use crate::store::credentials::{
    CredentialPlace, NOTHING, PlacesWanted, ReasonCount, RunHead, TrendPoint, hidden, reach_text, severity,
    tenant_text,
};
use crate::store::{Store, StoreError};

impl Store {
    /// The newest run.
    ///
    /// # Errors
    /// The store failed.
    pub async fn newest_credential_run(&self) -> Result<Option<RunHead>, StoreError> {
        let row = sqlx::query!(
            r#"SELECT id, began_at, ended_at, judged, places,
                      (SELECT COUNT(*) FROM credential_places WHERE run_id = credential_runs.id) AS "kept!: i64"
               FROM credential_runs WHERE finished = 1 ORDER BY id DESC LIMIT 1"#
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| RunHead {
            id: row.id,
            ended: Timestamp::from_unix(row.ended_at),
            seconds: row.ended_at.saturating_sub(row.began_at).unsigned_abs(),
            judged: row.judged.unsigned_abs(),
            found: row.places.unsigned_abs(),
            kept: row.kept.unsigned_abs(),
        }))
    }

    /// How many places of run `id` in reach, of `tenant` alone where one is named, have which reason, worst first; with
    /// an empty reason, by the worst of each.
    ///
    /// # Errors
    /// The store failed.
    pub async fn credential_counts(
        &self,
        reach: &Reach,
        tenant: Option<TenantId>,
        id: i64,
    ) -> Result<Vec<ReasonCount>, StoreError> {
        let whose = match tenant {
            Some(tenant) if reach.covers(Some(tenant)) => tenant.to_string(),
            Some(_) => return Ok(Vec::new()),
            None => reach_text(reach),
        };
        let hidden = hidden(reach);
        let rows = sqlx::query!(
            "SELECT table_name, reason, severity, places FROM credential_counts
             WHERE run_id = ? AND tenant = ? AND (reason <> ? OR reason = '') ORDER BY severity, places DESC, reason, table_name",
            id,
            whose,
            hidden
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| ReasonCount {
                table: row.table_name,
                reason: row.reason,
                severity: severity(row.severity),
                places: row.places.unsigned_abs(),
            })
            .collect())
    }

    /// What run `id` did not look at.
    ///
    /// # Errors
    /// The store failed.
    pub async fn credential_gaps(&self, id: i64) -> Result<Vec<(String, String)>, StoreError> {
        let rows = sqlx::query!(
            "SELECT table_name, reason FROM credential_gaps WHERE run_id = ? ORDER BY table_name, reason LIMIT 100",
            id
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (row.table_name, row.reason)).collect())
    }

    /// The tenants with the most places of run `id`, those of high weight first, at most `limit`; a tenant's own operator
    /// sees none.
    ///
    /// # Errors
    /// The store failed.
    pub async fn worst_tenants(
        &self,
        reach: &Reach,
        id: i64,
        limit: u32,
    ) -> Result<Vec<(TenantId, String, u64)>, StoreError> {
        if *reach != Reach::Everything {
            return Ok(Vec::new());
        }
        let rows = sqlx::query!(
            r#"SELECT tenant AS "tenant!: String", MAX(domain) AS "domain!: String", COUNT(*) AS "places!: i64" FROM credential_places
               WHERE run_id = ? AND tenant <> ''
               GROUP BY tenant ORDER BY SUM(severity < 2) DESC, COUNT(*) DESC, tenant LIMIT ?"#,
            id,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let one = |(tenant, domain, places): (String, String, i64)| {
            Some((tenant.parse().ok()?, domain, places.unsigned_abs()))
        };
        Ok(rows.into_iter().filter_map(|row| one((row.tenant, row.domain, row.places))).collect())
    }

    /// Places of run `id` in reach, worst first, each with the row that the next page begins after.
    ///
    /// # Errors
    /// The store failed.
    pub async fn credential_places(
        &self,
        reach: &Reach,
        id: i64,
        wanted: &PlacesWanted,
    ) -> Result<Vec<(i64, CredentialPlace)>, StoreError> {
        let (whose, hidden) = (reach_text(reach), hidden(reach));
        let tenant = tenant_text(wanted.tenant);
        if !hidden.is_empty() && wanted.reason == hidden {
            return Ok(Vec::new());
        }
        let reason = if wanted.reason.is_empty() { String::new() } else { format!(" {} ", wanted.reason) };
        let rows = sqlx::query!(
            "SELECT id, table_name, tenant, domain, place, severity, own_severity, reasons FROM credential_places
             WHERE run_id = ? AND (? = '*' OR (tenant = ? AND own_severity < 5))
               AND (? = '' OR tenant = ?) AND (? = '' OR table_name = ?)
               AND (? = '' OR instr(reasons, ?) > 0)
               AND (? = '' OR instr(lower(place), lower(?)) > 0 OR instr(lower(domain), lower(?)) > 0)
               AND id > ?
             ORDER BY id LIMIT ?",
            id,
            whose,
            whose,
            tenant,
            tenant,
            wanted.table,
            wanted.table,
            reason,
            reason,
            wanted.find,
            wanted.find,
            wanted.find,
            wanted.after,
            wanted.limit
        )
        .fetch_all(&self.pool)
        .await?;
        let is_own = !hidden.is_empty();
        Ok(rows
            .into_iter()
            .map(|row| {
                let reasons = row.reasons.split_whitespace().filter(|reason| *reason != hidden);
                let own = u8::try_from(row.own_severity).ok().filter(|own| *own < NOTHING);
                let place = CredentialPlace {
                    table: row.table_name,
                    tenant: row.tenant.parse().ok(),
                    domain: row.domain,
                    place: row.place,
                    severity: if is_own { own.unwrap_or(4) } else { severity(row.severity) },
                    own_severity: own,
                    reasons: reasons.map(str::to_owned).collect(),
                };
                (row.id, place)
            })
            .collect())
    }

    /// The trend in reach, oldest first, at most `limit` runs.
    ///
    /// # Errors
    /// The store failed.
    pub async fn credential_trend(&self, reach: &Reach, limit: u32) -> Result<Vec<TrendPoint>, StoreError> {
        let whose = reach_text(reach);
        let rows = sqlx::query!(
            r#"SELECT runs.id AS "id!: i64", runs.ended_at AS "ended_at!: i64", counts.severity AS "severity?: i64", counts.places AS "places?: i64"
               FROM (SELECT id, ended_at FROM credential_runs WHERE finished = 1 ORDER BY id DESC LIMIT ?) AS runs
               LEFT JOIN credential_counts AS counts
                 ON counts.run_id = runs.id AND counts.tenant = ? AND counts.reason = ''
               ORDER BY runs.id"#,
            limit,
            whose
        )
        .fetch_all(&self.pool)
        .await?;
        let mut points: BTreeMap<i64, TrendPoint> = BTreeMap::new();
        for row in rows {
            let at = Timestamp::from_unix(row.ended_at);
            let point = points.entry(row.id).or_insert(TrendPoint { at, places: [0; 5] });
            if let (Some(stored), Some(places)) = (row.severity, row.places)
                && let Some(slot) = point.places.get_mut(usize::from(severity(stored)))
            {
                *slot += places.unsigned_abs();
            }
        }
        Ok(points.into_values().collect())
    }
}
