//! Reading what a rotation would change.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::base::ids::TenantId;
use crate::base::role::Reach;
use crate::fusionpbx::database::FusionPbx;
use crate::fusionpbx::error::FusionPbxError;
use crate::fusionpbx::rotation::{Columns, Phone, PhoneLine, PlannedSecret, SecretKind, Target};
use crate::fusionpbx::schema::Schema;
use crate::fusionpbx::tenants::Tenant;

/// The most rows that one plan holds. More are planned one after the other.
pub(super) const MOST: usize = 500;

#[derive(sqlx::FromRow)]
struct RawRow {
    id: Uuid,
    tenant: Uuid,
    tenant_name: String,
    tenant_enabled: bool,
    place: String,
    alias: String,
    context: String,
    enabled: bool,
    version: String,
}

#[derive(sqlx::FromRow)]
struct RawLine {
    tenant: Uuid,
    user_id: String,
    id: Uuid,
    version: String,
    number: String,
    is_here: bool,
    address: String,
    label: String,
    vendor: String,
    template: String,
    method: String,
    fetched: String,
}

impl FusionPbx {
    /// What giving `targets` new secrets would change. Those that are gone or out of reach are left out; at most 500 are
    /// looked at.
    ///
    /// # Errors
    /// The database does not answer, or the role may not read this.
    pub async fn plan_rotation(
        &self,
        reach: &Reach,
        targets: &[Target],
    ) -> Result<Vec<PlannedSecret>, FusionPbxError> {
        let outcome = self.ask_plan(reach, targets).await;
        self.heed(outcome)
    }

    /// The rows of one kind at `places` (extension or mailbox numbers, device addresses) of a tenant; all of the tenant's
    /// if there is no place.
    ///
    /// # Errors
    /// The database does not answer, or the role may not read this.
    pub async fn find_secrets(
        &self,
        reach: &Reach,
        kind: SecretKind,
        tenant: TenantId,
        places: &[String],
    ) -> Result<Vec<Target>, FusionPbxError> {
        let outcome = self.ask_places(reach, kind, tenant, places).await;
        self.heed(outcome)
    }

    async fn ask_places(
        &self,
        reach: &Reach,
        kind: SecretKind,
        tenant: TenantId,
        places: &[String],
    ) -> Result<Vec<Target>, FusionPbxError> {
        if !reach.covers(Some(tenant)) {
            return Ok(Vec::new());
        }
        let schema = self.schema().await?;
        let Columns { table, id, .. } = kind.columns();
        let place = place_column(&schema, kind)?;
        let sql = format!(
            "SELECT t.{id} FROM {table} AS t WHERE t.domain_uuid = $1 \
             AND (cardinality($2::text[]) = 0 OR {place} = ANY($2)) ORDER BY {place}, t.{id} LIMIT {MOST}"
        );
        let ids: Vec<Uuid> =
            sqlx::query_scalar(AssertSqlSafe(sql)).bind(tenant.0).bind(places).fetch_all(&self.pool).await?;
        Ok(ids.into_iter().map(|id| Target { kind, id }).collect())
    }

    async fn ask_plan(&self, reach: &Reach, targets: &[Target]) -> Result<Vec<PlannedSecret>, FusionPbxError> {
        let schema = self.schema().await?;
        let mut planned = Vec::new();
        for kind in SecretKind::ALL {
            let ids: Vec<Uuid> =
                targets.iter().filter(|target| target.kind == kind).map(|target| target.id).take(MOST).collect();
            if ids.is_empty() {
                continue;
            }
            let sql = rows_statement(&schema, kind)?;
            let query = sqlx::query_as(AssertSqlSafe(sql)).bind(ids).bind(reach.tenant().map(|tenant| tenant.0));
            let rows: Vec<RawRow> = query.fetch_all(&self.pool).await?;
            planned.extend(rows.into_iter().map(|row| row.planned(kind)));
        }
        self.add_lines(&schema, &mut planned).await?;
        Ok(planned)
    }

    async fn add_lines(&self, schema: &Schema, planned: &mut [PlannedSecret]) -> Result<(), FusionPbxError> {
        let extensions = || planned.iter().filter(|one| one.target.kind == SecretKind::Extension);
        let (tenants, numbers): (Vec<Uuid>, Vec<String>) =
            extensions().map(|one| (one.tenant.id.0, one.place.clone())).unzip();
        if tenants.is_empty() {
            return Ok(());
        }
        let sql = lines_statement(schema)?;
        let lines: Vec<RawLine> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(tenants).bind(numbers).fetch_all(&self.pool).await?;
        for line in lines {
            let is_its = |one: &&mut PlannedSecret| {
                one.target.kind == SecretKind::Extension
                    && one.tenant.id.0 == line.tenant
                    && one.place == line.user_id
            };
            let Some(one) = planned.iter_mut().find(is_its) else { continue };
            if line.is_here {
                one.lines.push(line.phone_line());
            } else {
                one.lines_elsewhere += 1;
            }
        }
        Ok(())
    }
}

