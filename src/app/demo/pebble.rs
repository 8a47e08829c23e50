//! The demo's certificate authority: Pebble on loopback, with a TLS certificate and issuing keys made for this run.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use serde_json::json;

use crate::app::demo::process::{Child, Start, free_port};

/// How long Pebble may take to answer: with RSA it makes keys of its own first.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// A port that was free may be taken before Pebble gets to it; so many pairs are tried.
const TRIES: u32 = 4;

/// A name that this CA refuses, whatever DNS says.
pub const BLOCKED_NAME: &str = "blocked-domain.example";

/// The name by which it goes in CAA records.
pub const CAA_NAME: &str = "pebble.test";

/// How the CA behaves.
#[derive(Clone, Copy, Debug)]
pub struct PebbleOptions {
    /// How many of a hundred good nonces are refused with badNonce.
    pub nonce_reject_percent: u8,
    /// How many of a hundred valid authorizations are used again in a new order. Pebble takes 0 as about 1.
    pub authorization_reuse_percent: u8,
    /// The Retry-After of its answers to polls (2.5 and newer).
    pub retry_after: Duration,
    /// The lifetime of what it issues.
    pub lifetime: Duration,
    /// How many other chains it offers, each to a root of its own.
    pub alternate_roots: u8,
    /// Name and key (base64url) of the one account elsewhere that accounts must be bound to; `None`: no binding is wanted.
    pub binding: Option<(&'static str, &'static str)>,
}

impl Default for PebbleOptions {
    fn default() -> Self {
        Self {
            nonce_reject_percent: 0,
            authorization_reuse_percent: 0,
            retry_after: Duration::from_secs(1),
            lifetime: Duration::from_hours(90 * 24),
            alternate_roots: 0,
            binding: None,
        }
    }
}

/// A running Pebble. Dropping it ends it.
#[derive(Debug)]
pub struct Pebble {
    /// Where an ACME client begins.
    pub directory_url: String,
    /// The root that vouches for the API's own TLS certificate (PEM). It issues nothing else.
    pub root_pem_path: PathBuf,
    /// The port at which it looks for files of HTTP-01, on the host that a name leads to.
    pub http_port: u16,
    /// The server itself.
    pub child: Child,
    management: String,
    http: reqwest::Client,
}

