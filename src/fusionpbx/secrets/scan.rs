//! Goes through the tables twice, in one snapshot: first for the fingerprints, then to judge. Holds no row and locks
//! nothing that anyone would wait for but a change of a table's columns.

use std::io;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::base::chain::Chain;
use crate::base::clock::Timestamp;
use crate::base::ids::TenantId;
use crate::base::rng::Random;
use crate::fusionpbx::database::FusionPbx;
use crate::fusionpbx::error::FusionPbxError;
use crate::fusionpbx::secrets::fingerprints::{Fingerprints, NOBODY};
use crate::fusionpbx::secrets::row::SecretRow;
use crate::fusionpbx::secrets::tables::{self, Rights, Table};
use crate::fusionpbx::secrets::tenants::{Lengths, Tenant, Tenants};
use crate::fusionpbx::secrets::{Audited, NotTested, Place, powers, users, web_passwords};
use crate::policy::secrets::{Judge, Kind, Reason, Reasons, Subject};
use crate::policy::{Key, Value};

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The database gave no answer.
    #[error(transparent)]
    Database(#[from] FusionPbxError),
    /// Whoever takes the places is gone.
    #[error("the places could not be handed out")]
    Taken(#[from] io::Error),
}

impl From<sqlx::Error> for SecretsError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Takes the places as they are found.
pub(super) type Taker<'a> = &'a mut (dyn FnMut(&Place<'_>) -> io::Result<()> + Send);

impl FusionPbx {
    /// Judges every secret and every account, as of `now`, and hands each place with something wrong to `take`. What may
    /// not be read or does not exist is in the answer, and the rest goes on. `spend` is how long hashes of accounts may be
    /// compared with their phones' secrets.
    ///
    /// # Errors
    /// The database cannot be reached, or goes away; it has no `v_domains`; or `take` failed.
    pub async fn audit_secrets(
        &self,
        random: &dyn Random,
        (now, spend): (Timestamp, Duration),
        take: Taker<'_>,
    ) -> Result<Audited, SecretsError> {
        let outcome = self.run_audit(random, (now, spend), take).await;
        if let Err(SecretsError::Database(error)) = &outcome
            && error.is_about_schema()
        {
            self.forget_schema();
        }
        outcome
    }

    async fn run_audit(
        &self,
        random: &dyn Random,
        (now, spend): (Timestamp, Duration),
        take: Taker<'_>,
    ) -> Result<Audited, SecretsError> {
        let mut audited = Audited::default();
        let lengths = audited.or_not_tested("v_default_settings", self.global_lengths().await)?.unwrap_or_default();
        let schema = self.schema().await?;
        let mut connection = self.pool.acquire().await.map_err(FusionPbxError::from)?;
        let rights = Rights::ask(&mut connection).await?;
        // Before the snapshot, which nothing should have to wait for.
        let phones = web_passwords::of_phones(&mut connection, (&schema, &rights), spend, &mut audited).await?;
        let mut snapshot = connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        // The session's 5 s are for pages. Rows hidden by row-level security must be an error, never a short count.
        sqlx::raw_sql(
            "SET LOCAL statement_timeout = '10min'; SET LOCAL idle_in_transaction_session_timeout = '1min'; \
             SET LOCAL row_security = off",
        )
        .execute(&mut *snapshot)
        .await?;
        let mut tenants = Tenants::read(&mut snapshot, &schema, lengths).await?;
        let mut point = snapshot.begin().await?;
        let overridden = tenants.override_lengths(&mut point, &schema).await;
        point.rollback().await?;
        audited.or_not_tested("v_domain_settings", overridden)?;
        let tables = tables::all(&schema, &rights);
        let mut run = Run { prints: Fingerprints::new(random), tenants, judge: Judge::default(), audited, tables };
        run.gather(&mut snapshot).await?;
        run.judge_all(&mut snapshot, take).await?;
        users::judge(&mut snapshot, (&schema, &rights, &run.tenants), (now, &phones), &mut run.audited, take).await?;
        powers::look(&mut snapshot, (&schema, &rights), now, &mut run.audited).await?;
        snapshot.rollback().await?;
        Ok(run.audited)
    }

    /// The lengths in force for tenants that override nothing.
    async fn global_lengths(&self) -> Result<Lengths, FusionPbxError> {
        let settings = self.global_policy().await?;
        let length = |category| {
            let key = Key::find(category, "password_length")?;
            let value = settings.iter().find(|reading| reading.key == key)?.value()?;
            match key.setting().shape.read(value)? {
                Value::Number(number) => Some(number),
                Value::Flag(_) | Value::Word(_) => None,
            }
        };
        // FusionPBX 4.4 makes SIP secrets as its category `security` says.
        Ok(Lengths { extension: length("extension").or_else(|| length("security")), voicemail: length("voicemail") })
    }
}

impl Audited {
    /// Notes that something of `table` was not looked at.
    pub(super) fn skip(&mut self, table: &'static str, reason: String) {
        let skipped = NotTested { table, reason };
        if !self.not_tested.contains(&skipped) {
            self.not_tested.push(skipped);
        }
    }

    /// What was asked for; nothing, with a note, where the database refused. Fails where it is gone.
    pub(super) fn or_not_tested<T>(
        &mut self,
        table: &'static str,
        outcome: Result<T, FusionPbxError>,
    ) -> Result<Option<T>, FusionPbxError> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(error @ FusionPbxError::Unreachable(_)) => Err(error),
            Err(FusionPbxError::Forbidden { reason }) => {
                self.skip(table, format!("not permitted: {reason}"));
                Ok(None)
            }
            Err(error) => {
                self.skip(table, Chain(&error).to_string());
                Ok(None)
            }
        }
    }
}

/// One run under way.
struct Run {
    prints: Fingerprints,
    tenants: Tenants,
    judge: Judge,
    audited: Audited,
    tables: Vec<Table>,
}

impl Run {
    /// The first time: fingerprints.
    async fn gather(&mut self, snapshot: &mut PgConnection) -> Result<(), SecretsError> {
        for at in 0..self.tables.len() {
            let Some((name, kind, sql)) = self.question(at) else { continue };
            let mut point = snapshot.begin().await?;
            let outcome = self.gather_from(&mut point, kind, sql).await;
            point.rollback().await?;
            if self.audited.or_not_tested(name, outcome)?.is_none()
                && let Some(table) = self.tables.get_mut(at)
            {
                table.sql = Err(String::new());
            }
            if kind == Kind::Voicemail {
                // Both are read; lines are compared with them.
                self.prints.settle_numbers();
            }
        }
        self.prints.settle_uses();
        Ok(())
    }

    fn question(&self, at: usize) -> Option<(&'static str, Kind, String)> {
        let table = self.tables.get(at)?;
        Some((table.name, table.kind, table.sql.clone().ok()?))
    }

    async fn gather_from(
        &mut self,
        connection: &mut PgConnection,
        kind: Kind,
        sql: String,
    ) -> Result<(), FusionPbxError> {
        if kind == Kind::Pin {
            // Short numbers are alike by chance.
            return Ok(());
        }
        let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(connection);
        while let Some(row) = rows.try_next().await? {
            let row = SecretRow::read(&row)?;
            let Ok(Some(secret)) = row.secret else { continue };
            if secret.is_empty() {
                continue;
            }
            let print = self.prints.print(secret);
            let tenant = self.tenants.place(row.domain).unwrap_or(NOBODY);
            match kind {
                Kind::Extension => {
                    self.prints.sip(row.domain, &row.number, print);
                    if !row.other.is_empty() && row.other != row.number {
                        self.prints.sip(row.domain, &row.other, print);
                    }
                    self.prints.use_of(print, tenant);
                }
                Kind::Voicemail => self.prints.pin(row.domain, &row.number, print),
                // A copy of what is counted already, or of what it should be.
                Kind::Line if self.prints.is_sip_of(self.home_of(&row), &row.number, print).is_some() => {}
                _ => self.prints.use_of(print, tenant),
            }
        }
        Ok(())
    }

    /// The tenant with whose extensions the line of a phone speaks: the one that its server is named after, or its own.
    fn home_of(&self, row: &SecretRow<'_>) -> Option<uuid::Uuid> {
        self.tenants.called(&row.other).map(|tenant| tenant.id).or(row.domain)
    }

    /// The second time: judge, and hand out.
    async fn judge_all(&mut self, snapshot: &mut PgConnection, take: Taker<'_>) -> Result<(), SecretsError> {
        for at in 0..self.tables.len() {
            let Some(table) = self.tables.get(at) else { continue };
            let (name, kind, may_be_global) = (table.name, table.kind, table.may_be_global);
            let sql = match &table.sql {
                Ok(sql) => sql.clone(),
                Err(reason) if reason.is_empty() => continue,
                Err(reason) => {
                    let reason = reason.clone();
                    self.audited.skip(name, reason);
                    continue;
                }
            };
            let mut point = snapshot.begin().await?;
            let outcome = self.judge_from(&mut point, (name, kind, may_be_global), sql, take).await;
            point.rollback().await?;
            match outcome {
                Ok(()) => {}
                Err(SecretsError::Database(error)) => {
                    self.audited.or_not_tested(name, Err::<(), _>(error))?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn judge_from(
        &mut self,
        connection: &mut PgConnection,
        (table, kind, may_be_global): (&'static str, Kind, bool),
        sql: String,
        take: Taker<'_>,
    ) -> Result<(), SecretsError> {
        let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(connection);
        let mut judged = 0;
        while let Some(row) = rows.try_next().await? {
            let row = SecretRow::read(&row)?;
            judged += 1;
            let mut reasons = self.reasons(kind, &row);
            let tenant = self.tenants.at(self.tenants.place(row.domain));
            reasons.add_if(tenant.is_none() && !(may_be_global && row.domain.is_none()), Reason::NoTenant);
            if reasons.is_empty() {
                continue;
            }
            let is_enabled = row.is_enabled && tenant.is_none_or(|tenant| tenant.is_enabled);
            reasons.add_if(!is_enabled, Reason::Disabled);
            let key = row.id.map(|id| id.to_string()).unwrap_or_default();
            let place = Place {
                table,
                kind,
                row: row.id,
                tenant: tenant.map(|tenant| TenantId(tenant.id)),
                domain: tenant.map_or("", |tenant| &tenant.name),
                place: if names_its_secret(kind, &row) { &key } else { row.place() },
                is_enabled,
                reasons,
            };
            self.audited.count(reasons);
            take(&place)?;
        }
        *self.audited.judged.entry(table).or_default() += judged;
        Ok(())
    }

    /// What is wrong with one secret.
    fn reasons(&mut self, kind: Kind, row: &SecretRow<'_>) -> Reasons {
        let secret = match row.secret {
            Ok(secret) => secret.unwrap_or_default(),
            Err(_) => return Reasons::of(Reason::Unreadable),
        };
        let registers = kind != Kind::Gateway || row.number == "register";
        if secret.trim().is_empty() {
            // A trunk that does not register needs none.
            return if registers { Reasons::of(Reason::Empty) } else { Reasons::NONE };
        }
        let tenant = self.tenants.at(self.tenants.place(row.domain));
        let mut reasons = judged_with(&mut self.judge, kind, row, secret, tenant);
        if kind == Kind::Pin {
            return reasons;
        }
        let print = self.prints.print(secret);
        match kind {
            Kind::Extension => {
                reasons.add_if(self.prints.is_pin_of(row.domain, &row.number, print), Reason::SameAsPin);
            }
            Kind::Voicemail => {
                let is_sip = self.prints.is_sip_of(row.domain, &row.number, print) == Some(true);
                reasons.add_if(is_sip, Reason::SameAsPin);
                return reasons;
            }
            Kind::Line => {
                let is_copy = self.prints.is_sip_of(self.home_of(row), &row.number, print);
                reasons.add_if(is_copy == Some(false), Reason::StaleCopy);
            }
            _ => {}
        }
        let reuse = self.prints.reuse(print, self.tenants.place(row.domain).unwrap_or(NOBODY));
        reasons.add_if(reuse.here, Reason::ReusedHere);
        reasons.add_if(reuse.across, Reason::ReusedAcrossTenants);
        reasons
    }
}

/// What is known about the place of a secret.
fn judged_with<'a>(
    judge: &mut Judge,
    kind: Kind,
    row: &'a SecretRow<'_>,
    secret: &'a str,
    tenant: Option<&'a Tenant>,
) -> Reasons {
    let lengths = tenant.map(|tenant| tenant.lengths).unwrap_or_default();
    let numbers: &[&str] = match kind {
        Kind::Extension => &[&row.number, &row.other],
        Kind::Gateway => &[],
        _ => &[&row.number],
    };
    let names: &[&str] = match kind {
        Kind::Gateway | Kind::Device => &[&row.name, &row.other, &row.place],
        _ => &[&row.name],
    };
    judge.judge(
        kind,
        &Subject {
            secret,
            numbers,
            names,
            domain: tenant.map_or(&[], |tenant| &tenant.words),
            policy_length: match kind {
                Kind::Extension | Kind::Line => lengths.extension,
                Kind::Voicemail => lengths.voicemail,
                _ => None,
            },
        },
    )
}

/// Whether the words for the place would give the secret away: a free text may quote it.
fn names_its_secret(kind: Kind, row: &SecretRow<'_>) -> bool {
    let Ok(Some(secret)) = row.secret else { return false };
    let secret = secret.trim();
    matches!(kind, Kind::Pin | Kind::Gateway | Kind::Device) && !secret.is_empty() && row.place().contains(secret)
}
