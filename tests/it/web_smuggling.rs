//! One request, one answer: whatever is wrong with where a request ends, nginx and the console never disagree.

use std::time::Duration;

use rampart::app::listener::Deadlines;
use rampart::app::places::Most;
use rampart::base::secret::Secret;
use rampart::web::client_address::InFront;

use crate::support::app::Neighbours;
use crate::support::front::{Front, SECRET};
use crate::support::listener::{FEW, Listening, Raw, talk};

/// After the last byte has come.
const QUIET: Duration = Duration::from_millis(700);

/// How the console alone, and nginx before it, take a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Take {
    /// Refused, and the connection ended: what comes after it is not read as a request.
    End,
    /// Answered, whatever the answer, and the next request is its own.
    One,
}

use Take::{End, One};

/// What each shape smuggles: if it is ever read as a request, its answer shows it.
const SMUGGLED: &str = "GET /api/session HTTP/1.1\r\nHost: console.example\r\n\r\n";

/// The request that comes after: whether the store is well, answered with 204.
const MARKER: &str = "GET /healthz HTTP/1.1\r\nHost: console.example\r\nConnection: close\r\n\r\n";

/// `{S}` is the smuggled request, `{L}` its length, `{X}` its length in hex. Every shape is sent with a marker behind it.
const SHAPES: [(&str, &str, Take, Take); 36] = [
    ("plain GET", "GET /sign-in HTTP/1.1\r\nHost: console.example\r\n\r\n", One, One),
    ("GET with a body", "GET /sign-in HTTP/1.1\r\nHost: console.example\r\nContent-Length: {L}\r\n\r\n{S}", One, One),
    (
        "POST with a body",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nContent-Length: {L}\r\n\r\n{S}",
        One,
        One,
    ),
    (
        "chunked",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nTransfer-Encoding: chunked\r\n\r\n{X}\r\n{S}\r\n0\r\n\r\n",
        End,
        One,
    ),
    (
        "CL.TE",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{S}",
        End,
        End,
    ),
    (
        "TE.CL",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{X}\r\n{S}\r\n0\r\n\r\n",
        End,
        End,
    ),
    (
        "TE.TE",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{S}",
        End,
        End,
    ),
    (
        "TE twice",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{S}",
        End,
        End,
    ),
    (
        "TE gzip, chunked",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n{S}",
        End,
        End,
    ),
    (
        "TE xchunked",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{S}",
        End,
        End,
    ),
    (
        "TE identity",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nTransfer-Encoding: identity\r\nContent-Length: {L}\r\n\r\n{S}",
        End,
        End,
    ),
    (
        "TE with a tab",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nTransfer-Encoding:\tchunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n{S}",
        End,
        End,
    ),
    (
        "TE in capitals",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nTransfer-Encoding: CHUNKED\r\nContent-Length: 3\r\n\r\n0\r\n\r\n{S}",
        End,
        End,
    ),
    (
        "TE under HTTP/1.0",
        "POST /nowhere HTTP/1.0\r\nHost: console.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{S}",
        End,
        End,
    ),
    (
        "two lengths",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nContent-Length: 0\r\nContent-Length: {L}\r\n\r\n{S}",
        End,
        End,
    ),
    (
        "the same length twice",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nContent-Length: {L}\r\nContent-Length: {L}\r\n\r\n{S}",
        One,
        End,
    ),
    (
        "a list of lengths",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nContent-Length: {L}, {L}\r\n\r\n{S}",
        End,
        End,
    ),
    ("length +n", "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nContent-Length: +{L}\r\n\r\n{S}", End, End),
    ("length -1", "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nContent-Length: -1\r\n\r\n{S}", End, End),
    ("length 0x", "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nContent-Length: 0x{X}\r\n\r\n{S}", End, End),
    (
        "length beyond 64 bits",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nContent-Length: 18446744073709551616\r\n\r\n{S}",
        End,
        End,
    ),
    ("an empty length", "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nContent-Length:\r\n\r\n{S}", End, End),
    (
        "blank before the colon",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nContent-Length : {L}\r\n\r\n{S}",
        End,
        End,
    ),
    (
        "blank before the colon of TE",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n{S}",
        End,
        End,
    ),
    (
        "a folded line",
        "GET /sign-in HTTP/1.1\r\nHost: console.example\r\nX-Folded: a\r\n Content-Length: {L}\r\n\r\n",
        End,
        End,
    ),
    ("a line that begins blank", "GET /sign-in HTTP/1.1\r\n Host: console.example\r\n\r\n", End, End),
    ("NUL in a header", "GET /sign-in HTTP/1.1\r\nHost: console.example\r\nX: a\0b\r\n\r\n", End, End),
    (
        "CR alone in a header",
        "GET /sign-in HTTP/1.1\r\nHost: console.example\r\nX: a\rContent-Length: {L}\r\n\r\n",
        End,
        End,
    ),
    (
        "a chunk of 2^64 bytes",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n{S}",
        End,
        End,
    ),
    (
        "a chunk of no size",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nTransfer-Encoding: chunked\r\n\r\n\r\n{S}",
        End,
        End,
    ),
    (
        "a chunk whose end is missing",
        "POST /nowhere HTTP/1.1\r\nHost: console.example\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx0\r\n\r\n{S}",
        End,
        End,
    ),
    ("no host", "GET /sign-in HTTP/1.1\r\n\r\n", End, End),
    ("two hosts", "GET /sign-in HTTP/1.1\r\nHost: console.example\r\nHost: evil.example\r\n\r\n", End, End),
    (
        "another host in the target",
        "GET https://evil.example/sign-in HTTP/1.1\r\nHost: console.example\r\n\r\n",
        End,
        End,
    ),
    ("HTTP/0.9", "GET /sign-in\r\n\r\n", End, End),
    ("HTTP/3.0", "GET /sign-in HTTP/3.0\r\nHost: console.example\r\n\r\n", End, End),
];

