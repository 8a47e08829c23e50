//! A disk that is full or read-only, really: the agent's place lies on a small file system of its own. What was in force
//! stays, to the byte, and is served.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::mount::{MsFlags, mount, umount};
use rampart::app::demo::nginx::Nginx;
use rampart::base::ids::CertificateId;
use rampart::base::names::{CertificateName, Fqdn};
use rampart::host::{Agent, AgentError};
use rampart::tls::probe;
use rampart::wire::answer::Installed;
use rampart::wire::request::KeyKind;

use crate::agent_house::{RunningAgent, Scratch, settings};
use crate::agent_install::Authority;

const ONE: CertificateId = CertificateId(1);
const NAME: &str = "a.example.com";

/// A file system in memory, gone when dropped.
struct Small(PathBuf);

impl Small {
    /// `None`, and a line that says so, where this machine lets nobody mount.
    fn at(path: &Path) -> Option<Self> {
        std::fs::create_dir(path).unwrap();
        let none: Option<&str> = None;
        if mount(none, path, Some("tmpfs"), MsFlags::empty(), Some("size=256k,mode=0700")).is_err() {
            eprintln!("not tested: nothing can be mounted here");
            return None;
        }
        Some(Self(path.to_owned()))
    }

    fn read_only(&self, is_on: bool) {
        let none: Option<&str> = None;
        let flags = if is_on { MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY } else { MsFlags::MS_REMOUNT };
        mount(none, &self.0, none, flags, Some("size=256k,mode=0700")).unwrap();
    }

    /// Takes up all the room but `left` bytes.
    fn fill(&self, left: usize) {
        let ballast = self.0.join("ballast");
        let mut size = 0;
        for piece in [64 * 1024, 4096] {
            while std::fs::write(&ballast, vec![1; size + piece]).is_ok() {
                size += piece;
            }
        }
        std::fs::write(&ballast, vec![1; size.saturating_sub(left)]).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = umount(&self.0);
    }
}

async fn served(nginx: &Nginx) -> String {
    let address = ([127, 0, 0, 1], nginx.https_port).into();
    let name = Fqdn::parse(NAME).unwrap();
    probe::handshake(address, &name, Duration::from_secs(5)).await.unwrap().leaf.serial
}

async fn install(agent: &Agent, authority: &Authority) -> Result<Installed, AgentError> {
    let names = [CertificateName::parse(NAME).unwrap()];
    let made = agent.make_key(ONE, &names, KeyKind::EcdsaP256).await?;
    agent.install(ONE, made.generation, &authority.sign(&made.csr, KeyKind::EcdsaP256, &[NAME])).await
}

#[tokio::test]
async fn a_disk_that_is_full_or_read_only_leaves_what_is_in_force_and_heals_by_itself() {
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("not tested: only root can mount");
        return;
    }
    let (house, authority) = (Scratch::new(), Authority::new());
    let Some(disk) = Small::at(&house.path().join("place")) else { return };
    let directory = house.path().join("nginx");
    std::fs::create_dir(&directory).unwrap();
    let include = house.path().join("place/nginx");
    let nginx = Nginx::start(&directory, &include).await.unwrap();
    let more = format!("{}[certificates]\nzones = ['example.com']\n", nginx.agent_settings(&include));
    let settings = settings(house.path(), &more).replace("peer = 0\n", "peer = 65534\n");
    let running = RunningAgent::start(&settings).await;
    let first = install(&running.agent, &authority).await.unwrap();
    let in_force = include.join("certificate-1.conf");
    let before = std::fs::read(&in_force).unwrap();

    for left in [0, 4096, 8192, 12288, 16384] {
        disk.fill(left);
        let outcome = install(&running.agent, &authority).await;
        if let Err(error) = &outcome {
            assert!(matches!(error, AgentError::Refused(_)), "{left}: {error:?}");
            assert_eq!(std::fs::read(&in_force).unwrap(), before, "{left}");
            assert_eq!(served(&nginx).await, first.leaf.serial, "{left}");
        } else {
            break;
        }
    }
    std::fs::remove_file(house.path().join("place/ballast")).unwrap();
    let serial = served(&nginx).await;
    let now = std::fs::read(&in_force).unwrap();
    disk.read_only(true);
    let refused = install(&running.agent, &authority).await;
    disk.read_only(false);

    assert!(matches!(refused, Err(AgentError::Refused(_))), "{refused:?}");
    assert_eq!((std::fs::read(&in_force).unwrap(), served(&nginx).await), (now, serial));
    let healed = install(&running.agent, &authority).await.unwrap();
    assert_eq!(served(&nginx).await, healed.leaf.serial);
    running.stop().await;
    drop(nginx);
    drop(disk);
}
