//! Listens on the Unix socket: who asks is checked first, then one request is read, answered and journalled.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::unistd::{Gid, chown};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tracing::{error, info, warn};

use crate::agent::config::{AgentConfig, ConfigError};
use crate::agent::desk::Desk;
use crate::agent::fail2ban::server::Fail2ban;
use crate::agent::freeswitch::switch::Switch;
use crate::agent::gate::keeper::Gate;
use crate::agent::journal::{Entry, Journal};
use crate::agent::peer::{Admission, Standing};
use crate::agent::place::{Place, PlaceError};
use crate::base::chain::Chain;
use crate::base::clock::Clock;
use crate::base::hash_chain::Tip;
use crate::base::rng::Random;
use crate::wire::answer::{Answer, Refusal, Reply};
use crate::wire::call::Call;
use crate::wire::frame::{self, FrameError, MAX_ANSWER_BYTES, MAX_REQUEST_BYTES};
use crate::wire::request::{Needs, Request};

/// How many connections are served at once; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 16;

/// How long the other side may take to send its request, and to fetch the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a change that is under way may go on once the agent is told to stop.
const LAST_WORK: Duration = Duration::from_secs(25);

/// Why the agent does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Its settings name somebody who does not exist.
    #[error("the settings do not fit this host")]
    Config(#[from] ConfigError),
    /// Its own directory cannot be used.
    #[error("the agent's place cannot be used")]
    Place(#[from] PlaceError),
    /// A change that an agent before this one left half done cannot be taken back.
    #[error("an unproved change cannot be rolled back: {reason}")]
    Heal {
        /// Why not.
        reason: String,
    },
    /// Another program answers at the socket.
    #[error("another agent already answers at {path}")]
    Taken {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is no socket lies there.
    #[error("{path} is there and is no socket")]
    NotASocket {
        /// Where.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{path} could not be listened at")]
    Listen {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Serves until `shutdown` ends; a change that is under way then has some seconds to finish.
///
/// # Errors
/// The agent cannot listen here, or its place cannot be used.
pub async fn run(
    config: AgentConfig,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let admission = Admission { peer: config.peer_uid()?, root: config.root_may_ask };
    let place = Arc::new(Place::open(&config.place, Arc::clone(&random))?);
    let switch = Switch::new(config.freeswitch.clone(), Arc::clone(&place), Arc::clone(&random));
    let fail2ban = Fail2ban::new(config.fail2ban.socket.clone(), Arc::clone(&place), Arc::clone(&clock));
    let gate = Gate::new(Arc::clone(&place), Arc::clone(&clock), random, host_name())?;
    let journal = Journal::open(Arc::clone(&place), Arc::clone(&clock))?;
    let (socket, gid) = (config.socket.clone(), config.socket_gid()?);
    let include = config.include_name();
    place.create_directory(&include)?;
    let desk =
        Arc::new(Desk { config, place, include, journal, clock, gate, switch, fail2ban, change: Mutex::new(()) });
    desk.heal().await.map_err(|error| ServeError::Heal { reason: Chain(&error).to_string() })?;

    let listener = listen(&socket, gid).await?;
    info!(socket = %socket.display(), peer.uid = admission.peer, "The agent is ready at {}", socket.display());
    let watch = tokio::spawn(desk.fail2ban.clone().watch());
    accept(&listener, &desk, admission, shutdown).await;
    watch.abort();
    drop(std::fs::remove_file(&socket));
    info!("The agent has stopped");
    Ok(())
}

async fn accept(
    listener: &UnixListener,
    desk: &Arc<Desk>,
    admission: Admission,
    shutdown: impl Future<Output = ()> + Send,
) {
    let seats = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut conversations = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let next = async {
            let seat = Arc::clone(&seats).acquire_owned().await;
            (listener.accept().await, seat)
        };
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = conversations.join_next() => {
                // Never seen; it would be a fault of ours, and ends that conversation and no other.
                if let Err(fault) = ended {
                    error!("A conversation came to a bad end: {}", Chain(&fault));
                }
            }
            (accepted, seat) = next => match accepted {
                Ok((stream, _)) => {
                    let desk = Arc::clone(desk);
                    conversations.spawn(async move {
                        converse(stream, &desk, admission).await;
                        drop(seat);
                    });
                }
                Err(error) => {
                    error!("A connection could not be taken: {}", Chain(&error));
                    // Out of file descriptors, mostly: trying again at once would only spin.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    let rest = async { while conversations.join_next().await.is_some() {} };
    if timeout(LAST_WORK, rest).await.is_err() {
        warn!("A change was still under way; it is rolled back when the agent starts again");
    }
}

/// One connection: one request, one answer, one line in the journal; two if it changes something.
async fn converse(mut stream: UnixStream, desk: &Desk, admission: Admission) {
    let start = Instant::now();
    let Ok(peer) = stream.peer_cred() else {
        return;
    };
    let mut entry = Entry { uid: Some(peer.uid()), pid: peer.pid(), ..Entry::default() };
    let mut reply = if let Some(standing) = admission.standing(peer.uid()) {
        hear(&mut stream, desk, standing, &mut entry).await
    } else {
        "connect".clone_into(&mut entry.verb);
        let reason = format!("uid {} may not ask this agent", peer.uid());
        Some(Err(Refusal::NotAllowed { reason }))
    };
    entry.took = start.elapsed();
    if let Some(reply) = &reply {
        (entry.outcome, entry.reason) = outcome(reply);
    }
    let written = desk.journal.write_with_others(&entry).await;
    if let Some(Ok(Answer::Noted(_))) = &reply {
        // The line itself is the note.
        reply = Some(written.map(Answer::Noted).ok_or_else(unwritten));
    }
    if let Some(reply) = reply {
        // Who asked may be gone; the journal has it.
        drop(timeout(PATIENCE, send(&mut stream, reply)).await);
    }
}

/// Reads one request and answers it; `None` if there is nobody to answer.
async fn hear(stream: &mut UnixStream, desk: &Desk, standing: Standing, entry: &mut Entry) -> Option<Reply> {
    "none".clone_into(&mut entry.verb);
    let lost = |entry: &mut Entry, outcome: &str| {
        outcome.clone_into(&mut entry.outcome);
        None
    };
    match timeout(PATIENCE, frame::read::<Call>(stream, MAX_REQUEST_BYTES)).await {
        Ok(Ok(Some(call))) => {
            call.request.verb().clone_into(&mut entry.verb);
            entry.about = about(&call.request);
            entry.on_behalf_of = call.entry;
            if let Request::NoteTrail { number, hash } = call.request {
                entry.trail = Some(Tip { number, hash });
            }
            if call.request.needs() != Needs::Nothing {
                // What cannot be noted first is not tried.
                match desk.journal.write_before(entry).await {
                    Ok(number) => entry.of = Some(number),
                    Err(error) => {
                        error!("The journal could not be written, so nothing was done: {}", Chain(&error));
                        return Some(Err(unwritten()));
                    }
                }
            }
            Some(desk.answer(standing, call).await)
        }
        Ok(Ok(None)) => lost(entry, "closed"),
        Ok(Err(FrameError::Broken(_))) => lost(entry, "broken-off"),
        Ok(Err(error)) => Some(Err(Refusal::Malformed { reason: Chain(&error).to_string() })),
        Err(_) => lost(entry, "too-slow"),
    }
}

fn unwritten() -> Refusal {
    Refusal::Unable { reason: "the agent's journal cannot be written; is the disk full?".to_owned() }
}

/// An answer that does not fit a frame is replaced by saying so.
async fn send(stream: &mut UnixStream, reply: Reply) -> Result<(), FrameError> {
    match frame::write(stream, &reply, MAX_ANSWER_BYTES).await {
        Err(FrameError::TooLarge(bytes)) => {
            let reason = format!("the answer of {bytes} bytes is larger than a frame");
            frame::write(stream, &Reply::Err(Refusal::Unable { reason }), MAX_ANSWER_BYTES).await
        }
        Err(FrameError::Malformed(error)) => {
            let reason = format!("the answer cannot be written: {error}");
            frame::write(stream, &Reply::Err(Refusal::Unable { reason }), MAX_ANSWER_BYTES).await
        }
        sent => sent,
    }
}

fn outcome(reply: &Reply) -> (String, Option<String>) {
    let word = match reply {
        Ok(_) => return ("done".to_owned(), None),
        Err(Refusal::Malformed { .. }) => "malformed",
        Err(Refusal::NotAllowed { .. }) => "not-allowed",
        Err(Refusal::Unable { .. }) => "unable",
        Err(Refusal::RolledBack { .. }) => "rolled-back",
        Err(Refusal::Busy) => "busy",
        Err(Refusal::WrongCode) => "wrong-code",
        Err(Refusal::TooManyCodes { .. }) => "too-many-codes",
        Err(Refusal::NotEnrolled) => "not-enrolled",
        Err(Refusal::GrantNeeded { .. }) => "grant-needed",
    };
    (word.to_owned(), reply.as_ref().err().map(ToString::to_string))
}

fn about(request: &Request) -> Option<String> {
    match request {
        Request::MakeKey { certificate, names, key } => {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            Some(format!("certificate {certificate}: {} for {}", key.spoken(), names.join(" ")))
        }
        Request::Install { certificate, generation, consumer, .. } => {
            Some(format!("certificate {certificate}, generation {}, for {}", generation.0, consumer.word()))
        }
        Request::ReadFactor { operator }
        | Request::BeginEnrolment { operator, .. }
        | Request::FinishEnrolment { operator, .. }
        | Request::RenewRecovery { operator, .. }
        | Request::CheckCode { operator, .. }
        | Request::ForgetFactor { operator } => Some(operator.to_string()),
        Request::MakeGrant { operator, what, .. } => {
            let what = [what.verb().to_owned(), about(what).unwrap_or_default()].join(" ");
            Some(format!("{operator}: {}", what.trim_end()))
        }
        Request::PlaceStandingOrder { order } | Request::EndStandingOrder { order } => Some(order.to_string()),
        Request::ReadJournal { after, .. } => Some(format!("lines after {after}")),
        Request::ChangeSwitch { change } => Some(change.to_string()),
        Request::FlushDirectory { users } | Request::Resync { users } => {
            let few: Vec<String> = users.iter().take(5).map(ToString::to_string).collect();
            Some(format!("{} accounts: {}", users.len(), few.join(" ")))
        }
        Request::LetPass { wanted } => {
            let addresses: Vec<String> = wanted.addresses.iter().map(ToString::to_string).collect();
            Some(format!("{} for {} minutes", addresses.join(" "), wanted.minutes))
        }
        Request::PutHttpFile { file } => Some(format!("{} for {}", file.token().as_str(), file.name())),
        Request::RemoveHttpFile { token } => Some(token.as_str().to_owned()),
        Request::Hello
        | Request::NoteTrail { .. }
        | Request::ReadSwitch { .. }
        | Request::SwitchRegistrations { .. }
        | Request::ReadSsh
        | Request::ReadPackages
        | Request::ReadFirewall
        | Request::ReadCertificates
        | Request::ReadInventory
        | Request::ReadStandingOrders => None,
    }
}

fn host_name() -> String {
    nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned()
}

async fn listen(path: &Path, gid: Option<u32>) -> Result<UnixListener, ServeError> {
    let failed = |source| ServeError::Listen { path: path.to_owned(), source };
    clear(path).await?;
    let listener = UnixListener::bind(path).map_err(failed)?;
    if let Some(gid) = gid {
        chown(path, None, Some(Gid::from_raw(gid))).map_err(|error| failed(error.into()))?;
    }
    std::fs::set_permissions(path, Permissions::from_mode(0o660)).map_err(failed)?;
    Ok(listener)
}

/// Removes what a killed agent left at `path`: only a socket, and only if nobody answers at it.
async fn clear(path: &Path) -> Result<(), ServeError> {
    let failed = |source| ServeError::Listen { path: path.to_owned(), source };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(ServeError::NotASocket { path: path.to_owned() });
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path).map_err(failed),
        Err(error) => Err(failed(error)),
        Ok(_) => Err(ServeError::Taken { path: path.to_owned() }),
    }
}
