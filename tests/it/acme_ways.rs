//! Ways of proof beside dns-01, and what DNS says against an order before a CA is asked.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use dns_update::{CAARecord, DnsRecord};
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::RecordType;
use rampart::acme::account::OpenAccount;
use rampart::acme::challenge::DnsError;
use rampart::acme::challenge::approved::{ApprovedZone, ApprovedZones, ByHand};
use rampart::acme::challenge::authority::Authority;
use rampart::acme::challenge::way::{Way, account_label};
use rampart::acme::error::IssueError;
use rampart::acme::issue::{Parties, issue};
use rampart::acme::step::Step;
use rampart::app::demo::pebble::CAA_NAME;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::acme_world::{DEADLINE, World, ZONE, fqdn, wish};
use crate::dns_world::{Records, authority, patience, tsig};

const BOTH: [&str; 2] = ["tenant01.test", "*.tenant01.test"];

/// Proves names in the world's zone in this way.
fn by(world: &World, way: Way, authority: Authority) -> Arc<ApprovedZones> {
    let writer = way.needs_credential().then(|| tsig(world));
    let zone = ApprovedZone { zone: fqdn(ZONE), way, writer, primary: None };
    Arc::new(ApprovedZones::new(vec![zone], authority, patience()))
}

async fn parties(world: &World, way: Way) -> (OpenAccount, Parties, Arc<crate::acme_world::Memory>) {
    let (mut parties, journal, _) = world.parties();
    parties.solver = by(world, way, authority(&world.bind));
    (world.account().await, parties, journal)
}

fn caa(tag: &str, name: Option<&str>, options: &[(&str, &str)]) -> DnsRecord {
    let (issuer_critical, name) = (false, name.map(ToOwned::to_owned));
    let option = |(key, value): &(&str, &str)| dns_update::KeyValue { key: (*key).into(), value: (*value).into() };
    let options = options.iter().map(option).collect();
    DnsRecord::CAA(match tag {
        "issuewild" => CAARecord::IssueWild { issuer_critical, name, options },
        _ => CAARecord::Issue { issuer_critical, name, options },
    })
}

#[tokio::test]
async fn a_record_at_the_accounts_own_name_proves_a_wildcard_and_its_base() {
    let world = World::start().await;
    let (account, parties, journal) = parties(&world, Way::DnsAccount01).await;

    let issued = issue(&account, &wish(&BOTH), &parties).await.unwrap();

    assert_eq!(issued.leaf.names.len(), 2);
    let owner = format!("{}._acme-challenge.tenant01.test", account_label(account.url()));
    let presented = Step::Presenting { record: owner };
    assert_eq!(journal.steps().iter().filter(|step| **step == presented).count(), 2);
    assert_eq!(journal.kept().records, []);
}

#[tokio::test]
async fn a_record_that_stays_is_shown_once_and_then_no_right_to_write_is_needed() {
    let world = World::start().await;
    let (account, parties, journal) = parties(&world, Way::DnsPersist01).await;

    let error = issue(&account, &wish(&BOTH), &parties).await.unwrap_err();

    let IssueError::Dns(DnsError::NotStanding { owner, text }) = &error else { panic!("{error:?}") };
    assert_eq!(owner, "_validation-persist.tenant01.test");
    assert_eq!(*text, format!("{CAA_NAME}; accounturi={}; policy=wildcard", account.url()));
    Records::of(&world.bind).add(ZONE, owner, DnsRecord::TXT(text.clone())).await;
    for _ in 0..2 {
        let issued = issue(&account, &wish(&BOTH), &parties).await.unwrap();
        assert_eq!(issued.leaf.names.len(), 2);
        rampart::acme::ports::Journal::save(&*journal, &rampart::acme::ports::Progress::default()).await.unwrap();
    }
    assert!(journal.steps().iter().all(|step| !matches!(step, Step::Presenting { .. })));
}

#[tokio::test]
async fn a_record_that_stays_for_another_account_does_not_count() {
    let world = World::start().await;
    let (account, parties, _) = parties(&world, Way::DnsPersist01).await;
    let other = format!("{CAA_NAME}; accounturi={}0; policy=wildcard", account.url());
    Records::of(&world.bind).add(ZONE, "_validation-persist.tenant01.test", DnsRecord::TXT(other)).await;

    let error = issue(&account, &wish(&BOTH), &parties).await.unwrap_err();

    assert!(matches!(&error, IssueError::Dns(DnsError::NotStanding { .. })), "{error:?}");
}

#[tokio::test]
async fn a_record_that_somebody_puts_in_by_hand_is_waited_for_and_left_to_them() {
    let world = World::start().await;
    let (account, mut parties, journal) = parties(&world, Way::Manual).await;
    let zone = ApprovedZone { zone: fqdn(ZONE), way: Way::Manual, writer: Some(Arc::new(ByHand)), primary: None };
    let by_hand = |wait| {
        let zones = ApprovedZones::new(vec![zone.clone()], authority(&world.bind), patience());
        Arc::new(zones.by_hand_within(wait))
    };
    parties.solver = by_hand(Duration::from_millis(10));

    let error = issue(&account, &wish(&[ZONE]), &parties).await.unwrap_err();
    let IssueError::Dns(DnsError::ByHand { owner, value, .. }) = &error else { panic!("{error:?}") };
    let begun = journal.kept();
    assert!(begun.order_url.is_some() && begun.records.is_empty(), "{begun:?}");
    // The next try, after a restart perhaps, wants the same record.
    parties.solver = by_hand(DEADLINE);
    let (account, again) = (Arc::new(account), parties.clone());
    let with = Arc::clone(&account);
    let order = tokio::spawn(async move { issue(&with, &wish(&[ZONE]), &again).await });
    Records::of(&world.bind).add(ZONE, owner, DnsRecord::TXT(value.clone())).await;
    let issued = order.await.unwrap().unwrap();

    assert_eq!(Some(issued.order_url), begun.order_url);
    let asked = Step::ByHand { record: owner.clone(), value: value.clone() };
    assert_eq!(journal.steps().iter().filter(|step| **step == asked).count(), 2);
    assert_eq!(world.shown(ZONE).await, std::slice::from_ref(value));
}

