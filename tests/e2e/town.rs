//! A world of its own for each test.
//!
//! Its servers die with the thread that started them, so it is started by the test itself, not by a task.

use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rampart::app::demo::Tools;
use rampart::app::demo::process::free_port;
use rampart::app::demo::world::World;
use rampart::base::clock::{Clock as _, SystemClock};
use rampart::base::encoding::from_base32;
use rampart::fusionpbx::{ConnectOptions, FusionPbx};
use rampart::policy::Key;
use totp_rs::Builder;

/// Starts the demo's world with its twelve tenants.
pub(crate) async fn world() -> World {
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/pebble");
    let tools = Tools {
        console: PathBuf::from(env!("CARGO_BIN_EXE_rampart")),
        agent: PathBuf::from(env!("CARGO_BIN_EXE_rampart-agent")),
        pebble: std::env::var_os("RAMPART_PEBBLE").map_or(fetched, PathBuf::from),
    };
    World::start(free_port().unwrap(), 12, &tools).await.unwrap()
}

/// The global value of a password setting, read past the console.
pub(crate) async fn stored(world: &World, key: &str) -> Option<String> {
    let database = FusionPbx::open(&ConnectOptions::from_url(&world.superuser()).unwrap());
    let key = Key::parse(key).unwrap();
    let readings = database.global_policy().await.unwrap();
    let value = readings.iter().find(|reading| reading.key == key).and_then(|reading| reading.value());
    let value = value.map(ToOwned::to_owned);
    database.close().await;
    value
}

/// What the authenticator behind `seed` shows `steps` half minutes from now: the agent takes the one of the next, too.
pub(crate) fn code(seed: &str, steps: u64) -> String {
    let seed: String = seed.split_whitespace().collect();
    let authenticator = Builder::new().with_secret(from_base32(&seed).unwrap()).build().unwrap();
    authenticator.generate(u64::try_from(SystemClock.now().unix()).unwrap() + 30 * steps).to_string()
}

/// Holds the certificate authority still as long as it lives.
pub(crate) struct StillCa(Pid);

impl StillCa {
    pub(crate) fn hold(world: &World) -> Self {
        let process = Pid::from_raw(i32::try_from(world.ca_process()).unwrap());
        kill(process, Signal::SIGSTOP).unwrap();
        Self(process)
    }
}

impl Drop for StillCa {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGCONT);
    }
}
