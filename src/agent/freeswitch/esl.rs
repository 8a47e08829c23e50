//! The event socket (`mod_event_socket`): sign in, send a command, read its answer. Every wait has a deadline.

use std::io::{self, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::agent::freeswitch::esl_message::{Message, MessageError, Messages};
use crate::base::secret::Secret;

/// Why the event socket could not be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum EslError {
    /// Nobody listens there.
    #[error("the event socket at {address} cannot be reached")]
    Unreachable {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Its access list does not let this host in.
    #[error("the event socket's access list does not let this host in")]
    TurnedAway,
    /// Another password holds.
    #[error("the event socket refused the password; FreeSWITCH runs with another one than its file says")]
    WrongPassword,
    /// A command of more than one line, or with control characters.
    #[error("that cannot be a command of one line")]
    NotACommand,
    /// What it sent.
    #[error(transparent)]
    Message(#[from] MessageError),
}

/// A stream that ends all waiting at one moment.
#[derive(Debug)]
pub(super) struct Timed {
    stream: TcpStream,
    until: Instant,
}

impl Timed {
    /// Connects to `address` within `patience`; everything on the stream ends by then too.
    pub(super) fn connect(address: SocketAddr, patience: Duration) -> io::Result<Self> {
        let until = Instant::now() + patience;
        let stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, until })
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write_all(bytes)
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Timed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(into)
    }
}

/// Signed in.
#[derive(Debug)]
pub(super) struct EventSocket {
    messages: Messages<Timed>,
}

impl EventSocket {
    /// Signs in at `address`. All that is done with it ends after `patience`.
    ///
    /// # Errors
    /// As [`EslError`].
    pub(super) fn open(address: SocketAddr, password: &Secret<String>, patience: Duration) -> Result<Self, EslError> {
        let stream = Timed::connect(address, patience).map_err(|source| EslError::Unreachable { address, source })?;
        let mut socket = Self { messages: Messages::new(stream) };
        match socket.messages.next()?.kind() {
            "auth/request" => {}
            "text/rude-rejection" => return Err(EslError::TurnedAway),
            _ => return Err(MessageError::Malformed.into()),
        }
        socket.send(&format!("auth {}", password.expose()))?;
        let reply = socket.reply()?;
        if reply.header("Reply-Text").is_some_and(|text| text.starts_with("+OK")) {
            return Ok(socket);
        }
        Err(EslError::WrongPassword)
    }

    /// Answers to `api <command>`, as text.
    ///
    /// # Errors
    /// As [`EslError`]. A command that failed is an answer, not an error: see [`refused`].
    pub(super) fn api(&mut self, command: &str) -> Result<String, EslError> {
        self.send(&format!("api {command}"))?;
        let reply = self.reply()?;
        if reply.kind() == "api/response" {
            return Ok(reply.body);
        }
        Ok(reply.header("Reply-Text").unwrap_or_default().to_owned())
    }

    /// The lines of a command end here, so that nothing in a value can begin a second one.
    fn send(&mut self, line: &str) -> Result<(), EslError> {
        if line.chars().any(char::is_control) {
            return Err(EslError::NotACommand);
        }
        let sent = self.messages.stream().send(format!("{line}\n\n").as_bytes());
        sent.map_err(|source| EslError::Message(MessageError::Broken(source)))
    }

    fn reply(&mut self) -> Result<Message, EslError> {
        loop {
            let message = self.messages.next()?;
            match message.kind() {
                "command/reply" | "api/response" => return Ok(message),
                "text/disconnect-notice" => return Err(MessageError::Closed.into()),
                "text/rude-rejection" => return Err(EslError::TurnedAway),
                // An event that somebody asked for: not us.
                _ => {}
            }
        }
    }
}

/// The first line of `answer` that says that something failed. `load` and `reload` begin with `+OK Reloading XML` even
/// then, so every line is looked at.
pub(super) fn refused(answer: &str) -> Option<&str> {
    answer.lines().map(str::trim).find(|line| line.starts_with("-ERR"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_that_begins_well_and_fails_has_failed() {
        let good = "+OK Reloading XML\n+OK module unloaded\n+OK module loaded\n";
        let bad = "+OK Reloading XML\n-ERR unloading module [Module in use.]\n+OK module loaded\n";

        assert_eq!(refused(good), None);
        assert_eq!(refused(bad), Some("-ERR unloading module [Module in use.]"));
        assert_eq!(refused("true"), None);
    }
}
