//! An agent in a directory of its own, for the tests.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rampart::agent::config::AgentConfig;
use rampart::agent::serve;
use rampart::base::clock::{Clock, SystemClock};
use rampart::base::encoding::hex;
use rampart::base::rng::{Random as _, SystemRandom};
use rampart::host::Agent;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A directory for one test, gone when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let mut mark = [0_u8; 6];
        SystemRandom.fill(&mut mark);
        let path = std::env::temp_dir().join(format!("rampart-it-{}", hex(&mark)));
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// The settings of an agent in `directory`, with `more` (whole lines and sections) at their end.
pub(crate) fn settings(directory: &Path, more: &str) -> String {
    let uid = nix::unistd::Uid::effective();
    let directory = directory.display();
    // A FreeSWITCH or fail2ban that may run on this machine is not the tests'.
    let none = format!(
        "[freeswitch]\nconf = '{directory}/none'\nfusionpbx = '{directory}/none'\ncache = '{directory}/none'\n"
    );
    let more = if more.contains("[freeswitch]") { more.to_owned() } else { format!("{more}{none}") };
    let more =
        if more.contains("[firewall]") { more } else { format!("{more}[firewall]\nprograms = '{directory}/none'\n") };
    let none = format!("[fail2ban]\nsocket = '{directory}/none'\n");
    let more = if more.contains("[fail2ban]") { more } else { format!("{more}{none}") };
    format!("socket = '{directory}/agent.sock'\nplace = '{directory}/place'\npeer = {uid}\n{more}")
}

/// An agent that runs inside the test program.
pub(crate) struct RunningAgent {
    pub(crate) agent: Agent,
    pub(crate) socket: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl RunningAgent {
    /// Starts it with these settings and waits until it answers or refuses.
    pub(crate) async fn start(settings: &str) -> Self {
        Self::start_at(settings, Arc::new(SystemClock)).await
    }

    /// The same, with a clock of the test's.
    pub(crate) async fn start_at(settings: &str, clock: Arc<dyn Clock>) -> Self {
        let config = AgentConfig::parse(settings).unwrap();
        let socket = config.socket.clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            drop(stopped.await);
        };
        let serving = tokio::spawn(async {
            serve::run(config, clock, Arc::new(SystemRandom), shutdown).await.unwrap();
        });
        let agent = Agent::at(socket.clone());
        wait_for(&agent, || serving.is_finished()).await;
        Self { agent, socket, stop: Some(stop), serving }
    }

    /// Tells it to stop and waits until it has.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        self.serving.await.unwrap();
    }
}

/// Waits until the agent answers, whatever it says.
pub(crate) async fn wait_for(agent: &Agent, is_dead: impl Fn() -> bool) {
    let start = Instant::now();
    while let Err(rampart::host::AgentError::Down { .. }) = agent.hello().await {
        assert!(!is_dead(), "the agent ended before it answered");
        assert!(start.elapsed() < Duration::from_secs(20), "the agent does not answer");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The lines of the agent's journal.
pub(crate) fn journal(directory: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(directory.join("place/journal.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
