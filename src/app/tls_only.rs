//! Whether browsers may be told to reach the console over TLS only (HSTS, RFC 6797). They keep to it for a year, whatever
//! happens to the certificate, and for every port of the name: so only once it is seen that the name is the console's alone
//! and is served under a certificate that this host trusts, and only as long as that holds.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};

use crate::config::Console;
use crate::fusionpbx::FusionPbx;
use crate::fusionpbx::tenants::TenantsWanted;
use crate::web::edge::Edge;

/// Between two looks while all is well.
const PAUSE: Duration = Duration::from_hours(1);

/// Between two looks while a name is refused: nginx may not be there yet.
const SOON: Duration = Duration::from_mins(1);

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is looked at.
#[derive(Clone, Debug)]
pub struct TlsOnlyWatch {
    /// The console's names.
    pub names: Vec<String>,
    /// The port that browsers use.
    pub port: u16,
    /// Whether it is to hold for every name below them too.
    pub subdomains: bool,
    /// FusionPBX's database, whose tenants' names are not the console's alone.
    pub fusionpbx: Result<FusionPbx, String>,
}

impl TlsOnlyWatch {
    /// What the settings want looked at; `None` if they want nothing.
    #[must_use]
    pub fn wanted(console: &Console, port: u16, fusionpbx: &Result<FusionPbx, String>) -> Option<Self> {
        console.hsts.then(|| Self {
            names: console.names.iter().map(|name| name.to_ascii_lowercase()).collect(),
            port: console.public_port.unwrap_or(port),
            subdomains: console.hsts_include_subdomains,
            fusionpbx: fusionpbx.clone(),
        })
    }

    /// Looks now and then, and tells `edge`, until `stopping` turns true.
    pub async fn run(self, edge: Arc<Edge>, mut stopping: watch::Receiver<bool>) {
        let client = match reqwest::Client::builder().timeout(PATIENCE).no_proxy().build() {
            Ok(client) => client,
            Err(error) => return warn!("[console] hsts is passed over: {error}"),
        };
        let mut last = None;
        while !*stopping.borrow() {
            let (names, refused) = self.look(&client).await;
            let all_well = refused.is_empty();
            edge.tls_only.set(names.clone(), self.subdomains);
            if last.as_ref() != Some(&(names.clone(), refused.clone())) {
                for reason in &refused {
                    warn!("[console] hsts is passed over: {reason}");
                }
                for name in &names {
                    info!("Browsers are told to reach {name} over TLS only, for a year");
                }
                last = Some((names, refused));
            }
            tokio::select! {
                () = tokio::time::sleep(if all_well { PAUSE } else { SOON }) => {}
                _ = stopping.changed() => {}
            }
        }
    }

    /// The names for which it holds, and why it does not for the others.
    pub async fn look(&self, client: &reqwest::Client) -> (BTreeSet<String>, Vec<String>) {
        let (mut good, mut refused) = (BTreeSet::new(), Vec::new());
        for name in &self.names {
            match self.judge(name, client).await {
                Ok(()) => {
                    good.insert(name.clone());
                }
                Err(reason) => refused.push(format!("{name}: {reason}")),
            }
        }
        (good, refused)
    }

    async fn judge(&self, name: &str, client: &reqwest::Client) -> Result<(), String> {
        if name.parse::<IpAddr>().is_ok() || !name.contains('.') {
            return Err("it is no full host name".to_owned());
        }
        let fusionpbx = self.fusionpbx.as_ref().map_err(|_| "FusionPBX's names are not known".to_owned())?;
        let wanted = TenantsWanted { search: name.to_owned(), after: None, limit: 200 };
        let tenants = fusionpbx.tenants(&wanted).await.map_err(|_| "FusionPBX's names cannot be read".to_owned())?;
        let below = format!(".{name}");
        let is_shared = |tenant: &str| tenant == name || self.subdomains && tenant.ends_with(&below);
        if tenants.tenants.iter().any(|tenant| is_shared(&tenant.name.to_ascii_lowercase())) || tenants.next.is_some()
        {
            return Err("FusionPBX has a tenant of that name".to_owned());
        }
        let answer = client.get(format!("https://{name}:{}/healthz", self.port)).send().await;
        match answer.map(|answer| answer.status().as_u16()) {
            Ok(204) => Ok(()),
            Ok(status) => Err(format!("the console does not answer there, but {status}")),
            Err(_) => Err("it is not served, or under a certificate that this host does not trust".to_owned()),
        }
    }
}
