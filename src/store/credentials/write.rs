//! Keeping a run, in pieces, and thinning out what is old.

use crate::store::credentials::{
    CredentialPlace, CredentialRun, MOST_RUNS, NOTHING, PIECE, RUNS_WITH_TENANTS, json, number, tenant_text,
};
use crate::store::{Store, StoreError};

impl Store {
    /// Keeps a run, and thins out what is old. It is written in pieces, and counts when the last is there.
    ///
    /// # Errors
    /// The store failed; the former run then still counts.
    pub async fn keep_credential_run(&self, run: &CredentialRun) -> Result<i64, StoreError> {
        let id = self.begin_credential_run(run).await?;
        let counts: Vec<_> = run
            .counts
            .iter()
            .map(|(key, count)| (key.whose.text(), &key.table, &key.reason, key.severity, number(*count)))
            .collect();
        for piece in counts.chunks(PIECE) {
            let rows = json(&piece)?;
            sqlx::query!(
                "INSERT INTO credential_counts (run_id, tenant, table_name, reason, severity, places)
                 SELECT ?, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
                        json_extract(value, '$[3]'), json_extract(value, '$[4]') FROM json_each(?)",
                id,
                rows
            )
            .execute(&self.pool)
            .await?;
        }
        for piece in run.places.chunks(PIECE) {
            let row = |one: &CredentialPlace| {
                let CredentialPlace { table, tenant, domain, place, severity, own_severity, reasons } = one.clone();
                let reasons = format!(" {} ", reasons.join(" "));
                (table, tenant_text(tenant), domain, place, severity, own_severity.unwrap_or(NOTHING), reasons)
            };
            let rows = json(&piece.iter().map(row).collect::<Vec<_>>())?;
            sqlx::query!(
                "INSERT INTO credential_places
                     (run_id, table_name, tenant, domain, place, severity, own_severity, reasons)
                 SELECT ?, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
                        json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
                        json_extract(value, '$[6]') FROM json_each(?)",
                id,
                rows
            )
            .execute(&self.pool)
            .await?;
        }
        sqlx::query!("UPDATE credential_runs SET finished = 1 WHERE id = ?", id).execute(&self.pool).await?;
        self.thin_out_credential_runs(id).await?;
        Ok(id)
    }

    async fn begin_credential_run(&self, run: &CredentialRun) -> Result<i64, StoreError> {
        let (began, ended) = (run.times.0.unix(), run.times.1.unix());
        let (judged, found) = (number(run.judged), number(run.found));
        let id = sqlx::query_scalar!(
            r#"INSERT INTO credential_runs (began_at, ended_at, judged, places) VALUES (?, ?, ?, ?) RETURNING id AS "id!""#,
            began,
            ended,
            judged,
            found
        )
        .fetch_one(&self.pool)
        .await?;
        for (table, reason) in &run.gaps {
            sqlx::query!(
                "INSERT OR IGNORE INTO credential_gaps (run_id, table_name, reason) VALUES (?, ?, ?)",
                id,
                table,
                reason
            )
            .execute(&self.pool)
            .await?;
        }
        Ok(id)
    }

    /// Of older runs the trend is kept, and nothing else; of runs that were cut off, nothing.
    async fn thin_out_credential_runs(&self, id: i64) -> Result<(), StoreError> {
        let piece = i64::try_from(PIECE).unwrap_or(i64::MAX);
        loop {
            let gone = sqlx::query!(
                "DELETE FROM credential_places WHERE id IN (SELECT id FROM credential_places WHERE run_id < ? LIMIT ?)",
                id,
                piece
            )
            .execute(&self.pool)
            .await?;
            if gone.rows_affected() == 0 {
                break;
            }
        }
        sqlx::query!("DELETE FROM credential_counts WHERE run_id < ? AND reason <> ''", id)
            .execute(&self.pool)
            .await?;
        sqlx::query!("DELETE FROM credential_gaps WHERE run_id < ?", id).execute(&self.pool).await?;
        let (thin, gone) = (id - RUNS_WITH_TENANTS, id - MOST_RUNS);
        sqlx::query!("DELETE FROM credential_counts WHERE run_id <= ? AND tenant <> '*'", thin)
            .execute(&self.pool)
            .await?;
        sqlx::query!("DELETE FROM credential_runs WHERE id <= ? OR (id < ? AND finished = 0)", gone, id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