impl Pebble {
    /// Starts the Pebble program `binary` in `directory`, with `dns` as the server that it asks for challenge records.
    ///
    /// # Errors
    /// The program is not there (`scripts/fetch-pebble.sh` gets it), the directory cannot be written, or Pebble did not
    /// answer in time: its log is in the error.
    pub async fn start(binary: &Path, directory: &Path, dns: SocketAddr, options: PebbleOptions) -> io::Result<Self> {
        if !binary.exists() {
            let words = format!("{} is missing: run scripts/fetch-pebble.sh target/tools", binary.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, words));
        }
        let root_pem = write_certificates(directory).map_err(io::Error::other)?;
        let http = client(&root_pem).map_err(io::Error::other)?;
        let mut last = io::Error::other("Pebble was not tried");
        for _ in 0..TRIES {
            let (api, management, http_port) = (free_port()?, free_port()?, free_port()?);
            let settings = settings(directory, (api, management, http_port), options);
            fs::write(directory.join("pebble.json"), settings)?;
            let directory_url = format!("https://127.0.0.1:{api}/dir");
            match run(binary, directory, dns, options, &http, &directory_url).await {
                Ok(child) => {
                    return Ok(Self {
                        directory_url,
                        root_pem_path: directory.join("root.pem"),
                        http_port,
                        child,
                        management: format!("https://127.0.0.1:{management}"),
                        http,
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The root that vouches for what this CA issues (PEM); new at each start.
    ///
    /// # Errors
    /// Pebble is gone.
    pub async fn issuer_root(&self) -> io::Result<String> {
        self.other_root(0).await
    }

    /// The root of its chain `nth`, from 0 (PEM).
    ///
    /// # Errors
    /// Pebble is gone, or has no such chain.
    pub async fn other_root(&self, nth: u8) -> io::Result<String> {
        let answer =
            self.http.get(format!("{}/roots/{nth}", self.management)).send().await.map_err(io::Error::other)?;
        answer.error_for_status().map_err(io::Error::other)?.text().await.map_err(io::Error::other)
    }
}

async fn run(
    binary: &Path,
    directory: &Path,
    dns: SocketAddr,
    options: PebbleOptions,
    http: &reqwest::Client,
    directory_url: &str,
) -> io::Result<Child> {
    let mut child = Start::program(binary, directory)
        .arg("-strict")
        .arg("-config")
        .arg(directory.join("pebble.json"))
        .arg("-dnsserver")
        .arg(dns.to_string())
        .env("PEBBLE_VA_NOSLEEP", "1")
        .env("PEBBLE_WFE_NONCEREJECT", options.nonce_reject_percent.to_string())
        .env("PEBBLE_ALTERNATE_ROOTS", options.alternate_roots.to_string())
        .env("PEBBLE_AUTHZREUSE", options.authorization_reuse_percent.to_string())
        .spawn()?;
    let is_ready =
        async || http.get(directory_url).send().await.is_ok_and(|answer| answer.status() == reqwest::StatusCode::OK);
    child.wait_until(START_DEADLINE, is_ready).await?;
    Ok(child)
}

/// Pebble of Debian has no certificate for its own API: a root and a leaf are made here, for this run only.
fn write_certificates(directory: &Path) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let root_key = KeyPair::generate()?;
    let mut root = CertificateParams::default();
    root.distinguished_name.push(rcgen::DnType::CommonName, "Demo CA: its API");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let root_pem = root.self_signed(&root_key)?.pem();
    let issuer = Issuer::new(root, root_key);

    let key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(vec!["localhost".to_owned()])?;
    leaf.subject_alt_names.push(SanType::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()));
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let leaf = leaf.signed_by(&key, &issuer)?;

    fs::write(directory.join("root.pem"), &root_pem)?;
    fs::write(directory.join("server.pem"), leaf.pem())?;
    fs::write(directory.join("server.key"), key.serialize_pem())?;
    Ok(root_pem)
}

/// Trusts that root alone, and goes through no proxy: the server is on loopback.
fn client(root_pem: &str) -> reqwest::Result<reqwest::Client> {
    let root = reqwest::Certificate::from_pem(root_pem.as_bytes())?;
    let client = reqwest::Client::builder().tls_certs_only([root]).no_proxy().timeout(Duration::from_secs(5));
    client.user_agent(concat!("rampart-demo/", env!("CARGO_PKG_VERSION"))).build()
}

/// One file for old and new: 2.4 passes over `profiles` and `retryAfter` and takes `certificateValidityPeriod`.
fn settings(directory: &Path, (api, management, http_port): (u16, u16, u16), options: PebbleOptions) -> String {
    let retry = options.retry_after.as_secs();
    let settings = json!({"pebble": {
        "listenAddress": format!("127.0.0.1:{api}"),
        "managementListenAddress": format!("127.0.0.1:{management}"),
        "certificate": directory.join("server.pem"),
        "privateKey": directory.join("server.key"),
        "httpPort": http_port,
        "tlsPort": 5001,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": options.binding.is_some(),
        "externalAccountMACKeys": options.binding.iter().copied().collect::<std::collections::BTreeMap<_, _>>(),
        "domainBlocklist": [BLOCKED_NAME],
        "retryAfter": {"authz": retry, "order": retry},
        "keyAlgorithm": "ecdsa",
        "caaIdentities": [CAA_NAME],
        "certificateValidityPeriod": options.lifetime.as_secs(),
        "profiles": {
            "default": {"description": "the profile of this run", "validityPeriod": options.lifetime.as_secs()},
            "shortlived": {"description": "160 hours", "validityPeriod": 576_000},
        },
    }});
    settings.to_string()
}
