//! The fleet: each device with its maker, and how and when it last fetched its settings. No secret is among the columns.

use sqlx::AssertSqlSafe;

use crate::fusionpbx::database::FusionPbx;
use crate::fusionpbx::error::FusionPbxError;

/// The most devices that are read.
pub const MOST_PHONES: usize = 20_000;

/// One device.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct FleetPhone {
    /// Its tenant's domain name.
    pub tenant: String,
    /// Its MAC address.
    pub address: String,
    /// Its maker, in FusionPBX's words: `yealink`.
    pub vendor: String,
    /// Its template: `yealink/t46s`.
    pub template: String,
    /// The user agent of its last fetch; empty if it never fetched, or this FusionPBX does not keep it.
    pub agent: String,
    /// `http` or `https`; empty if it never fetched.
    pub method: String,
    /// When it last fetched, in seconds since 1970; `None` if never.
    pub fetched: Option<i64>,
}

impl FusionPbx {
    /// The enabled devices, by maker.
    ///
    /// # Errors
    /// The database does not answer, or this FusionPBX lacks a column that is needed.
    pub async fn fleet(&self) -> Result<Vec<FleetPhone>, FusionPbxError> {
        let read = self.ask_fleet().await;
        self.heed(read)
    }

    async fn ask_fleet(&self) -> Result<Vec<FleetPhone>, FusionPbxError> {
        let schema = self.schema().await?;
        schema.require("v_devices", &["device_vendor", "domain_uuid"])?;
        schema.require("v_domains", &["domain_uuid", "domain_name"])?;
        let text = |column: &'static str| {
            if schema.has("v_devices", column) { format!("coalesce(t.{column}::text, '')") } else { "''".to_owned() }
        };
        let address = if schema.has("v_devices", "device_address") { "device_address" } else { "device_mac_address" };
        let fetched = if schema.has("v_devices", "device_provisioned_date") {
            "extract(epoch FROM t.device_provisioned_date)::bigint"
        } else {
            "NULL::bigint"
        };
        let enabled = schema.flag("t", "v_devices", "device_enabled")?;
        let sql = format!(
            "SELECT coalesce(d.domain_name, '') AS tenant, {} AS address, {} AS vendor, {} AS template, \
                {} AS agent, lower({}) AS method, {fetched} AS fetched \
             FROM v_devices AS t LEFT JOIN v_domains AS d ON d.domain_uuid = t.domain_uuid \
             WHERE {enabled} ORDER BY 3, 1, 2 LIMIT {MOST_PHONES}",
            text(address),
            text("device_vendor"),
            text("device_template"),
            text("device_provisioned_agent"),
            text("device_provisioned_method"),
        );
        Ok(sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&self.pool).await?)
    }
}
