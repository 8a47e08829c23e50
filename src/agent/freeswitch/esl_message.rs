//! One message of the event socket: header lines, an empty line, and as many bytes of body as `Content-Length` says. A
//! body need not end with a line break.

use std::io::{self, Read};

/// The largest header: 16 KiB.
const MAX_HEADER: usize = 16 * 1024;

/// The largest body: 8 MiB, some tens of thousands of registrations.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// Why a message could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum MessageError {
    /// The connection broke, or nothing came before the deadline.
    #[error("the event socket went silent")]
    Broken(#[source] io::Error),
    /// It closed.
    #[error("the event socket closed the connection")]
    Closed,
    /// It is larger than what is read.
    #[error("the event socket sent more than is read")]
    TooLarge,
    /// It is no message of the event socket.
    #[error("what answers there does not speak as an event socket")]
    Malformed,
}

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    headers: Vec<(String, String)>,
    /// What came after the header.
    pub(super) body: String,
}

impl Message {
    /// The value of a header line.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// What kind of message it is.
    pub(super) fn kind(&self) -> &str {
        self.header("Content-Type").unwrap_or_default()
    }
}

/// Takes messages out of what arrives.
#[derive(Debug)]
pub(super) struct Messages<R> {
    from: R,
    buffer: Vec<u8>,
}

impl<R: Read> Messages<R> {
    pub(super) const fn new(from: R) -> Self {
        Self { from, buffer: Vec::new() }
    }

    pub(super) const fn stream(&mut self) -> &mut R {
        &mut self.from
    }

    /// The next message.
    ///
    /// # Errors
    /// As [`MessageError`].
    pub(super) fn next(&mut self) -> Result<Message, MessageError> {
        let header = loop {
            if let Some((end, rest)) = end_of_header(&self.buffer) {
                let header = String::from_utf8_lossy(self.buffer.get(..end).unwrap_or_default()).into_owned();
                self.buffer.drain(..rest);
                break header;
            }
            if self.buffer.len() > MAX_HEADER {
                return Err(MessageError::TooLarge);
            }
            self.more()?;
        };
        let headers = parse(&header)?;
        let mut message = Message { headers, body: String::new() };
        let Some(length) = message.header("Content-Length") else {
            return Ok(message);
        };
        let length: usize = length.trim().parse().map_err(|_| MessageError::Malformed)?;
        if length > MAX_BODY {
            return Err(MessageError::TooLarge);
        }
        while self.buffer.len() < length {
            self.more()?;
        }
        let rest = self.buffer.split_off(length);
        let body = std::mem::replace(&mut self.buffer, rest);
        message.body = String::from_utf8_lossy(&body).into_owned();
        Ok(message)
    }

    fn more(&mut self) -> Result<(), MessageError> {
        let mut piece = [0_u8; 8192];
        loop {
            match self.from.read(&mut piece) {
                Ok(0) => return Err(MessageError::Closed),
                Ok(count) => {
                    self.buffer.extend_from_slice(piece.get(..count).unwrap_or_default());
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Err(MessageError::Closed),
                Err(error) => return Err(MessageError::Broken(error)),
            }
        }
    }
}

/// Where the header ends and where what follows begins; line breaks may be `\n` or `\r\n`. Empty lines before a header
/// are passed over.
fn end_of_header(bytes: &[u8]) -> Option<(usize, usize)> {
    let begins = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let after = |at: usize| bytes.get(at..).unwrap_or_default();
    for (at, _) in bytes.iter().enumerate().skip(begins).filter(|(_, byte)| **byte == b'\n') {
        if after(at + 1).starts_with(b"\n") {
            return Some((at, at + 2));
        }
        if after(at + 1).starts_with(b"\r\n") {
            return Some((at, at + 3));
        }
    }
    None
}

fn parse(header: &str) -> Result<Vec<(String, String)>, MessageError> {
    let lines = header.lines().map(str::trim).filter(|line| !line.is_empty());
    let pair = |line: &str| {
        let (name, value) = line.split_once(':').ok_or(MessageError::Malformed)?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    };
    lines.map(pair).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Hands out one byte at a time, as a slow network would.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            into[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    #[test]
    fn messages_are_cut_at_exactly_their_length() {
        let text = "Content-Type: auth/request\n\nContent-Type: api/response\nContent-Length: 4\n\ntrueContent-Type: \
                    command/reply\r\nReply-Text: +OK a: b\r\n\r\n";
        let mut messages = Messages::new(Drip(text.as_bytes()));

        let all = [messages.next().unwrap(), messages.next().unwrap(), messages.next().unwrap()];

        assert_eq!(all[0].kind(), "auth/request");
        assert_eq!(all[1].body, "true");
        assert_eq!(all[2].header("reply-text"), Some("+OK a: b"));
        assert!(matches!(messages.next(), Err(MessageError::Closed)));
    }

    #[test]
    fn what_is_too_large_or_makes_no_sense_is_refused() {
        let next = |text: &str| Messages::new(text.as_bytes()).next();

        assert!(matches!(next(&"a".repeat(70_000)), Err(MessageError::TooLarge)));
        assert!(matches!(next("Content-Length: 99999999999\n\n"), Err(MessageError::TooLarge)));
        assert!(matches!(next("Content-Length: -1\n\n"), Err(MessageError::Malformed)));
        assert!(matches!(next("HTTP/1.1 400 Bad Request\n\n"), Err(MessageError::Malformed)));
        assert!(matches!(next("Content-Length: 5\n\nabc"), Err(MessageError::Closed)));
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut messages = Messages::new(bytes.as_slice());
            while messages.next().is_ok() {}
        }

        #[test]
        fn bytes_that_look_like_messages_end_too(
            text in "((Content-Type|Content-Length|Reply-Text): ?[a-z0-9/+-]{0,12}\r?\n){0,4}\r?\n[a-z\n]{0,20}",
        ) {
            let mut messages = Messages::new(text.as_bytes());
            while messages.next().is_ok() {}
        }
    }
}