#[tokio::test]
async fn a_ca_that_the_zone_does_not_allow_is_not_asked() {
    let world = World::start().await;
    let (account, parties, journal) = parties(&world, Way::Dns01).await;
    Records::of(&world.bind).add(ZONE, ZONE, caa("issue", Some("other-ca.test"), &[])).await;

    // The records of the zone hold for every name below it.
    let error = issue(&account, &wish(&["a.b.tenant01.test"]), &parties).await.unwrap_err();

    let IssueError::Dns(DnsError::Caa { holder, words, .. }) = &error else { panic!("{error:?}") };
    assert_eq!(holder, ZONE);
    assert!(words.contains("other-ca.test") && words.contains(CAA_NAME), "{words}");
    assert!(journal.steps().iter().all(|step| !matches!(step, Step::Ordering { .. })), "{:?}", journal.steps());
}

#[tokio::test]
async fn rules_for_wildcards_accounts_and_ways_of_proof_are_obeyed() {
    let world = World::start().await;
    let (account, parties, _) = parties(&world, Way::Dns01).await;
    let records = Records::of(&world.bind);
    let own = [("accounturi", account.url()), ("validationmethods", "dns-01")];
    records.add(ZONE, ZONE, caa("issue", Some(CAA_NAME), &own)).await;
    records.add(ZONE, ZONE, caa("issuewild", None, &[])).await;
    records.add(ZONE, "http.tenant01.test", caa("issue", Some(CAA_NAME), &[("validationmethods", "http-01")])).await;
    records.add(ZONE, "two.tenant01.test", caa("issue", Some(CAA_NAME), &[("accounturi", "https://x.test/1")])).await;
    let is_forbidden = async |name: &str| {
        let mut parties = world.parties().0;
        parties.solver = by(&world, Way::Dns01, authority(&world.bind));
        matches!(issue(&account, &wish(&[name]), &parties).await, Err(IssueError::Dns(DnsError::Caa { .. })))
    };

    assert!(issue(&account, &wish(&[ZONE]), &parties).await.is_ok());
    assert!(is_forbidden("*.tenant01.test").await);
    assert!(is_forbidden("http.tenant01.test").await);
    assert!(is_forbidden("two.tenant01.test").await);
    assert!(!is_forbidden("three.tenant01.test").await);
}

/// A resolver that checks signatures, and finds those of one name broken: it answers what does not want them checked.
async fn strict_resolver(behind: SocketAddr, broken: &'static str) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut question = vec![0; usize::from(near.read_u16().await.unwrap())];
                near.read_exact(&mut question).await.unwrap();
                let asked = Message::from_vec(&question).unwrap();
                let query = &asked.queries[0];
                let is_about = query.name().to_ascii().trim_end_matches('.') == broken;
                let answer = if is_about && query.query_type() == RecordType::CAA {
                    let mut answer = Message::response(asked.metadata.id, asked.metadata.op_code);
                    answer.add_query(query.clone());
                    if !asked.metadata.checking_disabled {
                        answer.metadata.response_code = ResponseCode::ServFail;
                    }
                    answer.to_vec().unwrap()
                } else {
                    let mut far = tokio::net::TcpStream::connect(behind).await.unwrap();
                    far.write_u16(u16::try_from(question.len()).unwrap()).await.unwrap();
                    far.write_all(&question).await.unwrap();
                    let mut answer = vec![0; usize::from(far.read_u16().await.unwrap())];
                    far.read_exact(&mut answer).await.unwrap();
                    answer
                };
                near.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
                near.write_all(&answer).await.unwrap();
            });
        }
    });
    address
}

#[tokio::test]
async fn broken_signatures_are_seen_before_the_ca_is_asked() {
    let world = World::start().await;
    let (account, mut parties, journal) = parties(&world, Way::Dns01).await;
    let strict = strict_resolver(world.bind.address, "broken.tenant01.test").await;
    let asked = Authority { resolvers: vec![strict], ..authority(&world.bind) };
    parties.solver = by(&world, Way::Dns01, asked);

    let error = issue(&account, &wish(&["a.broken.tenant01.test"]), &parties).await.unwrap_err();

    let IssueError::Dns(DnsError::Signatures { at, .. }) = &error else { panic!("{error:?}") };
    assert_eq!(at, "broken.tenant01.test");
    assert!(journal.steps().iter().all(|step| !matches!(step, Step::Ordering { .. })));
    assert!(issue(&account, &wish(&["a.sound.tenant01.test"]), &parties).await.is_ok());
}
