//! Puts the floors together: the store, the acts, the sources, the certificate authority.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

use crate::acme::ca::CertificateAuthority;
use crate::acme::challenge::Solver;
use crate::acme::challenge::approved::{ApprovedZone, ApprovedZones};
use crate::acme::challenge::authority::Authority;
use crate::acme::challenge::provider::writer::Writer;
use crate::acme::challenge::rfc2136::{Rfc2136, Rfc2136Settings, TsigAlgorithm};
use crate::acme::challenge::visible;
use crate::acme::challenge::way::Way;
use crate::acme::http::HttpDeadlines;
use crate::acme::issue::{Patience, Turn};
use crate::base::chain::Chain;
use crate::base::clock::Clock;
use crate::base::encoding::from_base64;
use crate::base::names::Fqdn;
use crate::base::rng::Random;
use crate::base::secret::Secret;
use crate::config::{self, Config};
use crate::deeds::Deeds;
use crate::deeds::certificates::Issuing;
use crate::host::Agent;
use crate::policy::own_password::ContextWords;
use crate::store::Store;

/// Where the state lies.
#[must_use]
pub fn state_directory() -> PathBuf {
    std::env::var_os("RAMPART_STATE_DIR").map_or_else(|| config::DEFAULT_STATE_DIRECTORY.into(), PathBuf::from)
}

/// The settings file that the environment names, if it does.
#[must_use]
pub fn config_file() -> Option<PathBuf> {
    std::env::var_os("RAMPART_CONFIG").map(PathBuf::from)
}

/// Opens the store in `directory`, which is made if it is missing, and everything that acts on it.
///
/// # Errors
/// The directory or the store cannot be used.
pub async fn deeds(directory: &Path, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<Deeds> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("the state directory {} cannot be made", directory.display()))?;
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let store = Store::open(directory, credentials.as_deref(), random.as_ref()).await?;
    Ok(Deeds::new(store, clock, random))
}

/// The name of the host that the console runs on, printable.
#[must_use]
pub fn host_name() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    crate::base::chain::printable(&name.to_string_lossy())
}

/// Words that say nothing in a password of an operator on this server.
#[must_use]
pub fn context_words(config: &Config) -> ContextWords {
    ContextWords::of(&host_name(), &config.console.names)
}

/// Everyone a certificate needs.
///
/// # Errors
/// The CA's settings cannot be used. DNS settings that cannot be used are kept as the reason why nothing is ordered.
pub fn issuing(config: &Config, agent: Agent) -> Result<Issuing> {
    let root = match &config.acme.root_certificate {
        Some(file) => {
            Some(std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?)
        }
        None => None,
    };
    let ca = CertificateAuthority::at(&config.acme.directory_url, root).context("[acme] directory_url")?;
    let (solver, challenge, zones) = if let Some(dns) = &config.dns {
        let solver = solver(dns, authority(config)).map_err(|error| format!("[dns] cannot be used: {error:#}"));
        let challenge = format!("DNS-01: a TXT record, written to {} (RFC 2136, TSIG)", dns.server);
        (solver, challenge, dns.zones.clone())
    } else {
        let reason =
            "no zone is approved on the DNS page and none set in [dns] of rampart.toml, so that no name can be proved"
                .to_owned();
        (Err(reason.clone()), reason, Vec::new())
    };
    Ok(Issuing {
        ca,
        solver,
        challenge,
        zones,
        authority: authority(config),
        agent,
        deadlines: HttpDeadlines::default(),
        patience: Patience::default(),
        turn: Turn::default(),
    })
}

fn authority(config: &Config) -> Authority {
    match &config.dns {
        Some(dns) => Authority { resolvers: dns.resolvers.clone(), port: dns.port, ..Authority::default() },
        None => Authority::default(),
    }
}

fn solver(dns: &config::Dns, authority: Authority) -> Result<Arc<dyn Solver>> {
    let text = config::secret_file(&dns.key_file)?;
    let Some(key) = from_base64(text.expose()) else { bail!("the key in {} is no base64", dns.key_file.display()) };
    let mut settings = Rfc2136Settings::new(dns.server, dns.zones.clone(), dns.key_name.clone(), Secret::new(key));
    settings.algorithm = match dns.algorithm.as_str() {
        "hmac-sha256" => TsigAlgorithm::HmacSha256,
        "hmac-sha384" => TsigAlgorithm::HmacSha384,
        "hmac-sha512" => TsigAlgorithm::HmacSha512,
        other => bail!("algorithm {other:?} is not one of hmac-sha256, hmac-sha384, hmac-sha512"),
    };
    let writer: Arc<dyn Writer> =
        Arc::new(Rfc2136::new(settings).map_err(|error| anyhow::anyhow!("{}", Chain(&error)))?);
    let zone = |zone: &Fqdn| ApprovedZone {
        zone: zone.clone(),
        way: Way::Dns01,
        writer: Some(Arc::clone(&writer)),
        primary: Some(dns.server),
    };
    let zones = dns.zones.iter().map(zone).collect();
    Ok(Arc::new(ApprovedZones::new(zones, authority, visible::Patience::default())))
}
