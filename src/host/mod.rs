//! Floor 1: the console's typed client to the agent, over its Unix socket: one connection for each request.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixStream;

use crate::base::hash_chain::Tip;
use crate::base::ids::{CertificateId, TrailId};
use crate::base::names::CertificateName;
use crate::wire::answer::{
    Answer, CertificateFacts, Hello, Installed, KeyMade, PackageFacts, Refusal, Reply, SshFacts,
};
use crate::wire::call::Call;
use crate::wire::firewall::FirewallSaves;
use crate::wire::frame::{self, FrameError, MAX_ANSWER_BYTES, MAX_REQUEST_BYTES};
use crate::wire::grant::{Consumer, Grant};
use crate::wire::inventory::Inventory;
use crate::wire::journal::JournalPage;
use crate::wire::request::{Generation, KeyKind, Needs, Request};

/// The answer of the wanted kind, or that the agent is confused.
macro_rules! expect_answer {
    ($answer:expr, $wanted:ident, $field:ident) => {
        match $answer {
            Answer::$wanted { $field } => Ok($field),
            other => Err(AgentError::Confused { reason: format!("it answered something else: {}", kind(&other)) }),
        }
    };
    ($answer:expr, $wanted:ident) => {
        match $answer {
            Answer::$wanted(answer) => Ok(answer),
            other => Err(AgentError::Confused { reason: format!("it answered something else: {}", kind(&other)) }),
        }
    };
}

mod gate;
mod proving;
mod switch;

/// How long a reading may take: `apt-get -s upgrade` needs some seconds on a slow disk.
const READ_DEADLINE: Duration = Duration::from_secs(30);

/// How long the gate may take: it reads and writes one small file, and somebody waits at the door meanwhile.
const GATE_DEADLINE: Duration = Duration::from_secs(2);

/// How long a change may take: two reloads and ten seconds of proof each fit.
const CHANGE_DEADLINE: Duration = Duration::from_mins(2);

/// Why the agent did not answer as asked.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Nobody listens at the socket, or we may not use it.
    #[error("the agent is not running or its socket cannot be reached")]
    Down {
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The agent took the request and did not answer in time. A change may still be under way.
    #[error("the agent did not answer within {} s", after.as_secs())]
    Silent {
        /// The deadline.
        after: Duration,
    },
    /// The agent answered, and said no.
    #[error("the agent refused: {0}")]
    Refused(Refusal),
    /// The agent's answer makes no sense here: another version, or no agent at all.
    #[error("the agent's answer was not understood: {reason}")]
    Confused {
        /// What was wrong with it.
        reason: String,
    },
}

/// A handle to the agent. Cloning it is cheap; it holds no connection.
#[derive(Clone, Debug)]
pub struct Agent {
    socket: Arc<PathBuf>,
    read_deadline: Duration,
    gate_deadline: Duration,
    change_deadline: Duration,
    grant: Option<Grant>,
    entry: Option<TrailId>,
}

impl Agent {
    /// The agent that listens at `socket`. Nothing is contacted yet.
    #[must_use]
    pub fn at(socket: PathBuf) -> Self {
        let socket = Arc::new(socket);
        Self {
            socket,
            read_deadline: READ_DEADLINE,
            gate_deadline: GATE_DEADLINE,
            change_deadline: CHANGE_DEADLINE,
            grant: None,
            entry: None,
        }
    }