impl RawRow {
    fn planned(self, kind: SecretKind) -> PlannedSecret {
        let tenant = Tenant { id: TenantId(self.tenant), name: self.tenant_name, enabled: self.tenant_enabled };
        let mut directory = Vec::new();
        if kind != SecretKind::Device {
            for number in [&self.place, &self.alias].into_iter().filter(|number| !number.is_empty()) {
                for domain in [&tenant.name, &self.context].into_iter().filter(|domain| !domain.is_empty()) {
                    let name = format!("{number}@{domain}");
                    if !directory.contains(&name) {
                        directory.push(name);
                    }
                }
            }
        }
        PlannedSecret {
            target: Target { kind, id: self.id },
            tenant,
            place: self.place,
            is_enabled: self.enabled,
            xmin: self.version,
            directory,
            lines: Vec::new(),
            lines_elsewhere: 0,
        }
    }
}

impl RawLine {
    fn phone_line(self) -> PhoneLine {
        let Self { address, label, vendor, template, method, fetched, .. } = self;
        let phone = Phone { address, label, vendor, template, method, fetched };
        PhoneLine { id: self.id, xmin: self.version, number: self.number, phone }
    }
}

/// The column of a kind's number or address, as text.
fn place_column(schema: &Schema, kind: SecretKind) -> Result<String, FusionPbxError> {
    let Columns { table, id, secret, .. } = kind.columns();
    schema.require(table, &[id, secret, "domain_uuid"])?;
    let column = match kind {
        SecretKind::Extension => "extension",
        SecretKind::Mailbox => "voicemail_id",
        // Named anew in 5.1.
        SecretKind::Device if schema.has(table, "device_address") => "device_address",
        SecretKind::Device => "device_mac_address",
    };
    schema.require(table, &[column])?;
    Ok(format!("coalesce(t.{column}::text, '')"))
}

fn rows_statement(schema: &Schema, kind: SecretKind) -> Result<String, FusionPbxError> {
    let Columns { table, id, enabled, .. } = kind.columns();
    let place = place_column(schema, kind)?;
    let enabled = schema.flag("t", table, enabled)?;
    schema.require("v_domains", &["domain_uuid", "domain_name"])?;
    let tenant_enabled = schema.flag("d", "v_domains", "domain_enabled")?;
    let (alias, context) = match kind {
        SecretKind::Extension => {
            schema.require(table, &["number_alias", "user_context"])?;
            ("coalesce(t.number_alias, '')", "coalesce(t.user_context, '')")
        }
        SecretKind::Mailbox | SecretKind::Device => ("''", "''"),
    };
    Ok(format!(
        "SELECT t.{id} AS id, t.domain_uuid AS tenant, coalesce(d.domain_name, '') AS tenant_name, \
            {tenant_enabled} AS tenant_enabled, {place} AS place, {alias} AS alias, {context} AS context, \
            {enabled} AS enabled, t.xmin::text AS version \
         FROM {table} AS t JOIN v_domains AS d ON d.domain_uuid = t.domain_uuid \
         WHERE t.{id} = ANY($1) AND ($2::uuid IS NULL OR t.domain_uuid = $2) \
         ORDER BY tenant_name, place, t.{id}"
    ))
}

fn lines_statement(schema: &Schema) -> Result<String, FusionPbxError> {
    schema.require(
        "v_device_lines",
        &["device_line_uuid", "device_uuid", "domain_uuid", "user_id", "server_address", "line_number", "password"],
    )?;
    let text = |column: &'static str| {
        if schema.has("v_devices", column) { format!("coalesce(v.{column}::text, '')") } else { "''".to_owned() }
    };
    let address = if schema.has("v_devices", "device_address") { "device_address" } else { "device_mac_address" };
    let (address, label, vendor) = (text(address), text("device_label"), text("device_vendor"));
    let (template, method) = (text("device_template"), text("device_provisioned_method"));
    let fetched = if schema.has("v_devices", "device_provisioned_date") {
        "coalesce(to_char(v.device_provisioned_date, 'YYYY-MM-DD HH24:MI'), '')"
    } else {
        "''"
    };
    Ok(format!(
        "SELECT l.domain_uuid AS tenant, l.user_id AS user_id, l.device_line_uuid AS id, l.xmin::text AS version, \
            coalesce(l.line_number, '') AS number, coalesce(l.server_address = d.domain_name, false) AS is_here, \
            {address} AS address, {label} AS label, {vendor} AS vendor, {template} AS template, {method} AS method, \
            {fetched} AS fetched \
         FROM v_device_lines AS l \
         JOIN unnest($1::uuid[], $2::text[]) AS wanted (tenant, user_id) \
            ON l.domain_uuid = wanted.tenant AND l.user_id = wanted.user_id \
         JOIN v_domains AS d ON d.domain_uuid = l.domain_uuid \
         LEFT JOIN v_devices AS v ON v.device_uuid = l.device_uuid \
         ORDER BY address, number, l.device_line_uuid"
    ))
}
