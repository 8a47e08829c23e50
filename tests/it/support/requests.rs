//! One request of every verb, for tests that must cover them all. `every` and `other` match without a rest arm or are
//! counted against the source, so that a new verb fails here until it is in.

use rampart::base::hash_chain::Hash;
use rampart::base::ids::CertificateId;
use rampart::base::names::{CertificateName, Fqdn, OperatorName};
use rampart::wire::carried::Carried;
use rampart::wire::grant::{Consumer, Grant, SessionMark, StandingOrder};
use rampart::wire::jails::LetPass;
use rampart::wire::proving::{HttpFile, HttpToken};
use rampart::wire::request::{Generation, KeyKind, Request};
use rampart::wire::switch::{DatabaseSide, DirectoryUser, SwitchChange};

/// The operator in every sample.
pub(crate) const OPERATOR: &str = "ann";

/// The certificate in every sample.
pub(crate) const CERTIFICATE: CertificateId = CertificateId(7);

fn operator() -> OperatorName {
    OperatorName::parse(OPERATOR).unwrap()
}

fn names() -> Vec<CertificateName> {
    ["*.a.example.com", "a.example.com"].map(|name| CertificateName::parse(name).unwrap()).into()
}

fn code() -> Carried {
    Carried::new("123456".to_owned())
}

fn users() -> Vec<DirectoryUser> {
    vec![DirectoryUser::parse("1001@a.example.com").unwrap()]
}

fn http_token(letter: char) -> HttpToken {
    HttpToken::parse(&letter.to_string().repeat(43)).unwrap()
}

fn http_file(letter: char) -> HttpFile {
    let name = Fqdn::parse("a.example.com").unwrap();
    HttpFile::new(name, http_token('t'), letter.to_string().repeat(43)).unwrap()
}

fn let_pass() -> LetPass {
    LetPass { addresses: vec!["203.0.113.5".parse().unwrap()], minutes: 60 }
}

/// The session in every sample.
pub(crate) fn session() -> SessionMark {
    "5e".repeat(32).parse().unwrap()
}

/// A grant as the console would bring it along; nobody made it.
pub(crate) fn made_up_grant() -> Grant {
    Grant { operator: operator(), session: session(), token: Carried::new("AAAAAAAAAAAAAAAAAAAAAA".to_owned()) }
}

/// The standing order in every sample.
pub(crate) fn standing_order() -> StandingOrder {
    StandingOrder::Certificate { certificate: CERTIFICATE, names: names(), consumers: vec![Consumer::Nginx] }
}

/// One well-formed request of every verb.
pub(crate) fn every() -> Vec<Request> {
    vec![
        Request::Hello,
        Request::ReadSsh,
        Request::ReadPackages,
        Request::ReadCertificates,
        Request::ReadInventory,
        Request::ReadSwitch { database: Some(DatabaseSide { xml_rpc: Some(code()), event_socket: None }) },
        Request::ReadFirewall,
        Request::ChangeSwitch { change: SwitchChange::AtStart { is_loaded: false } },
        Request::SwitchRegistrations { of: users() },
        Request::FlushDirectory { users: users() },
        Request::Resync { users: users() },
        Request::LetPass { wanted: let_pass() },
        Request::PutHttpFile { file: http_file('d') },
        Request::RemoveHttpFile { token: http_token('t') },
        Request::NoteTrail { number: 7, hash: Hash::BEGINNING },
        Request::ReadJournal { after: 7, limit: 10 },
        Request::MakeKey { certificate: CERTIFICATE, names: names(), key: KeyKind::EcdsaP256 },
        Request::Install {
            certificate: CERTIFICATE,
            generation: Generation(1),
            chain_pem: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
            consumer: Consumer::Nginx,
        },
        Request::ReadFactor { operator: operator() },
        Request::ReadStandingOrders,
        Request::BeginEnrolment { operator: operator(), proof: code() },
        Request::FinishEnrolment { operator: operator(), code: code() },
        Request::RenewRecovery { operator: operator(), code: code() },
        Request::CheckCode { operator: operator(), code: code() },
        Request::MakeGrant {
            operator: operator(),
            session: session(),
            code: code(),
            what: Box::new(Request::ForgetFactor { operator: operator() }),
        },
        Request::PlaceStandingOrder { order: standing_order() },
        Request::EndStandingOrder { order: standing_order() },
        Request::ForgetFactor { operator: operator() },
    ]
}

