//! Writing new secrets: a whole batch in one transaction, each row only if it is still what was planned.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, FromRow};
use uuid::Uuid;

use crate::base::secret::Secret;
use crate::fusionpbx::change::ChangeError;
use crate::fusionpbx::database::FusionPbx;
use crate::fusionpbx::error::FusionPbxError;
use crate::fusionpbx::rotation::{
    Columns, FormerSecret, LeftVersions, NewSecret, PlannedSecret, SecretKind, Stands, Target,
};
use crate::fusionpbx::schema::Schema;

/// Why no secret was changed.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// It was changed, removed or given another line since the plan was made, or since the change that is to be undone.
    #[error("{place} was changed by someone else meanwhile: nothing was changed")]
    Moved {
        /// Which one. Hostile text.
        place: String,
    },
    /// What was there before could not be kept, so nothing was changed.
    #[error("what is there now could not be kept, so nothing was changed")]
    NotKept,
    /// The transaction broke while it was being ended: what holds must be read.
    #[error("the connection broke while saving: whether the secrets were changed is not known")]
    OutcomeUnknown,
    /// FusionPBX's database.
    #[error(transparent)]
    Database(#[from] ChangeError),
}

impl From<FusionPbxError> for RotateError {
    fn from(error: FusionPbxError) -> Self {
        Self::Database(error.into())
    }
}

impl From<sqlx::Error> for RotateError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// A secret as it stands, and its version.
#[derive(FromRow)]
struct Locked {
    id: Uuid,
    secret: Option<String>,
    version: String,
}

/// What is written: the row's secret and each line's.
struct Write<'s> {
    target: Target,
    secret: Option<&'s str>,
    lines: Vec<(Uuid, Option<&'s str>)>,
}

impl FusionPbx {
    /// Gives every row of `batch` its new secret, with the lines of phones that follow it; all or none.
    ///
    /// `keep` gets what was there before, when it is read and nothing is written yet: if it fails, nothing is written.
    ///
    /// # Errors
    /// Something of the plan moved; the role may not write; the outcome is unknown.
    pub async fn rotate(
        &self,
        batch: &[NewSecret],
        keep: impl AsyncFnOnce(&[FormerSecret]) -> bool,
    ) -> Result<Vec<LeftVersions>, RotateError> {
        let schema = self.schema().await?;
        let mut connection = self.writable().await?;
        let mut transaction = connection.begin().await?;
        let mut former = Vec::new();
        for new in batch {
            former.push(lock_planned(&mut transaction, &new.planned).await?);
        }
        if !keep(&former).await {
            return Err(RotateError::NotKept);
        }
        let mut left = Vec::new();
        for new in batch {
            let secret = Some(new.secret.expose().as_str());
            let lines = new.planned.lines.iter().map(|line| (line.id, secret)).collect();
            let write = Write { target: new.planned.target, secret, lines };
            left.push(write_secret(&mut transaction, &schema, &write).await?);
        }
        transaction.commit().await.map_err(|_| RotateError::OutcomeUnknown)?;
        Ok(left)
    }

    /// Puts former secrets back where nothing was touched since; all or none.
    ///
    /// # Errors
    /// Something was touched; the role may not write; the outcome is unknown.
    pub async fn put_back(&self, former: &[FormerSecret], left: &[LeftVersions]) -> Result<(), RotateError> {
        let schema = self.schema().await?;
        let mut connection = self.writable().await?;
        let mut transaction = connection.begin().await?;
        for one in former {
            let versions = left.iter().find(|left| left.target == one.target);
            let Some(versions) = versions else { return Err(moved(one.target)) };
            lock(&mut transaction, one.target, &versions.xmin).await?;
            let ids: Vec<Uuid> = versions.lines.iter().map(|line| line.0).collect();
            let lines = lock_lines(&mut transaction, &ids).await?;
            let is_left = |line: &Locked| versions.lines.contains(&(line.id, line.version.clone()));
            if lines.len() != versions.lines.len() || !lines.iter().all(is_left) {
                return Err(moved(one.target));
            }
            let text = |secret: &'_ Option<Secret<String>>| secret.as_ref().map(|secret| secret.expose().clone());
            let secrets: Vec<(Uuid, Option<String>)> =
                one.lines.iter().map(|(id, secret)| (*id, text(secret))).collect();
            let lines = secrets.iter().map(|(id, secret)| (*id, secret.as_deref())).collect();
            let secret = one.secret.as_ref().map(|secret| secret.expose().as_str());
            write_secret(&mut transaction, &schema, &Write { target: one.target, secret, lines }).await?;
        }
        transaction.commit().await.map_err(|_| RotateError::OutcomeUnknown)
    }

