//! What FusionPBX's database holds of FreeSWITCH: through 5.1 one row of `v_settings`, and in every generation the list of
//! modules, `v_modules`.

use serde::{Deserialize, Serialize};

use crate::base::secret::Secret;
use crate::fusionpbx::database::FusionPbx;
use crate::fusionpbx::error::FusionPbxError;
use sqlx::AssertSqlSafe;

/// The table that holds XML RPC's and the event socket's values through FusionPBX 5.1.
const SETTINGS: &str = "v_settings";

/// FusionPBX's side, as far as it is no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchSide {
    /// The row of `v_settings`: what a save in FusionPBX writes over FreeSWITCH's files. `None` from 5.2 on, or if there is none.
    pub kept: Option<KeptSwitch>,
    /// Whether `v_modules` has `mod_xml_rpc` loaded at the start; NULL is off. `None` if it has no such row.
    pub at_start: Option<bool>,
}

/// The row of `v_settings`, without its secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSwitch {
    /// `xml_rpc_http_port`.
    pub xml_rpc_port: Option<String>,
    /// `xml_rpc_auth_realm`.
    pub xml_rpc_realm: Option<String>,
    /// `xml_rpc_auth_user`.
    pub xml_rpc_user: Option<String>,
    /// `event_socket_ip_address`.
    pub event_socket_address: Option<String>,
    /// `event_socket_port`.
    pub event_socket_port: Option<String>,
}

/// The secrets of that row, to be compared and forgotten.
#[derive(Debug)]
pub struct SwitchSecrets {
    /// `xml_rpc_auth_pass`.
    pub xml_rpc: Option<Secret<String>>,
    /// `event_socket_password`.
    pub event_socket: Option<Secret<String>>,
}

type KeptRow = (Option<String>, Option<String>, Option<String>, Option<String>, Option<String>);

impl FusionPbx {
    /// Whether XML RPC's and the event socket's values are kept in the database (through 5.1).
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn keeps_switch_settings(&self) -> Result<bool, FusionPbxError> {
        Ok(self.schema().await?.has(SETTINGS, "event_socket_password"))
    }

    pub(super) async fn switch_side(&self) -> Result<SwitchSide, FusionPbxError> {
        let schema = self.schema().await?;
        let mut side = SwitchSide::default();
        if schema.has(SETTINGS, "event_socket_password") {
            let sql = "SELECT xml_rpc_http_port, xml_rpc_auth_realm, xml_rpc_auth_user, event_socket_ip_address, \
                event_socket_port FROM v_settings LIMIT 1";
            let row: Option<KeptRow> = sqlx::query_as(sql).fetch_optional(&self.pool).await?;
            side.kept = row.map(|(port, realm, user, address, socket_port)| KeptSwitch {
                xml_rpc_port: port,
                xml_rpc_realm: realm,
                xml_rpc_user: user,
                event_socket_address: address,
                event_socket_port: socket_port,
            });
        }
        schema.require("v_modules", &["module_name"])?;
        let enabled = schema.flag("m", "v_modules", "module_enabled")?;
        let sql = format!("SELECT {enabled} FROM v_modules AS m WHERE m.module_name = 'mod_xml_rpc' LIMIT 1");
        side.at_start = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_optional(&self.pool).await?;
        Ok(side)
    }

    /// The secrets that the database holds of FreeSWITCH; `None` where it holds none (from 5.2 on).
    ///
    /// # Errors
    /// The database cannot be asked, or the role may not read the columns.
    pub async fn switch_secrets(&self) -> Result<Option<SwitchSecrets>, FusionPbxError> {
        if !self.keeps_switch_settings().await? {
            return Ok(None);
        }
        let sql = "SELECT xml_rpc_auth_pass, event_socket_password FROM v_settings LIMIT 1";
        let row: Option<(Option<String>, Option<String>)> = sqlx::query_as(sql).fetch_optional(&self.pool).await?;
        Ok(row.map(|(xml_rpc, event_socket)| SwitchSecrets {
            xml_rpc: xml_rpc.map(Secret::new),
            event_socket: event_socket.map(Secret::new),
        }))
    }
}
