//! Runs the console: jobs in the background, pages over TLS, an orderly end.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::app::console_tls::{self, ConsoleCertificate};
use crate::app::keep_running::{PAUSE, keep_running};
use crate::app::listener::{self, Deadlines};
use crate::app::places::Places;
use crate::app::tls_only::TlsOnlyWatch;
use crate::app::{build, edge, fusionpbx, open_files};
use crate::audit::walls::Walls;
use crate::base::clock::{Clock, SystemClock};
use crate::base::rng::{Random, SystemRandom};
use crate::config::Config;
use crate::deeds::Deeds;
use crate::host::Agent;
use crate::jobs;
use crate::jobs::credentials::CredentialAudit;
use crate::jobs::served_watch::ServedWatch;
use crate::jobs::sweep::{Sources, Sweep, remembered};
use crate::web::door::{self, Door, FLOOR};
use crate::web::edge::Edge;
use crate::web::limits::EventStreams;
use crate::web::origin::OwnNames;
use crate::web::router::router;
use crate::web::state::AppState;

/// How long open answers may take to end when the console stops.
const GOODBYE: Duration = Duration::from_secs(3);

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// The settings, the state directory or the listener cannot be used.
pub async fn run(config: &Config, state_directory: &Path) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let deeds = build::deeds(state_directory, clock.clone(), random).await?;
    let certificate = console_tls::keep(state_directory, &config.console.names, clock.now())?;
    let listener = TcpListener::bind(config.console.listen)
        .with_context(|| format!("{} cannot be listened on", config.console.listen))?;
    let address = listener.local_addr()?;
    let (stop, stopping) = watch::channel(false);
    let door = Arc::new(Door::new(clock.clone(), FLOOR, state_directory));
    let (app, jobs) = assemble(config, (deeds, door), address.port(), stopping).await?;
    app.deeds.hasher.prepare().await?;
    offer_setup(&app.deeds, config, address.port()).await?;

    let handle = Handle::new();
    let places = Places::new(open_files::most_connections(config.console.proxy_secret_file.is_some()));
    let server = listener::server(listener, tls(&certificate)?, places, Deadlines::default())?.handle(handle.clone());
    let serving = server.serve(router(app.clone()).into_make_service_with_connect_info::<SocketAddr>());
    info!("Rampart listens on https://{address}");
    tokio::select! {
        outcome = serving => outcome.context("the listener failed")?,
        () = asked_to_stop() => info!("Stopping"),
    }
    stop.send_replace(true);
    handle.graceful_shutdown(Some(GOODBYE));
    if tokio::time::timeout(GOODBYE, jobs.join_all()).await.is_err() {
        warn!("Work under way was cut off; it goes on at the next start");
    }
    app.deeds.store.close().await;
    Ok(())
}

/// The state that handlers share, and the jobs, which are running already.
async fn assemble(
    config: &Config,
    (deeds, door): (Deeds, Arc<Door>),
    port: u16,
    stopping: watch::Receiver<bool>,
) -> Result<(AppState, JoinSet<()>)> {
    // Orders go on after a stop, and keep their entries open; nothing else does.
    deeds.store.close_abandoned_but_orders(deeds.clock.now()).await?;
    let agent = Agent::at(config.agent.socket.clone());
    let issuing = Arc::new(build::issuing(config, agent.clone())?);
    let fusionpbx = fusionpbx::find(config, std::env::var("RAMPART_FUSIONPBX_URL").ok()).await;
    match &fusionpbx {
        Ok(fusionpbx) => info!("FusionPBX's database: {}", fusionpbx.place()),
        Err(reason) => warn!("{reason}"),
    }
    let (walls, seen) = watch::channel(Arc::new(Walls::of(remembered(&deeds).await)));
    let app = AppState {
        fusionpbx: fusionpbx.clone(),
        walls: seen,
        look_again: Arc::new(Notify::new()),
        credentials_wanted: Arc::new(Notify::new()),
        orders_wanted: Arc::new(Notify::new()),
        issuing: issuing.clone(),
        door,
        streams: EventStreams::default(),
        edge: Arc::new(Edge::behind(edge::in_front(&config.console)?)),
        names: Arc::new(OwnNames::new(&config.console.names, &ports(config, port))),
        context_words: Arc::new(build::context_words(config)),
        host: build::host_name().into(),
        demo: std::env::var_os("RAMPART_DEMO").is_some(),
        stopping: stopping.clone(),
        deeds: deeds.clone(),
    };
    let sweep = Arc::new(Sweep {
        deeds: deeds.clone(),
        sources: Sources { agent, fusionpbx },
        interval: Duration::from_secs(config.watch.interval_seconds.max(10)),
        wanted: app.look_again.clone(),
        walls,
    });
    let mut jobs = start_jobs(&app, &sweep, &stopping);
    let (audit, end) = (credential_audit(&app, config), stopping.clone());
    keep_running(&mut jobs, ("credentials", PAUSE), stopping.clone(), move || audit.clone().run(end.clone()));
    if let Some(watch) = TlsOnlyWatch::wanted(&config.console, port, &app.fusionpbx) {
        let (edge, end) = (app.edge.clone(), stopping.clone());
        keep_running(&mut jobs, ("tls-only", PAUSE), stopping.clone(), move || {
            watch.clone().run(edge.clone(), end.clone())
        });
    }
    let (deeds, agent, keep) = (deeds, sweep.sources.agent.clone(), config.trail.keep());
    let end = stopping.clone();
    keep_running(&mut jobs, ("trail", PAUSE), stopping, move || {
        jobs::trail::run(deeds.clone(), agent.clone(), keep, end.clone())
    });
    Ok((app, jobs))
}

