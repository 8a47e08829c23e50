//! A private PostgreSQL cluster: its own directory, its own socket, no network unless asked.
//!
//! A watcher stands beside it with a pipe from us as its standard input. When we drop the cluster, or die in any way,
//! the pipe closes and the watcher stops the server and removes the directory: nothing is left behind.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::unistd::{Uid, User};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

use crate::app::demo::process::{RunAs, Start, free_port};

/// `sun_path` holds 108 bytes with its closing zero (unix(7)); PostgreSQL adds `/.s.PGSQL.` and the port.
const LONGEST_SOCKET: usize = 107;
/// How long the server may take to answer, or to see a change of its configuration.
const DEADLINE: Duration = Duration::from_secs(30);

/// Where the cluster listens besides its socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Nowhere.
    SocketOnly,
    /// On 127.0.0.1, on a free port, with passwords (SCRAM).
    Loopback,
}

/// Why a private cluster could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// PostgreSQL's server programs are not installed.
    #[error("no PostgreSQL server found in /usr/lib/postgresql")]
    NotInstalled,
    /// The path of the socket does not fit in a socket address.
    #[error("the directory of the private PostgreSQL has too long a name: {}", .0.display())]
    LongPath(PathBuf),
    /// A file or process failed.
    #[error("the private PostgreSQL could not be set up")]
    System(#[from] io::Error),
    /// The server refused a statement or a connection.
    #[error("the private PostgreSQL refused a statement")]
    Query(#[from] sqlx::Error),
}

/// A running private cluster; its superuser is `postgres`. Dropping it stops the server and removes its directory.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    directory: PathBuf,
    port: u16,
    owner: Option<RunAs>,
    watcher: Child,
}

impl Postgres {
    /// Makes a cluster in `directory`, which is created, belongs to this cluster alone and is removed with it.
    /// Started as root it runs as `postgres`, who must be able to walk the directories above. Blocks for 1 to 2 seconds.
    ///
    /// # Errors
    /// PostgreSQL is not installed, the path is too long for a socket, or the server did not start.
    pub fn start(directory: &Path, listen: Listen) -> Result<Self, PostgresError> {
        let programs = newest_programs().ok_or(PostgresError::NotInstalled)?;
        let port = match listen {
            Listen::SocketOnly => 5432,
            Listen::Loopback => free_port()?,
        };
        let owner = if Uid::effective().is_root() { Some(postgres_user()?) } else { None };
        let socket = directory.join(format!("socket/.s.PGSQL.{port}"));
        if socket.as_os_str().len() > LONGEST_SOCKET {
            return Err(PostgresError::LongPath(directory.to_owned()));
        }
        make_directories(directory, owner)?;
        // From here on everything is cleared away by the watcher, also when a step below fails.
        let watcher = watch(&programs, directory, owner)?;
        let cluster = Self { programs, directory: directory.to_owned(), port, owner, watcher };
        cluster.initialise(listen)?;
        cluster.resume()?;
        Ok(cluster)
    }

    /// A hot standby of this cluster, made with `pg_basebackup` in `directory`: it may be read, and never written.
    ///
    /// # Errors
    /// The copy or the start failed.
    pub fn standby(&self, directory: &Path) -> Result<Self, PostgresError> {
        make_directories(directory, self.owner)?;
        let watcher = watch(&self.programs, directory, self.owner)?;
        let (programs, directory) = (self.programs.clone(), directory.to_owned());
        let standby = Self { programs, directory, port: self.port, owner: self.owner, watcher };
        let copy = standby.program("pg_basebackup").args(&["-U", "postgres", "-R", "-c", "fast", "--no-sync", "-h"]);
        copy.arg(self.socket_directory()).args(&["-p", &self.port.to_string(), "-D"]).arg(standby.data()).run()?;
        let file = standby.data().join("postgresql.auto.conf");
        let socket = standby.socket_directory();
        let own = format!("unix_socket_directories = '{}'\nlisten_addresses = ''\n", socket.display());
        fs::write(&file, fs::read_to_string(&file)? + &own)?;
        standby.resume()?;
        Ok(standby)
    }

