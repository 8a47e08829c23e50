//! Starts every part in its order, and ends them all.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Gid, Pid, Uid, User};

use crate::app::build;
use crate::app::demo::Tools;
use crate::app::demo::bind::Bind;
use crate::app::demo::fusionpbx::{Generation, ROLE};
use crate::app::demo::nginx::Nginx;
use crate::app::demo::pebble::{Pebble, PebbleOptions};
use crate::app::demo::postgres::{Listen, Postgres};
use crate::app::demo::process::{Child, RunAs, Start};
use crate::app::demo::town::{self, Town};
use crate::base::clock::SystemClock;
use crate::base::names::{Fqdn, OperatorName};
use crate::base::rng::{SystemRandom, token};
use crate::base::secret::Secret;
use crate::deeds::password::NewPassword;
use crate::policy::own_password::ContextWords;
use crate::store::trail::Actor;

/// The demo's operator.
pub const OPERATOR: &str = "demo";

/// FusionPBX's database.
const DATABASE: &str = "fusionpbx";

/// How long one part may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything, running. Dropping it ends and removes all of it.
pub struct World {
    // Dropped in this order: first who asks, then who answers, the directory last.
    console: Child,
    agent: Child,
    nginx: Nginx,
    pebble: Pebble,
    bind: Bind,
    postgres: Postgres,
    directory: PrivateDirectory,
    port: u16,
    seconds: Vec<(&'static str, f64)>,
    /// The password of [`OPERATOR`].
    pub password: Secret<String>,
    /// With this [`OPERATOR`] may set up a second factor: once, within half an hour.
    pub enrolment: Secret<String>,
}

/// A directory that goes with this value.
struct PrivateDirectory(PathBuf);

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Who the console runs as: never root.
struct ConsoleUser {
    name: String,
    run_as: RunAs,
}

/// Says what is being done, and how long it took.
struct Progress {
    seconds: Vec<(&'static str, f64)>,
    since: Instant,
}

impl Progress {
    fn new() -> Self {
        Self { seconds: Vec::new(), since: Instant::now() }
    }

    fn done(&mut self, part: &'static str, words: &str) {
        let seconds = self.since.elapsed().as_secs_f64();
        drop(writeln!(std::io::stderr(), "  {seconds:>5.1} s  {words}"));
        self.seconds.push((part, seconds));
        self.since = Instant::now();
    }
}

impl World {
    /// Starts everything, with the console on `port`.
    ///
    /// # Errors
    /// A part did not start; the error holds its last words.
    pub async fn start(port: u16, tenants: u32, tools: &Tools) -> Result<Self> {
        let mut progress = Progress::new();
        let directory = private_directory()?;
        let at = |name: &str| directory.0.join(name);
        let user = console_user()?;
        let zone = Fqdn::parse(town::ZONE)?;

        let postgres = Postgres::start(&at("postgresql"), Listen::SocketOnly).context("PostgreSQL")?;
        progress.done("postgresql", "PostgreSQL, a private cluster");
        fill(&postgres, tenants, &user.name).await.context("FusionPBX's database")?;
        progress.done("town", &format!("FusionPBX's database with {tenants} tenants"));
        let bind = Bind::start(&make(&at("bind"), 0o755)?, std::slice::from_ref(&zone), &SystemRandom).await?;
        progress.done("bind", "BIND, a name server that takes signed updates");
        let pebble =
            Pebble::start(&tools.pebble, &make(&at("pebble"), 0o755)?, bind.address, PebbleOptions::default())
                .await?;
        progress.done("pebble", "Pebble, a certificate authority");
        let include = at("agent/place/nginx");
        let nginx = Nginx::start(&make(&at("nginx"), 0o755)?, &include).await?;
        progress.done("nginx", "nginx with FusionPBX's site");
        let programs = copy_programs(&make(&at("bin"), 0o755)?, tools)?;
        let agent = start_agent(&at("agent"), &nginx, &include, &user, &programs.agent).await?;
        progress.done("agent", "the agent");
        let enrolment = enrol(&at("agent"), &programs.agent)?;
        let password = token(&SystemRandom);
        let parts = Parts { postgres: &postgres, bind: &bind, pebble: &pebble, zone: &zone };
        let state = console_state(&at("console"), port, &at("agent/run/agent.sock"), &parts, &password).await?;
        give(&state, &user)?;
        let console = start_console(&state, port, &user, &programs.console).await?;
        progress.done("console", "the console");
        let seconds = progress.seconds;
        Ok(Self { console, agent, nginx, pebble, bind, postgres, directory, port, seconds, password, enrolment })
    }

    /// Where the console is.
    #[must_use]
    pub fn address(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The console's own certificate, PEM.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn console_certificate(&self) -> Result<Vec<u8>> {
        Ok(fs::read(self.directory.0.join("console/console.crt"))?)
    }