    /// The same agent, with one deadline for everything.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        (self.read_deadline, self.gate_deadline, self.change_deadline) = (deadline, deadline, deadline);
        self
    }

    /// The same agent, asked with `grant`: it is good for one request.
    #[must_use]
    pub fn with_grant(&self, grant: Grant) -> Self {
        Self { grant: Some(grant), ..self.clone() }
    }

    /// The same agent, asked on behalf of an entry of the trail: the agent's own half names it.
    #[must_use]
    pub fn for_entry(mut self, entry: TrailId) -> Self {
        self.entry = Some(entry);
        self
    }

    /// Who the agent is and as whom it runs.
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn hello(&self) -> Result<Hello, AgentError> {
        expect_answer!(self.ask(&Request::Hello).await?, Hello)
    }

    /// sshd's effective settings.
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn ssh(&self) -> Result<SshFacts, AgentError> {
        expect_answer!(self.ask(&Request::ReadSsh).await?, Ssh)
    }

    /// The state of Debian's packages.
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn packages(&self) -> Result<PackageFacts, AgentError> {
        expect_answer!(self.ask(&Request::ReadPackages).await?, Packages)
    }

    /// The rules of every backend as their tools print them, addresses, routes, and what listens.
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn firewall(&self) -> Result<FirewallSaves, AgentError> {
        expect_answer!(self.ask(&Request::ReadFirewall).await?, Firewall).map(|saves| *saves)
    }

    /// What the agent keeps of certificates.
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn certificates(&self) -> Result<CertificateFacts, AgentError> {
        expect_answer!(self.ask(&Request::ReadCertificates).await?, Certificates)
    }

    /// Every certificate on the host.
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn inventory(&self) -> Result<Inventory, AgentError> {
        expect_answer!(self.ask(&Request::ReadInventory).await?, Inventory).map(|found| *found)
    }

    /// Has a key and its signing request made for `names`; the key stays with the agent.
    ///
    /// # Errors
    /// As [`AgentError`]; a name outside the agent's zones is refused.
    pub async fn make_key(
        &self,
        certificate: CertificateId,
        names: &[CertificateName],
        key: KeyKind,
    ) -> Result<KeyMade, AgentError> {
        let request = Request::MakeKey { certificate, names: names.to_vec(), key };
        expect_answer!(self.ask(&request).await?, KeyMade)
    }

    /// Has an issued chain deployed to nginx and proved.
    ///
    /// # Errors
    /// As [`AgentError`]; what could not be proved is refused as [`Refusal::RolledBack`].
    pub async fn install(
        &self,
        certificate: CertificateId,
        generation: Generation,
        chain_pem: &str,
    ) -> Result<Installed, AgentError> {
        self.install_for(Consumer::Nginx, (certificate, generation), chain_pem).await
    }

    /// The same, for any consumer.
    ///
    /// # Errors
    /// As [`install`](Self::install).
    pub async fn install_for(
        &self,
        consumer: Consumer,
        (certificate, generation): (CertificateId, Generation),
        chain_pem: &str,
    ) -> Result<Installed, AgentError> {
        let request = Request::Install { certificate, generation, chain_pem: chain_pem.to_owned(), consumer };
        expect_answer!(self.ask(&request).await?, Installed)
    }

    /// Tells the agent where the console's trail ends. Answers where its own half ends.
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn note_trail(&self, end: Tip) -> Result<Tip, AgentError> {
        let request = Request::NoteTrail { number: end.number, hash: end.hash };
        expect_answer!(self.ask(&request).await?, Noted)
    }

    /// At most `limit` lines of the agent's journal after line `after`; fewer if more do not fit an answer.
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn journal(&self, after: i64, limit: u32) -> Result<JournalPage, AgentError> {
        expect_answer!(self.ask(&Request::ReadJournal { after, limit }).await?, Journal)
    }

    async fn ask(&self, request: &Request) -> Result<Answer, AgentError> {
        let after = match (request, request.needs()) {
            (_, Needs::Grant | Needs::StandingOrderOrGrant) => self.change_deadline,
            (Request::ReadFactor { .. } | Request::ReadStandingOrders, _) | (_, Needs::OwnCode) => self.gate_deadline,
            (_, Needs::Nothing | Needs::Note) => self.read_deadline,
        };
        let call = Call { request: request.clone(), grant: self.grant.clone(), entry: self.entry };
        let reply = tokio::time::timeout(after, self.converse(&call)).await;
        reply.unwrap_or(Err(AgentError::Silent { after }))?.map_err(AgentError::Refused)
    }

    async fn converse(&self, call: &Call) -> Result<Reply, AgentError> {
        let mut stream =
            UnixStream::connect(self.socket.as_ref()).await.map_err(|source| AgentError::Down { source })?;
        let sent = frame::write(&mut stream, call, MAX_REQUEST_BYTES).await;
        if let Err(FrameError::TooLarge(_) | FrameError::Malformed(_)) = sent {
            return Err(AgentError::Confused { reason: "the request is too large to send".to_owned() });
        }
        // An agent that refuses early closes before it has read everything; its answer is there all the same.
        match (frame::read::<Reply>(&mut stream, MAX_ANSWER_BYTES).await, sent) {
            (Ok(Some(reply)), _) => Ok(reply),
            (_, Err(FrameError::Broken(source))) | (Err(FrameError::Broken(source)), _) => {
                Err(AgentError::Down { source })
            }
            (Ok(None), _) => Err(AgentError::Confused { reason: "it closed without an answer".to_owned() }),
            (Err(error), _) => Err(AgentError::Confused { reason: error.to_string() }),
        }
    }
}

const fn kind(answer: &Answer) -> &'static str {
    match answer {
        Answer::Hello(_) => "hello",
        Answer::Ssh(_) => "ssh",
        Answer::Packages(_) => "packages",
        Answer::Certificates(_) => "certificates",
        Answer::Inventory(_) => "inventory",
        Answer::Switch(_) => "switch",
        Answer::Firewall(_) => "firewall",
        Answer::SwitchChanged(_) => "switch-changed",
        Answer::Registrations(_) => "registrations",
        Answer::Flushed(_) => "flushed",
        Answer::Resynced(_) => "resynced",
        Answer::Passing(_) => "passing",
        Answer::KeyMade(_) => "key-made",
        Answer::Installed(_) => "installed",
        Answer::Factor(_) => "factor",
        Answer::StandingOrders { .. } => "standing-orders",
        Answer::EnrolmentBegun(_) => "enrolment-begun",
        Answer::RecoveryCodes { .. } => "recovery-codes",
        Answer::CodeGood(_) => "code-good",
        Answer::Granted { .. } => "granted",
        Answer::Noted(_) => "noted",
        Answer::Journal(_) => "journal",
        Answer::Done => "done",
    }
}
