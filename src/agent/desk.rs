//! Takes one request to whoever answers it.

use std::sync::Arc;

use nix::unistd::Uid;
use tokio::sync::Mutex;

use crate::agent::config::AgentConfig;
use crate::agent::journal::Journal;
use crate::agent::place::Place;
use crate::agent::{packages, sshd};
use crate::base::clock::Clock;
use crate::wire::answer::{Answer, Hello, Refusal, Reply};
use crate::wire::request::Request;

/// What every answer needs.
pub(super) struct Desk {
    /// The settings.
    pub(super) config: AgentConfig,
    /// The agent's own directory.
    pub(super) place: Arc<Place>,
    /// The journal in it.
    pub(super) journal: Journal,
    /// The time.
    pub(super) clock: Arc<dyn Clock>,
    /// Held by the one change that is under way.
    pub(super) change: Mutex<()>,
}

impl Desk {
    /// Answers `request`.
    pub(super) async fn answer(&self, request: Request) -> Reply {
        match request {
            Request::Hello => Ok(Answer::Hello(hello())),
            Request::ReadSsh => sshd::read::read(&self.config.ssh).await.map(Answer::Ssh),
            Request::ReadPackages => packages::read::read(&self.config.packages).await.map(Answer::Packages),
            Request::ReadCertificates | Request::MakeKey { .. } | Request::Install { .. } => {
                Err(Refusal::Unable { reason: "not built yet".to_owned() })
            }
        }
    }
}

fn hello() -> Hello {
    Hello { version: env!("CARGO_PKG_VERSION").to_owned(), root: Uid::effective().is_root() }
}