    /// Where the agent's settings lie.
    #[must_use]
    pub fn agent_settings(&self) -> PathBuf {
        self.directory.0.join("agent/agent.toml")
    }

    /// The agent's program.
    #[must_use]
    pub fn agent_program(&self) -> PathBuf {
        self.directory.0.join("bin/rampart-agent")
    }

    /// Where nginx listens with TLS.
    #[must_use]
    pub fn nginx_listener(&self) -> String {
        format!("127.0.0.1:{}", self.nginx.https_port)
    }

    /// The private directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory.0
    }

    /// How long each part took to start, in seconds.
    #[must_use]
    pub fn started_in(&self) -> &[(&'static str, f64)] {
        &self.seconds
    }

    /// The certificate authority's process, so that a test can hold it still.
    #[must_use]
    pub fn ca_process(&self) -> u32 {
        self.pebble.child.pid()
    }

    /// The database as its superuser, to read back what others wrote.
    #[must_use]
    pub fn superuser(&self) -> Secret<String> {
        Secret::new(self.postgres.socket_url("postgres", DATABASE))
    }

    /// What the console and the agent have printed.
    #[must_use]
    pub fn logs(&self) -> String {
        format!("console:\n{}\nagent:\n{}", self.console.log(), self.agent.log())
    }

    /// Returns when a part ends by itself, which none should.
    ///
    /// # Errors
    /// Says which part ended, with its last words.
    pub async fn until_something_ends(mut self) -> Result<()> {
        loop {
            let parts = [
                ("the console", &mut self.console),
                ("the agent", &mut self.agent),
                ("nginx", &mut self.nginx.child),
                ("Pebble", &mut self.pebble.child),
                ("BIND", &mut self.bind.child),
            ];
            for (name, child) in parts {
                if let Some(status) = child.ended() {
                    bail!("{name} ended ({status}):\n{}", child.log());
                }
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

fn private_directory() -> Result<PrivateDirectory> {
    let name = format!("rampart-demo-{}", token(&SystemRandom).expose());
    let path = std::env::temp_dir().join(name);
    // Others may pass through to what is theirs, and list nothing.
    make(&path, 0o711)?;
    Ok(PrivateDirectory(path))
}

fn make(path: &Path, mode: u32) -> Result<PathBuf> {
    DirBuilder::new().create(path).with_context(|| format!("making {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(path.to_owned())
}

fn console_user() -> Result<ConsoleUser> {
    let uid = if Uid::effective().is_root() { None } else { Some(Uid::effective()) };
    let user = match uid {
        Some(uid) => User::from_uid(uid)?,
        None => User::from_name("nobody")?,
    };
    let user = user.context("the console's user has no entry in /etc/passwd")?;
    let (uid, gid): (Uid, Gid) = (user.uid, user.gid);
    Ok(ConsoleUser { name: user.name, run_as: RunAs { uid: uid.as_raw(), gid: gid.as_raw() } })
}

async fn fill(postgres: &Postgres, tenants: u32, user: &str) -> Result<()> {
    postgres.create_database(DATABASE, None).await?;
    let generation = Generation::V5_5;
    postgres.run_sql(DATABASE, generation.schema()).await?;
    town::fill(postgres, DATABASE, generation, Town { tenants, ..Town::default() }).await?;
    postgres.run_sql(DATABASE, &format!("SET rampart.judge_accounts = 'on'; {ROLE}")).await?;
    postgres.allow(user, "rampart").await?;
    Ok(())
}

/// The console's user may not walk to where the programs were built.
fn copy_programs(directory: &Path, tools: &Tools) -> Result<Tools> {
    let copy = |from: &Path| -> Result<PathBuf> {
        let to = directory.join(from.file_name().unwrap_or_default());
        // Copied by a child: while we held it open for writing, another thread's new child would hold it too until it
        // has become its program, and to start it would fail as "text file busy".
        Start::program("cp", directory).arg("--").arg(from).arg(&to).run().context("copying the programs")?;
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755))?;
        Ok(to)
    };
    Ok(Tools { console: copy(&tools.console)?, agent: copy(&tools.agent)?, pebble: tools.pebble.clone() })
}

async fn start_agent(
    directory: &Path,
    nginx: &Nginx,
    include: &Path,
    user: &ConsoleUser,
    program: &Path,
) -> Result<Child> {
    make(directory, 0o711)?;
    let run = make(&directory.join("run"), 0o755)?;
    let is_root = Uid::effective().is_root();
    let settings = format!(
        "socket = '{socket}'\nsocket_group = {gid}\nplace = '{place}'\npeer = {uid}\n{nginx}\n\
         [ssh]\nprivate_run = {is_root}\n[freeswitch]\nconf = '{none}'\nfusionpbx = '{none}'\ncache = '{none}'\n[certificates]\nzones = ['{zone}']\n",
        socket = run.join("agent.sock").display(),
        place = directory.join("place").display(),
        gid = user.run_as.gid,
        uid = user.run_as.uid,
        nginx = nginx.agent_settings(include),
        zone = town::ZONE,
        // FreeSWITCH cannot be made up; one that runs on this machine is nobody's plaything.
        none = directory.join("no-freeswitch").display(),
    );
    let config = directory.join("agent.toml");
    write(&config, &settings)?;
    let mut child =
        Start::program(program, directory).arg("serve").arg("--config").arg(&config).spawn().context("the agent")?;
    let client = crate::host::Agent::at(run.join("agent.sock"));
    child.wait_until(PATIENCE, async || client.hello().await.is_ok()).await.context("the agent")?;
    Ok(child)
}

/// Has the agent's own command print a code, as root would on a real host.
fn enrol(directory: &Path, program: &Path) -> Result<Secret<String>> {
    let start = Start::program(program, directory).arg("enrol").arg(OPERATOR);
    let printed = start.arg("--config").arg(directory.join("agent.toml")).run().context("the enrolment code")?;
    let code = printed.lines().find(|line| line.len() == 32 && line.matches('-').count() == 6);
    Ok(Secret::new(code.context("no enrolment code was printed")?.to_owned()))
}

struct Parts<'a> {
    postgres: &'a Postgres,
    bind: &'a Bind,
    pebble: &'a Pebble,
    zone: &'a Fqdn,
}

/// Writes the console's settings, and adds its operator.
async fn console_state(
    directory: &Path,
    port: u16,
    agent_socket: &Path,
    parts: &Parts<'_>,
    password: &Secret<String>,
) -> Result<PathBuf> {
    make(directory, 0o700)?;
    let (key, root) = (directory.join("tsig.key"), directory.join("ca-root.pem"));
    write(&key, parts.bind.secret.expose())?;
    fs::copy(&parts.pebble.root_pem_path, &root)?;
    let settings = format!(
        "[console]\nlisten = '127.0.0.1:{port}'\nnames = ['localhost', '127.0.0.1']\n\
         [fusionpbx]\nurl = '{url}'\n[agent]\nsocket = '{socket}'\n\
         [acme]\ndirectory_url = '{ca}'\nroot_certificate = '{root}'\n\
         [dns]\nserver = '{dns}'\nkey_name = '{key_name}'\nkey_file = '{key}'\nzones = ['{zone}']\n\
         resolvers = ['{dns}']\nport = {dns_port}\n\
         [watch]\ninterval_seconds = 60\n",
        url = parts.postgres.socket_url("rampart", DATABASE),
        socket = agent_socket.display(),
        ca = parts.pebble.directory_url,
        root = root.display(),
        dns = parts.bind.address,
        dns_port = parts.bind.address.port(),
        key_name = parts.bind.key_name,
        key = key.display(),
        zone = parts.zone,
    );
    write(&directory.join("rampart.toml"), &settings)?;
    let deeds = build::deeds(directory, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
    let actor = Actor { name: "rampart demo".to_owned(), address: None };
    let password = NewPassword::parse(password.clone(), &ContextWords::default().with(OPERATOR))?;
    deeds.add_operator(&actor, &OperatorName::parse(OPERATOR)?, password).await?;
    deeds.store.close().await;
    Ok(directory.to_owned())
}

/// Gives the console's directory and all in it to the console's user.
fn give(directory: &Path, user: &ConsoleUser) -> Result<()> {
    let RunAs { uid, gid } = user.run_as;
    for entry in fs::read_dir(directory)? {
        chown(entry?.path(), Some(uid), Some(gid))?;
    }
    Ok(chown(directory, Some(uid), Some(gid))?)
}

async fn start_console(state: &Path, port: u16, user: &ConsoleUser, program: &Path) -> Result<Child> {
    // The log lies beside the state: root made it, and the console need not open it.
    let mut child = Start::program(program, state)
        .arg("serve")
        .env("RAMPART_STATE_DIR", state)
        .env("RAMPART_CONFIG", state.join("rampart.toml"))
        .env("RAMPART_DEMO", "1")
        .run_as(user.run_as)
        .spawn()
        .context("the console")?;
    let is_open = async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok();
    child.wait_until(PATIENCE, is_open).await.context("the console")?;
    // Another program on the same port would have answered too.
    let pid = i32::try_from(child.pid()).context("the console")?;
    kill(Pid::from_raw(pid), None::<Signal>).context("the console ended")?;
    if let Some(status) = child.ended() {
        bail!("the console ended ({status}):\n{}", child.log());
    }
    Ok(child)
}

fn write(path: &Path, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes()).with_context(|| format!("writing {}", path.display()))
}
