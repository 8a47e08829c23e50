//! The only starter of processes: an absolute path, a fixed list of arguments, a clean environment, no input, a
//! deadline and a limit on what is printed, and the capabilities that the program needs and no others (setpriv(1)). No
//! shell.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use crate::agent::rights::{self, Capability};

/// The most that a program may print to each of its two outputs: 4 MiB.
const MAX_OUTPUT_BYTES: u64 = 4 * 1024 * 1024;

/// Stands before every program: takes capabilities away, and then becomes it. Part of util-linux, which every Debian has.
const SETPRIV: &str = "/usr/bin/setpriv";

/// Why a program gave no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    /// It could not be started.
    #[error("{} could not be started", program.display())]
    Start {
        /// Its path.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It ran past its deadline and was killed.
    #[error("{} did not end within {} s and was stopped", program.display(), after.as_secs())]
    TooSlow {
        /// Its path.
        program: PathBuf,
        /// The deadline.
        after: Duration,
    },
    /// It printed more than the limit and was killed.
    #[error("{} printed more than {} MiB and was stopped", program.display(), MAX_OUTPUT_BYTES / 1024 / 1024)]
    TooMuch {
        /// Its path.
        program: PathBuf,
    },
    /// What it printed could not be read, or its end could not be awaited.
    #[error("{} was lost", program.display())]
    Lost {
        /// Its path.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// How a program ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Whether it ended with 0.
    pub(super) success: bool,
    /// What it printed to standard output.
    pub(super) stdout: String,
    /// What it printed to standard error.
    pub(super) stderr: String,
}

impl Ended {
    /// The first lines of standard error, or of standard output, as one short text for a refusal.
    pub(super) fn words(&self) -> String {
        let text = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(6).collect();
        let words: String = lines.join("; ").chars().take(600).collect();
        if words.is_empty() { "it said nothing".to_owned() } else { words }
    }
}

/// A program to run.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
    capabilities: &'static [Capability],
    deadline: Duration,
    run_directory: Option<PathBuf>,
}

impl Program {
    /// The program at `path`, which must be absolute. It has no capabilities.
    pub(super) fn at(path: &Path, deadline: Duration) -> Self {
        Self { path: path.to_owned(), arguments: Vec::new(), capabilities: &[], deadline, run_directory: None }
    }

    /// Leaves it these capabilities, where the agent itself has them.
    pub(super) const fn with(mut self, capabilities: &'static [Capability]) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// One more argument.
    pub(super) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Gives it a /run of its own with nothing in it but the empty directory `name`: the host's is neither seen nor
    /// changed (`unshare(2)`, `CLONE_NEWNS`). Only root can.
    pub(super) fn with_private_run(mut self, name: &str) -> Self {
        self.run_directory = Some(Path::new("/run").join(name));
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// It could not be started, or was stopped. Ending with an error is a result, not an error.
    pub(super) async fn run(self) -> Result<Ended, RunError> {
        let program = self.path.clone();
        let after = self.deadline;
        let mut child = self.spawn().map_err(|source| RunError::Start { program: program.clone(), source })?;
        let group = child.id().and_then(|id| i32::try_from(id).ok());
        let outcome = tokio::time::timeout(after, watch(&mut child)).await;
        if !matches!(outcome, Ok(Ok(Some(_)))) {
            // It leads a process group of its own, so that its children go with it.
            if let Some(group) = group {
                let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
            }
            drop(child.wait().await);
        }
        match outcome {
            Ok(Ok(Some(ended))) => Ok(ended),
            Ok(Ok(None)) => Err(RunError::TooMuch { program }),
            Ok(Err(source)) => Err(RunError::Lost { program, source }),
            Err(_) => Err(RunError::TooSlow { program, after }),
        }
    }

    fn spawn(self) -> io::Result<Child> {
        if !self.path.is_absolute() {
            return Err(io::Error::other("its path is not absolute"));
        }
        // setpriv would say so too, but only in words.
        if !std::fs::metadata(&self.path)?.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let Some(directory) = self.run_directory.clone() else {
            return self.command().spawn();
        };
        // A namespace belongs to the thread that made it and to what that thread starts; so the thread is thrown away.
        let runtime = tokio::runtime::Handle::current();
        let start = std::thread::spawn(move || {
            let _entered = runtime.enter();
            make_private_run(&directory)?;
            self.command().spawn()
        });
        start.join().unwrap_or_else(|_| Err(io::Error::other("its thread died")))
    }

    #[expect(clippy::disallowed_methods, reason = "this file is the one starter of processes")]
    fn command(&self) -> Command {
        let mut command = Command::new(SETPRIV);
        command.args(["--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all"]);
        if rights::may_lower() {
            let kept: Vec<String> = self.capabilities.iter().map(|kept| format!(",+{}", kept.word())).collect();
            command.arg(format!("--bounding-set=-all{}", kept.concat()));
        }
        command.arg("--").arg(&self.path).args(&self.arguments).current_dir("/").env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        command
    }
}

/// Waits for the end of `child`; `None` if it printed too much.
async fn watch(child: &mut Child) -> io::Result<Option<Ended>> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = tokio::try_join!(collect(stdout), collect(stderr))?;
    let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
        return Ok(None);
    };
    let status = child.wait().await?;
    Ok(Some(Ended { success: status.success(), stdout, stderr }))
}