/// ASVS 4.2.1.
#[tokio::test]
async fn no_shape_of_a_request_is_read_as_two() {
    let plenty = Most { spare_loopback: true, ..FEW };
    let in_front = InFront::Nginx(Secret::new(SECRET.to_owned()));
    let console =
        Listening::start(Neighbours { in_front, ..Neighbours::default() }, plenty, Deadlines::default()).await;
    let front = Front::before(&console).await;
    let (mut wrong, mut seen) = (Vec::new(), Vec::new());

    for (name, shape, alone, behind_nginx) in SHAPES {
        let length = SMUGGLED.len();
        let request = shape.replace("{S}", SMUGGLED).replace("{L}", &length.to_string());
        let request = request.replace("{X}", &format!("{length:x}")) + MARKER;
        let direct = talk(&mut console.open([127, 0, 0, 1].into()).await.unwrap(), request.as_bytes(), QUIET).await;
        let through = talk(&mut front.open().await, request.as_bytes(), QUIET).await;
        for (way, answers, expected) in [("alone", direct, alone), ("behind nginx", through, behind_nginx)] {
            let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            seen.push(format!("{name}, {way}: {statuses:?}"));
            if let Err(fault) = judge(&answers, expected) {
                wrong.push(format!("{name}, {way}: {fault}: {statuses:?}"));
            }
        }
    }

    assert!(wrong.is_empty(), "{}\n\nall:\n{}", wrong.join("\n"), seen.join("\n"));
}

/// Whether the answers are those of one request, with the marker's behind it where the connection went on.
fn judge(answers: &[Raw], expected: Take) -> Result<(), &'static str> {
    if answers.iter().any(|answer| answer.body.contains("csrf\":")) {
        return Err("the smuggled request was answered");
    }
    match (expected, answers) {
        (_, [_, _, _, ..]) => Err("too many answers"),
        (One, [first, marker]) if marker.status == 204 && matches!(first.status, 200 | 403 | 404) => Ok(()),
        (One, _) => Err("not one answer and the marker's"),
        (End, []) => Ok(()),
        (End, [first]) if first.status >= 400 => Ok(()),
        (End, [first, marker]) if first.status == 421 && marker.status == 204 => Ok(()),
        (End, _) => Err("not refused"),
    }
}
