//! One command and its answer at fail2ban's socket: `/run/fail2ban/fail2ban.sock`, root's alone.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::agent::fail2ban::pickle::{self, PickleError, Value};
use crate::base::chain::printable;

/// Ends a command and an answer (fail2ban/protocol.py).
const END: &[u8] = b"<F2B_END_COMMAND>";

/// Sent before the connection is closed.
const CLOSE: &[u8] = b"<F2B_CLOSE_COMMAND><F2B_END_COMMAND>";

/// How long fail2ban may be silent. It answers between two looks at its logs.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest answer that is read: 32 MiB, some hundred thousand bans.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fail2banError {
    /// Nobody is at the socket, or it went silent.
    #[error("fail2ban does not answer at its socket")]
    Down(#[source] io::Error),
    /// The answer is not one.
    #[error("fail2ban's answer cannot be read")]
    Strange(#[source] PickleError),
    /// It is larger than what is read.
    #[error("fail2ban's answer is larger than {} MiB", MOST_BYTES / 1024 / 1024)]
    TooLarge,
    /// It is a readable value, and not what this command answers.
    #[error("fail2ban's answer to `{command}` is of another kind than expected")]
    OtherKind {
        /// The command.
        command: String,
    },
    /// fail2ban says no.
    #[error("fail2ban refused `{command}`: {reason}")]
    Refused {
        /// The command.
        command: String,
        /// The error's class and words.
        reason: String,
    },
}

/// A connection.
#[derive(Debug)]
pub(super) struct Socket(UnixStream);

impl Socket {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(super) fn open(path: &Path) -> Result<Self, Fail2banError> {
        let stream = UnixStream::connect(path).map_err(Fail2banError::Down)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(Fail2banError::Down)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(Fail2banError::Down)?;
        Ok(Self(stream))
    }

    /// What `words` answer.
    ///
    /// # Errors
    /// See [`Fail2banError`].
    pub(super) fn ask(&mut self, words: &[&str]) -> Result<Value, Fail2banError> {
        let command = || words.join(" ");
        let mut bytes = pickle::request(words);
        bytes.extend(END);
        self.0.write_all(&bytes).map_err(Fail2banError::Down)?;
        let Value::List(answer) = self.answer()? else {
            return Err(Fail2banError::OtherKind { command: command() });
        };
        match <[Value; 2]>::try_from(answer) {
            Ok([Value::Number(0), value]) => Ok(value),
            Ok([Value::Number(_), Value::Raised { class, with }]) => {
                let words: Vec<String> = with.iter().map(said).collect();
                let reason = printable(&format!("{class} {}", words.join(", ")));
                Err(Fail2banError::Refused { command: command(), reason })
            }
            _ => Err(Fail2banError::OtherKind { command: command() }),
        }
    }

    /// What `words` answer, which is a list of texts.
    ///
    /// # Errors
    /// See [`Fail2banError`].
    pub(super) fn texts(&mut self, words: &[&str]) -> Result<Vec<String>, Fail2banError> {
        let text = |value: Value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        };
        let texts = match self.ask(words)? {
            Value::List(items) => items.into_iter().map(text).collect(),
            Value::None => Some(Vec::new()),
            _ => None,
        };
        texts.ok_or_else(|| Fail2banError::OtherKind { command: words.join(" ") })
    }

    /// The jails that run, sorted.
    ///
    /// # Errors
    /// See [`Fail2banError`].
    pub(super) fn jails(&mut self) -> Result<Vec<String>, Fail2banError> {
        let other_kind = || Fail2banError::OtherKind { command: "status".to_owned() };
        let Value::List(rows) = self.ask(&["status"])? else { return Err(other_kind()) };
        let listed = rows.into_iter().find_map(|row| match row {
            Value::List(pair) => match <[Value; 2]>::try_from(pair) {
                Ok([Value::Text(name), Value::Text(jails)]) if name == "Jail list" => Some(jails),
                _ => None,
            },
            _ => None,
        });
        let listed = listed.ok_or_else(other_kind)?;
        let mut jails: Vec<String> =
            listed.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        jails.sort();
        Ok(jails)
    }

    /// Reads up to the end mark. A log line inside the answer may hold the mark too, so that only a whole answer ends it.
    fn answer(&mut self) -> Result<Value, Fail2banError> {
        let (mut bytes, mut part) = (Vec::new(), [0_u8; 16 * 1024]);
        loop {
            let count = self.0.read(&mut part).map_err(Fail2banError::Down)?;
            if count == 0 {
                return Err(Fail2banError::Down(io::ErrorKind::UnexpectedEof.into()));
            }
            bytes.extend_from_slice(&part[..count]);
            if let Some(whole) = bytes.strip_suffix(END) {
                match pickle::read(whole) {
                    Err(PickleError::CutOff) => {}
                    outcome => return outcome.map_err(Fail2banError::Strange),
                }
            }
            if bytes.len() > MOST_BYTES {
                return Err(Fail2banError::TooLarge);
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        drop(self.0.write_all(CLOSE));
    }
}

fn said(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::agent::place::tests::Scratch;

    /// What `ask` makes of an answer that arrives in these pieces.
    fn told(name: &str, pieces: &'static [&'static [u8]]) -> Result<Value, Fail2banError> {
        let scratch = Scratch::new(name);
        let path = scratch.path().join("f2b.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = Vec::new();
            let mut byte = [0_u8];
            while !heard.ends_with(END) && stream.read(&mut byte).unwrap() == 1 {
                heard.push(byte[0]);
            }
            for piece in pieces {
                stream.write_all(piece).unwrap();
            }
        });
        let answer = Socket::open(&path).unwrap().ask(&["ping"]);
        server.join().unwrap();
        answer
    }

    #[test]
    fn an_answer_may_hold_the_mark_that_ends_it() {
        let whole: &[&[u8]] = &[b"\x80\x05K\x00\x8c\x11<F2B_END_COMMAND>", b"\x86.", b"<F2B_END_COMMAND>"];

        let answer = told("mark", whole).unwrap();

        assert_eq!(answer, Value::Text("<F2B_END_COMMAND>".to_owned()));
    }

    #[test]
    fn what_is_no_answer_is_an_error_in_words() {
        let silent = told("closed", &[b"\x80\x05K"]).unwrap_err();
        let strange = told("strange", &[b"cos\nsystem\n(S'x'\ntR.<F2B_END_COMMAND>"]).unwrap_err();
        let error = told("text", &[b"\x80\x05\x8c\x05ERROR.<F2B_END_COMMAND>"]).unwrap_err();

        assert!(matches!(silent, Fail2banError::Down(_)), "{silent:?}");
        assert!(
            matches!(strange, Fail2banError::Strange(PickleError::Unexpected { code: b'c', at: 0 })),
            "{strange:?}"
        );
        assert!(matches!(error, Fail2banError::OtherKind { .. }), "{error:?}");
    }
}