async fn collect(output: Option<impl AsyncRead + Unpin>) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if let Some(output) = output {
        output.take(MAX_OUTPUT_BYTES + 1).read_to_end(&mut bytes).await?;
    }
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_OUTPUT_BYTES);
    Ok(fits.then(|| String::from_utf8_lossy(&bytes).into_owned()))
}

fn make_private_run(directory: &Path) -> io::Result<()> {
    let nothing = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS)?;
    // Without this the new /run would show on the host too.
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
    let closed = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("tmpfs"), "/run", Some("tmpfs"), closed, Some("size=64k,mode=0755"))?;
    std::fs::create_dir(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn program(path: &str) -> Program {
        Program::at(Path::new(path), SOON)
    }

    #[tokio::test]
    async fn a_program_gets_its_arguments_and_a_clean_environment() {
        let echoed = program("/bin/echo").arg("a b").arg("$HOME;id").run().await.unwrap();
        let environment = program("/usr/bin/env").run().await.unwrap();

        assert_eq!(echoed.stdout, "a b $HOME;id\n");
        assert_eq!(environment.stdout, "LC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n");
    }

    #[tokio::test]
    async fn a_program_has_no_capability_but_those_it_is_left_and_can_gain_none() {
        let status = |capabilities| program("/bin/cat").with(capabilities).arg("/proc/self/status").run();
        let seen = |text: &str, key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            u64::from_str_radix(line.trim(), 16).unwrap()
        };

        let bare = status(&[]).await.unwrap().stdout;
        let left = status(rights::NGINX_RELOAD).await.unwrap().stdout;

        assert_eq!(seen(&bare, "NoNewPrivs:"), 1);
        assert_eq!((seen(&bare, "CapInh:"), seen(&bare, "CapAmb:")), (0, 0));
        if rights::may_lower() {
            // CAP_DAC_OVERRIDE is number 1.
            assert_eq!((seen(&bare, "CapEff:"), seen(&bare, "CapPrm:"), seen(&bare, "CapBnd:")), (0, 0, 0));
            assert_eq!((seen(&left, "CapEff:"), seen(&left, "CapBnd:")), (2, 2));
        }
    }

    #[tokio::test]
    async fn a_program_that_fails_hands_back_its_words() {
        let ended = program("/bin/ls").arg("/there/is/nothing").run().await.unwrap();

        assert!(!ended.success);
        assert!(ended.words().contains("No such file"), "{}", ended.words());
    }

    #[tokio::test]
    async fn a_program_that_is_too_slow_or_prints_too_much_is_stopped() {
        let slow = Program::at(Path::new("/bin/sleep"), Duration::from_millis(50)).arg("60").run().await;
        let endless = program("/usr/bin/yes").run().await;

        assert!(matches!(slow, Err(RunError::TooSlow { .. })), "{slow:?}");
        assert!(matches!(endless, Err(RunError::TooMuch { .. })), "{endless:?}");
    }

    #[tokio::test]
    async fn a_relative_path_and_a_missing_program_are_not_started() {
        assert!(matches!(program("echo").run().await, Err(RunError::Start { .. })));
        assert!(matches!(program("/there/is/nothing").run().await, Err(RunError::Start { .. })));
    }
}