    /// The directory of the server's socket, open to every local user.
    #[must_use]
    pub fn socket_directory(&self) -> PathBuf {
        self.directory.join("socket")
    }

    /// The port: of 127.0.0.1, and in the name of the socket.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// How to reach `database` as the superuser, over the socket.
    #[must_use]
    pub fn superuser(&self, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(self.socket_directory())
            .port(self.port)
            .username("postgres")
            .database(database)
            .ssl_mode(PgSslMode::Disable)
            .disable_statement_logging()
    }

    /// A URL for `role` over the socket; the role must be allowed to us with [`Postgres::allow`].
    #[must_use]
    pub fn socket_url(&self, role: &str, database: &str) -> String {
        let socket = self.socket_directory().display().to_string().replace('/', "%2F");
        format!("postgres://{role}@{socket}:{}/{database}", self.port)
    }

    /// A URL for `role` over 127.0.0.1 with a password, which must need no escaping.
    #[must_use]
    pub fn tcp_url(&self, role: &str, password: &str, database: &str) -> String {
        format!("postgres://{role}:{password}@{}:{}/{database}", Ipv4Addr::LOCALHOST, self.port)
    }

    /// Runs `sql`, which may hold several statements, in `database` as the superuser.
    ///
    /// # Errors
    /// The server refused it.
    pub async fn run_sql(&self, database: &str, sql: &str) -> Result<(), PostgresError> {
        let mut connection = self.superuser(database).connect().await?;
        connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await?;
        connection.close().await?;
        Ok(())
    }

    /// Makes the database `name`, empty or as a copy of `template`, to which nobody may be connected. Both names must
    /// be plain identifiers.
    ///
    /// # Errors
    /// The server refused it.
    pub async fn create_database(&self, name: &str, template: Option<&str>) -> Result<(), PostgresError> {
        let template = template.unwrap_or("template0");
        self.run_sql("postgres", &format!("CREATE DATABASE \"{name}\" TEMPLATE \"{template}\"")).await
    }

