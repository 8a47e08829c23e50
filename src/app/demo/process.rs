//! A server of the demo: started in its directory, its output in a log file there, gone when this value is dropped.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};

/// How long a server may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// The user and group a server runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunAs {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// What to start.
#[derive(Clone, Debug)]
pub struct Start {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    directory: PathBuf,
    run_as: Option<RunAs>,
}

impl Start {
    /// `program`, in `directory`, which must exist; its log will be `<directory>/<program's name>.log`.
    #[must_use]
    pub fn program(program: impl AsRef<Path>, directory: impl AsRef<Path>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: directory.as_ref().to_owned(),
            run_as: None,
        }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// One more environment variable. Nothing else is inherited but `PATH`.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Run as another user. Only root can; anyone else stays who they are.
    #[must_use]
    pub fn run_as(mut self, user: RunAs) -> Self {
        self.run_as = Some(user);
        self
    }

    /// Starts it in the background.
    ///
    /// # Errors
    /// The program or its directory is not there, or may not be used.
    pub fn spawn(self) -> io::Result<Child> {
        let name = self.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let log = self.directory.join(format!("{name}.log"));
        let output = File::create(&log)?;
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let process = command.spawn().map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
        Ok(Child { process, name, log })
    }

    /// Runs it to its end and hands back what it printed to standard output.
    ///
    /// # Errors
    /// It could not be started, or it failed: the error holds what it printed to standard error.
    pub fn run(self) -> io::Result<String> {
        let name = self.program.display().to_string();
        let output = self.command().stdin(Stdio::null()).output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(io::Error::other(format!("{name} failed ({}): {said}", output.status)))
    }

    /// `setpriv` gives up root where asked, and has the kernel kill the server should we die first.
    #[expect(clippy::disallowed_methods, reason = "the demo starts its own servers here and nowhere else")]
    fn command(&self) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some(user) = self.run_as.filter(|_| Uid::effective().is_root()) {
            command.arg(format!("--reuid={}", user.uid)).arg(format!("--regid={}", user.gid)).arg("--clear-groups");
        }
        command.arg("--").arg(&self.program).args(&self.arguments).current_dir(&self.directory).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct Child {
    process: Process,
    name: String,
    log: PathBuf,
}

impl Child {
    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What it has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    /// Sends `signal` to it.
    ///
    /// # Errors
    /// It is gone.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = i32::try_from(self.process.id()).map_err(io::Error::other)?;
        kill(Pid::from_raw(pid), signal).map_err(io::Error::from)
    }

    /// Waits until `is_ready` says yes.
    ///
    /// # Errors
    /// It ended, or was not ready in time: the error holds the end of its log.
    pub async fn wait_until(
        &mut self,
        deadline: Duration,
        mut is_ready: impl AsyncFnMut() -> bool,
    ) -> io::Result<()> {
        let start = Instant::now();
        loop {
            if is_ready().await {
                return Ok(());
            }
            let ended = self.ended();
            if ended.is_some() || start.elapsed() > deadline {
                let state =
                    ended.map_or_else(|| "was not ready in time".to_owned(), |status| format!("ended: {status}"));
                let log = self.log();
                let tail: Vec<&str> = log.lines().rev().take(12).collect();
                let tail: Vec<&str> = tail.into_iter().rev().collect();
                return Err(io::Error::other(format!("{} {state}\n{}", self.name, tail.join("\n"))));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it now, as dropping it would.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if self.ended().is_some() {
            return;
        }
        drop(self.signal(Signal::SIGTERM));
        let start = Instant::now();
        while start.elapsed() < GRACE {
            if self.ended().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}

/// A TCP port on 127.0.0.1 that was free a moment ago.
///
/// # Errors
/// No port is free.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_hands_back_its_words() {
        let error = Start::program("/bin/ls", "/").arg("/there/is/nothing").run().unwrap_err();

        assert!(error.to_string().contains("No such file"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_ends_early_is_reported_at_once() {
        let directory = std::env::temp_dir().join(format!("rampart-process-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();

        let mut child = Start::program("/bin/false", &directory).spawn().unwrap();
        let outcome = child.wait_until(Duration::from_secs(5), async || false).await;

        assert!(outcome.unwrap_err().to_string().contains("ended"));
        std::fs::remove_dir_all(directory).unwrap();
    }
}