/// What judges FusionPBX's credentials.
fn credential_audit(app: &AppState, config: &Config) -> CredentialAudit {
    CredentialAudit {
        deeds: app.deeds.clone(),
        fusionpbx: app.fusionpbx.clone(),
        wanted: app.credentials_wanted.clone(),
        look_again: app.look_again.clone(),
        interval: Duration::from_hours(config.watch.credentials_hours),
    }
}

/// Everything that works by itself.
fn start_jobs(app: &AppState, sweep: &Arc<Sweep>, stopping: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    let (sweep, end) = (sweep.clone(), stopping.clone());
    keep_running(&mut jobs, ("sweep", PAUSE), stopping.clone(), move || sweep.clone().run(end.clone()));
    let (own, end) = (app.clone(), stopping.clone());
    keep_running(&mut jobs, ("orders", PAUSE), stopping.clone(), move || {
        let AppState { deeds, issuing, orders_wanted, look_again, .. } = own.clone();
        jobs::orders::run(deeds, issuing, orders_wanted, look_again, end.clone())
    });
    let (own, end) = (app.clone(), stopping.clone());
    keep_running(&mut jobs, ("renewal", PAUSE), stopping.clone(), move || {
        let AppState { deeds, issuing, orders_wanted, .. } = own.clone();
        jobs::renewal::run(deeds, issuing, orders_wanted, end.clone())
    });
    let (own, end) = (app.clone(), stopping.clone());
    keep_running(&mut jobs, ("windows", PAUSE), stopping.clone(), move || {
        jobs::windows::run(own.deeds.clone(), own.issuing.clone(), end.clone())
    });
    let (own, end) = (app.clone(), stopping.clone());
    keep_running(&mut jobs, ("served-watch", PAUSE), stopping.clone(), move || {
        let AppState { deeds, walls, look_again, .. } = own.clone();
        ServedWatch { deeds, walls, look_again, seen: BTreeMap::new(), next: 0 }.run(end.clone())
    });
    if let Ok(fusionpbx) = app.fusionpbx.clone() {
        let (own, end) = (app.clone(), stopping.clone());
        keep_running(&mut jobs, ("policy-drift", PAUSE), stopping.clone(), move || {
            jobs::policy_drift::run(own.deeds.clone(), fusionpbx.clone(), end.clone())
        });
    }
    let (own, end) = (app.clone(), stopping.clone());
    keep_running(&mut jobs, ("rotations", PAUSE), stopping.clone(), move || {
        jobs::rotations::run(own.deeds.clone(), own.fusionpbx.clone(), end.clone())
    });
    let (own, end) = (app.clone(), stopping.clone());
    keep_running(&mut jobs, ("clean-up", PAUSE), stopping.clone(), move || {
        let door = own.door.clone();
        jobs::clean_up::run(own.deeds.clone(), move || door.tidy(), end.clone())
    });
    let (own, end) = (app.clone(), stopping.clone());
    keep_running(&mut jobs, ("door", PAUSE), stopping.clone(), move || {
        let (deeds, door) = (own.deeds.clone(), own.door.clone());
        door::tell::run(deeds, door, end.clone())
    });
    jobs
}

fn ports(config: &Config, listening: u16) -> Vec<u16> {
    config.console.public_port.into_iter().chain([listening]).collect()
}

/// Prints a one-time link if nobody can sign in yet, to a terminal and nowhere else: a log would keep it.
async fn offer_setup(deeds: &Deeds, config: &Config, listening: u16) -> Result<()> {
    if deeds.store.count_operators().await? > 0 {
        return Ok(());
    }
    let mut out = std::io::stdout();
    if !out.is_terminal() {
        warn!("Nobody can sign in yet: run `rampart operator add NAME`");
        return Ok(());
    }
    let Some(token) = deeds.offer_setup().await? else { return Ok(()) };
    let name = config.console.names.first().map_or("localhost", String::as_str);
    let port = config.console.public_port.unwrap_or(listening);
    writeln!(out, "\nNobody can sign in yet. This link works once, for 30 minutes:")?;
    writeln!(out, "\n  https://{name}:{port}/setup/{}\n", token.expose())?;
    Ok(())
}

/// TLS 1.2 and 1.3 under this certificate, HTTP/1.1 alone.
///
/// # Errors
/// The certificate or its key cannot be read.
pub fn tls(certificate: &ConsoleCertificate) -> Result<RustlsConfig> {
    let chain = CertificateDer::pem_slice_iter(certificate.certificate.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes())?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

async fn asked_to_stop() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