    /// Lets the operating system's user `os_user` sign in over the socket as `role`, without a password.
    /// Returns when the server has taken it up.
    ///
    /// # Errors
    /// The map could not be written or the server did not read it again.
    pub async fn allow(&self, os_user: &str, role: &str) -> Result<(), PostgresError> {
        let file = self.data().join("pg_ident.conf");
        let mut map = fs::read_to_string(&file)?;
        map.push_str(&ident_line(os_user, role));
        fs::write(&file, map)?;
        let mut connection = self.superuser("postgres").connect().await?;
        // The postmaster tells its children after it has read its own files, so our own load time is proof.
        let before = load_time(&mut connection).await?;
        connection.execute("SELECT pg_reload_conf()").await?;
        let start = Instant::now();
        while load_time(&mut connection).await? == before {
            if start.elapsed() > DEADLINE {
                return Err(io::Error::other("the server did not read its user map again").into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        connection.close().await?;
        Ok(())
    }

    /// Stops the server at once, as a crash would, and keeps its directory.
    ///
    /// # Errors
    /// It was not running.
    pub fn pause(&self) -> Result<(), PostgresError> {
        self.control(["stop", "-m", "immediate"])
    }

    /// Starts the server again after [`Postgres::pause`].
    ///
    /// # Errors
    /// It did not start; the error holds what `pg_ctl` said.
    pub fn resume(&self) -> Result<(), PostgresError> {
        // `pg_ctl` starts the server in a session of its own: Ctrl-C on our terminal does not reach it.
        let log = self.directory.join("postgres.log");
        let outcome = self.control(["start", "-t", "30", "-l", &log.display().to_string()]);
        outcome.map_err(|error| match error {
            PostgresError::System(cause) => {
                let said = fs::read_to_string(&log).unwrap_or_default();
                io::Error::other(format!("{cause}\n{said}")).into()
            }
            other => other,
        })
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn initialise(&self, listen: Listen) -> Result<(), PostgresError> {
        let arguments = ["-U", "postgres", "--auth=peer", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"];
        self.program("initdb").args(&arguments).arg(self.data()).run()?;
        let addresses = if listen == Listen::Loopback { "127.0.0.1" } else { "" };
        let settings = format!(
            "port = {}\nlisten_addresses = '{addresses}'\nunix_socket_directories = '{}'\n\
             fsync = off\nfull_page_writes = off\nautovacuum = off\n\
             shared_buffers = 32MB\nmax_connections = 100\npassword_encryption = 'scram-sha-256'\n",
            self.port,
            self.socket_directory().display(),
        );
        self.write("postgresql.auto.conf", &settings)?;
        self.write(
            "pg_hba.conf",
            "local all,replication all peer map=private\nhost all all 127.0.0.1/32 scram-sha-256\n",
        )?;
        let me = User::from_uid(Uid::effective()).map_err(io::Error::from)?;
        let me = me.map_or_else(|| "postgres".to_owned(), |user| user.name);
        self.write("pg_ident.conf", &(ident_line(&me, "postgres") + &ident_line("postgres", "postgres")))
    }

    /// Overwrites a file that initdb has made, so that its owner and mode stay.
    fn write(&self, name: &str, text: &str) -> Result<(), PostgresError> {
        Ok(fs::write(self.data().join(name), text)?)
    }

    fn control<const N: usize>(&self, arguments: [&str; N]) -> Result<(), PostgresError> {
        self.program("pg_ctl").args(&arguments).arg("-s").arg("-w").arg("-D").arg(self.data()).run()?;
        Ok(())
    }

    fn program(&self, name: &str) -> Arguments {
        let start = Start::program(self.programs.join(name), &self.directory);
        Arguments(if let Some(user) = self.owner { start.run_as(user) } else { start })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        drop(self.watcher.wait());
    }
}

/// [`Start`] with several arguments at a time.
struct Arguments(Start);

impl Arguments {
    fn args(self, arguments: &[&str]) -> Self {
        Self(arguments.iter().fold(self.0, Start::arg))
    }

    fn arg(self, argument: impl AsRef<OsStr>) -> Self {
        Self(self.0.arg(argument))
    }

    fn run(self) -> io::Result<String> {
        self.0.run()
    }
}

async fn load_time(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_conf_load_time()::text").fetch_one(connection).await
}

fn ident_line(os_user: &str, role: &str) -> String {
    format!("private \"{os_user}\" \"{role}\"\n")
}

fn make_directories(directory: &Path, owner: Option<RunAs>) -> io::Result<()> {
    for (path, mode) in
        [(directory.to_owned(), 0o755), (directory.join("data"), 0o700), (directory.join("socket"), 0o755)]
    {
        fs::create_dir(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(mode))?;
        if let Some(user) = owner {
            chown(&path, Some(user.uid), Some(user.gid))?;
        }
    }
    Ok(())
}

/// Waits for the end of its input, then stops the server and removes its directory. It ignores Ctrl-C, which a
/// terminal sends to it as well as to us.
#[expect(clippy::disallowed_methods, reason = "the watcher must outlive us for a moment, and needs a pipe from us")]
fn watch(programs: &Path, directory: &Path, owner: Option<RunAs>) -> io::Result<Child> {
    let script = "trap '' INT TERM HUP; cd /; read -r _; \"$@\" >/dev/null 2>&1; rm -rf -- \"$0\"";
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script).arg(directory);
    if let Some(user) = owner {
        command.arg("setpriv").arg(format!("--reuid={}", user.uid)).arg(format!("--regid={}", user.gid));
        command.args(["--clear-groups", "--"]);
    }
    command.arg(programs.join("pg_ctl")).args(["stop", "-m", "fast", "-w", "-t", "20", "-D"]);
    command.arg(directory.join("data")).env_clear().env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

fn postgres_user() -> io::Result<RunAs> {
    let user = User::from_name("postgres").map_err(io::Error::from)?;
    let user = user.ok_or_else(|| io::Error::other("there is no user postgres to run as"))?;
    Ok(RunAs { uid: user.uid.as_raw(), gid: user.gid.as_raw() })
}

/// The `bin` directory of the newest server that Debian has installed.
fn newest_programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let numbers = versions.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let found = |version: &u32| Path::new("/usr/lib/postgresql").join(version.to_string()).join("bin");
    let newest = numbers.filter(|version| found(version).join("initdb").exists()).max()?;
    Some(found(&newest))
}