    /// Which of two secrets a row holds, after an outcome that nobody knows.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn secret_stands(
        &self,
        former: &FormerSecret,
        new: Option<&Secret<String>>,
    ) -> Result<(Stands, Option<LeftVersions>), RotateError> {
        let Columns { table, id, secret, .. } = former.target.kind.columns();
        let sql = format!(
            "SELECT t.{id} AS id, t.{secret} AS secret, t.xmin::text AS version FROM {table} AS t WHERE t.{id} = $1 \
             FOR UPDATE"
        );
        // The lock waits for whoever is just changing it: without it a batch that goes well would look undone.
        let there: Option<Locked> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(former.target.id).fetch_optional(&self.pool).await?;
        let Some(there) = there else { return Ok((Stands::Neither, None)) };
        let text = |secret: &'_ Option<Secret<String>>| secret.as_ref().map(|secret| secret.expose().clone());
        let mut connection = self.pool.acquire().await?;
        let ids: Vec<Uuid> = former.lines.iter().map(|line| line.0).collect();
        let lines = read_lines(&mut connection, &ids, "").await?;
        if new.is_some_and(|new| there.secret.as_ref() == Some(new.expose())) {
            let lines = lines.into_iter().map(|line| (line.id, line.version)).collect();
            return Ok((Stands::New, Some(LeftVersions { target: former.target, xmin: there.version, lines })));
        }
        let is_former =
            |line: &Locked| former.lines.iter().any(|(id, secret)| *id == line.id && text(secret) == line.secret);
        let all_former =
            there.secret == text(&former.secret) && lines.len() == former.lines.len() && lines.iter().all(is_former);
        Ok((if all_former { Stands::Former } else { Stands::Neither }, None))
    }
}

fn moved(target: Target) -> RotateError {
    RotateError::Moved { place: target.kind.word().to_owned() }
}

async fn lock_planned(on: &mut PgConnection, planned: &PlannedSecret) -> Result<FormerSecret, RotateError> {
    let moved = || RotateError::Moved { place: format!("{} of {}", planned.place, planned.tenant.name) };
    let there = lock(on, planned.target, &planned.xmin).await.map_err(|error| match error {
        RotateError::Moved { .. } => moved(),
        other => other,
    })?;
    let mut lines = Vec::new();
    if planned.target.kind == SecretKind::Extension {
        let rows = lines_of(on, planned).await?;
        let is_planned =
            |row: &Locked| planned.lines.iter().any(|line| line.id == row.id && line.xmin == row.version);
        // A line that came since would go on with the old secret.
        if rows.len() != planned.lines.len() || !rows.iter().all(is_planned) {
            return Err(moved());
        }
        lines = rows.into_iter().map(|row| (row.id, row.secret.map(Secret::new))).collect();
    }
    Ok(FormerSecret { target: planned.target, secret: there.secret.map(Secret::new), lines })
}

async fn lock(on: &mut PgConnection, target: Target, xmin: &str) -> Result<Locked, RotateError> {
    let Columns { table, id, secret, .. } = target.kind.columns();
    let sql = format!(
        "SELECT t.{id} AS id, t.{secret} AS secret, t.xmin::text AS version FROM {table} AS t WHERE t.{id} = $1 FOR UPDATE"
    );
    let there: Option<Locked> = sqlx::query_as(AssertSqlSafe(sql)).bind(target.id).fetch_optional(on).await?;
    there.filter(|there| there.version == xmin).ok_or_else(|| moved(target))
}

/// The lines that follow an extension now.
async fn lines_of(on: &mut PgConnection, planned: &PlannedSecret) -> Result<Vec<Locked>, RotateError> {
    let sql = "SELECT l.device_line_uuid AS id, l.password AS secret, l.xmin::text AS version \
         FROM v_device_lines AS l WHERE l.domain_uuid = $1 AND l.user_id = $2 AND l.server_address = $3 \
         ORDER BY l.device_line_uuid FOR UPDATE";
    let query = sqlx::query_as(sql).bind(planned.tenant.id.0).bind(&planned.place).bind(&planned.tenant.name);
    Ok(query.fetch_all(on).await?)
}

async fn lock_lines(on: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Locked>, RotateError> {
    read_lines(on, ids, "FOR UPDATE").await
}

async fn read_lines(on: &mut PgConnection, ids: &[Uuid], lock: &'static str) -> Result<Vec<Locked>, RotateError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT l.device_line_uuid AS id, l.password AS secret, l.xmin::text AS version \
         FROM v_device_lines AS l WHERE l.device_line_uuid = ANY($1) ORDER BY l.device_line_uuid {lock}"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql)).bind(ids).fetch_all(on).await?)
}

async fn write_secret(
    on: &mut PgConnection,
    schema: &Schema,
    write: &Write<'_>,
) -> Result<LeftVersions, RotateError> {
    let Columns { table, id, secret, .. } = write.target.kind.columns();
    let dated = |table: &str| if schema.has(table, "update_date") { ", update_date = now()" } else { "" };
    let sql =
        format!("UPDATE {table} AS t SET {secret} = $1{} WHERE t.{id} = $2 RETURNING t.xmin::text", dated(table));
    let versions: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(sql)).bind(write.secret).bind(write.target.id).fetch_all(&mut *on).await?;
    let [xmin] = versions.as_slice() else { return Err(moved(write.target)) };
    let mut lines = Vec::new();
    let sql = format!(
        "UPDATE v_device_lines AS l SET password = $1{} WHERE l.device_line_uuid = $2 RETURNING l.xmin::text",
        dated("v_device_lines")
    );
    for (line, secret) in &write.lines {
        let query = sqlx::query_scalar(AssertSqlSafe(sql.clone())).bind(secret).bind(line);
        let versions: Vec<String> = query.fetch_all(&mut *on).await?;
        let [xmin] = versions.as_slice() else { return Err(moved(write.target)) };
        lines.push((*line, xmin.clone()));
    }
    Ok(LeftVersions { target: write.target, xmin: xmin.clone(), lines })
}