/// The same verb with another argument; `None` if it has none.
pub(crate) fn other(request: &Request) -> Option<Request> {
    let bea = || OperatorName::parse("bea").unwrap();
    let eight = CertificateId(8);
    let order = |StandingOrder::Certificate { names, consumers, .. }: &StandingOrder| StandingOrder::Certificate {
        certificate: eight,
        names: names.clone(),
        consumers: consumers.clone(),
    };
    Some(match request {
        Request::Hello
        | Request::ReadSsh
        | Request::ReadPackages
        | Request::ReadCertificates
        | Request::ReadInventory
        | Request::ReadFirewall
        | Request::ReadStandingOrders => return None,
        Request::ChangeSwitch { .. } => Request::ChangeSwitch { change: SwitchChange::Load },
        Request::ReadSwitch { .. } => Request::ReadSwitch { database: None },
        Request::SwitchRegistrations { of } => Request::SwitchRegistrations { of: [&of[..], of].concat() },
        Request::LetPass { wanted } => Request::LetPass { wanted: LetPass { minutes: 5, ..wanted.clone() } },
        Request::FlushDirectory { users } => Request::FlushDirectory { users: [&users[..], users].concat() },
        Request::Resync { users } => Request::Resync { users: [&users[..], users].concat() },
        Request::PutHttpFile { .. } => Request::PutHttpFile { file: http_file('e') },
        Request::RemoveHttpFile { .. } => Request::RemoveHttpFile { token: http_token('u') },
        Request::NoteTrail { hash, .. } => Request::NoteTrail { number: 8, hash: *hash },
        Request::ReadJournal { limit, .. } => Request::ReadJournal { after: 8, limit: *limit },
        Request::MakeKey { names, key, .. } => {
            Request::MakeKey { certificate: eight, names: names.clone(), key: *key }
        }
        Request::Install { generation, chain_pem, consumer, .. } => Request::Install {
            certificate: eight,
            generation: *generation,
            chain_pem: chain_pem.clone(),
            consumer: *consumer,
        },
        Request::ReadFactor { .. } => Request::ReadFactor { operator: bea() },
        Request::BeginEnrolment { proof, .. } => Request::BeginEnrolment { operator: bea(), proof: proof.clone() },
        Request::FinishEnrolment { code, .. } => Request::FinishEnrolment { operator: bea(), code: code.clone() },
        Request::RenewRecovery { code, .. } => Request::RenewRecovery { operator: bea(), code: code.clone() },
        Request::CheckCode { code, .. } => Request::CheckCode { operator: bea(), code: code.clone() },
        Request::MakeGrant { session, code, what, .. } => {
            Request::MakeGrant { operator: bea(), session: session.clone(), code: code.clone(), what: what.clone() }
        }
        Request::PlaceStandingOrder { order: placed } => Request::PlaceStandingOrder { order: order(placed) },
        Request::EndStandingOrder { order: placed } => Request::EndStandingOrder { order: order(placed) },
        Request::ForgetFactor { .. } => Request::ForgetFactor { operator: bea() },
    })
}

/// `request` inside as many `make-grant`s as asked.
pub(crate) fn nested(request: Request, times: usize) -> Request {
    (0..times).fold(request, |what, _| Request::MakeGrant {
        operator: operator(),
        session: session(),
        code: code(),
        what: Box::new(what),
    })
}

#[test]
fn every_verb_of_the_wire_has_a_sample_and_no_verb_has_two() {
    let file = std::fs::read_to_string(format!("{}/src/wire/request.rs", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let parsed = syn::parse_file(&file).unwrap();
    let variants = parsed.items.iter().find_map(|item| match item {
        syn::Item::Enum(found) if found.ident == "Request" => Some(found.variants.len()),
        _ => None,
    });

    let verbs: std::collections::BTreeSet<&str> = every().iter().map(Request::verb).collect();

    assert_eq!(Some(verbs.len()), variants, "a verb is missing in `every`");
    assert_eq!(verbs.len(), every().len());
    for request in every() {
        let other = other(&request);
        assert!(other.as_ref().is_none_or(|other| other.verb() == request.verb() && *other != request));
        assert!(other.is_none_or(|other| other.digest() != request.digest()));
    }
}
