//! What may be changed as root, on whose word: codes, grants, standing orders, at the agent's own socket.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rampart::base::clock::{Clock as _, ManualClock, Timestamp};
use rampart::base::ids::CertificateId;
use rampart::base::names::{CertificateName, OperatorName};
use rampart::base::secret::Secret;
use rampart::host::AgentError;
use rampart::wire::answer::{Answer, Refusal, Reply};
use rampart::wire::call::Call;
use rampart::wire::carried::Carried;
use rampart::wire::frame::{self, MAX_ANSWER_BYTES, MAX_REQUEST_BYTES};
use rampart::wire::grant::{Consumer, Grant};
use rampart::wire::request::{Generation, KeyKind, Needs, Request};
use rampart::wire::switch::SwitchChange;
use tokio::net::UnixStream;

use crate::agent_house::{RunningAgent, Scratch, journal, settings};
use crate::support::authenticator::{Authenticator, invite, order, session};

const ONE: CertificateId = CertificateId(1);
const NAME: &str = "a.example.com";

/// An agent whose clock the test moves, and an operator who has enrolled.
struct Host {
    house: Scratch,
    clock: Arc<ManualClock>,
    running: RunningAgent,
    ann: Authenticator,
}

impl Host {
    async fn new() -> Self {
        let house = Scratch::new();
        let clock = Arc::new(ManualClock::at(Timestamp::from_unix(1_795_392_000)));
        let settings = settings(house.path(), "[certificates]\nzones = ['example.com']\n");
        let running = RunningAgent::start_at(&settings, clock.clone()).await;
        let ann = Authenticator::enrol(&running.agent, &house.path().join("place"), "ann", clock.as_ref()).await;
        clock.advance(Duration::from_mins(1));
        Self { house, clock, running, ann }
    }

    fn place(&self) -> PathBuf {
        self.house.path().join("place")
    }

    /// The code that ann's authenticator shows; the clock goes on, so that the next one is another.
    fn code(&self) -> Secret<String> {
        self.clock.advance(Duration::from_secs(30));
        self.ann.code(self.clock.now())
    }

    /// A grant for `what`, in the session called `one`.
    async fn grant(&self, what: &Request) -> Grant {
        let outcome = self.running.agent.grant(&self.ann.operator, &session("one"), self.code(), what.clone()).await;
        outcome.unwrap()
    }

    /// What the agent says to `request` with `grant`.
    async fn ask(&self, request: &Request, grant: Option<Grant>) -> Reply {
        let mut stream = UnixStream::connect(&self.running.socket).await.unwrap();
        let call = Call { grant, ..Call::bare(request.clone()) };
        frame::write(&mut stream, &call, MAX_REQUEST_BYTES).await.unwrap();
        frame::read::<Reply>(&mut stream, MAX_ANSWER_BYTES).await.unwrap().unwrap()
    }
}

fn install(chain_pem: &str, consumer: Consumer) -> Request {
    Request::Install { certificate: ONE, generation: Generation(1), chain_pem: chain_pem.to_owned(), consumer }
}

/// Each request that needs a grant, and one that differs from it in one argument. A new one stands here or
/// [`every_request_that_needs_a_grant_is_in_the_table`] fails.
fn writes() -> Vec<(Request, Request)> {
    let names = |text: &str| vec![CertificateName::parse(text).unwrap()];
    let key = KeyKind::EcdsaP256;
    let ben = OperatorName::parse("ben").unwrap();
    let eve = OperatorName::parse("eve").unwrap();
    vec![
        (
            Request::MakeKey { certificate: ONE, names: names(NAME), key },
            Request::MakeKey { certificate: ONE, names: names("b.example.com"), key },
        ),
        (install("one", Consumer::Nginx), install("one", Consumer::FreeSwitch)),
        (
            Request::PlaceStandingOrder { order: order(ONE, &[NAME]) },
            Request::PlaceStandingOrder { order: order(ONE, &[NAME, "b.example.com"]) },
        ),
        (
            Request::EndStandingOrder { order: order(ONE, &[NAME]) },
            Request::EndStandingOrder { order: order(CertificateId(2), &[NAME]) },
        ),
        (
            Request::ChangeSwitch { change: SwitchChange::AtStart { is_loaded: true } },
            Request::ChangeSwitch { change: SwitchChange::AtStart { is_loaded: false } },
        ),
        (Request::ForgetFactor { operator: ben }, Request::ForgetFactor { operator: eve }),
    ]
}

#[test]
fn every_request_that_needs_a_grant_is_in_the_table() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/wire/request.rs")).unwrap();
    let file = syn::parse_file(&text).unwrap();
    let variants = file.items.iter().find_map(|item| match item {
        syn::Item::Enum(item) if item.ident == "Request" => Some(item.variants.len()),
        _ => None,
    });
    // The note of the trail among them: a line of the journal, as every read leaves one.
    let reads = 12;
    // What FreeSWITCH and phones would do by themselves too, what a jail lets pass for a while, and files that only CAs read.
    let noted = 5;
    let with_own_code = 5;

    assert_eq!(
        variants,
        Some(writes().len() + reads + noted + with_own_code),
        "a new request: which table is it in?"
    );
    for (request, other) in writes() {
        assert!(matches!(request.needs(), Needs::Grant | Needs::StandingOrderOrGrant), "{request:?}");
        assert_ne!(request.digest(), other.digest());
        assert_eq!(request.verb(), other.verb());
    }
}

fn needed(reply: &Reply) -> &str {
    match reply {
        Err(Refusal::GrantNeeded { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

/// ASVS 7.5.3.
#[tokio::test]
async fn no_request_that_changes_anything_passes_without_a_fresh_grant_for_exactly_it() {
    let house = Host::new().await;

    for (request, other) in writes() {
        let missing = house.ask(&request, None).await;
        assert!(needed(&missing).contains("none was given"), "{request:?}");

        let made_up = Grant {
            operator: house.ann.operator.clone(),
            session: session("one"),
            token: Carried::new("AAAAAAAAAAAAAAAAAAAAAA".to_owned()),
        };
        assert!(needed(&house.ask(&request, Some(made_up)).await).contains("never given"), "{request:?}");

        let elsewhere = Grant { session: session("two"), ..house.grant(&request).await };
        assert!(needed(&house.ask(&request, Some(elsewhere)).await).contains("another session"), "{request:?}");

        let somebody = OperatorName::parse("ben").unwrap();
        let somebody = Grant { operator: somebody, ..house.grant(&request).await };
        assert!(needed(&house.ask(&request, Some(somebody)).await).contains("somebody else"), "{request:?}");

        let grant = house.grant(&request).await;
        let changed = house.ask(&other, Some(grant.clone())).await;
        assert!(needed(&changed).contains("something else"), "{request:?}");
        assert!(needed(&house.ask(&request, Some(grant)).await).contains("used already"), "{request:?}");

        let stale = house.grant(&request).await;
        house.clock.advance(Duration::from_mins(10));
        assert!(needed(&house.ask(&request, Some(stale)).await).contains("older than 10 minutes"), "{request:?}");

        let fresh = house.grant(&request).await;
        house.clock.advance(Duration::from_secs(599));
        let reply = house.ask(&request, Some(fresh.clone())).await;
        assert!(!matches!(reply, Err(Refusal::GrantNeeded { .. })), "{request:?}: {reply:?}");
        assert!(needed(&house.ask(&request, Some(fresh)).await).contains("used already"), "{request:?}");
        // Whatever it did is taken back, so that no standing order covers what comes next.
        if matches!(request, Request::PlaceStandingOrder { .. }) {
            let end = Request::EndStandingOrder { order: order(ONE, &[NAME]) };
            assert_eq!(house.ask(&end, Some(house.grant(&end).await)).await, Ok(Answer::Done));
        }
    }
    house.running.stop().await;
}

#[tokio::test]
async fn a_grant_does_not_outlive_its_ten_minutes_by_a_clock_that_is_set_back_nor_the_agent_itself() {
    let house = Host::new().await;
    let what = Request::PlaceStandingOrder { order: order(ONE, &[NAME]) };
    let (one, two) = (house.grant(&what).await, house.grant(&what).await);
    let Host { house, clock, running, ann } = house;

    let made = clock.now();
    clock.advance(Duration::from_mins(10));
    clock.set(made);
    let back = running.agent.with_grant(one).place_standing_order(order(ONE, &[NAME])).await;
    running.stop().await;
    let settings = settings(house.path(), "[certificates]\nzones = ['example.com']\n");
    let running = RunningAgent::start_at(&settings, clock.clone()).await;
    let anew = running.agent.with_grant(two).place_standing_order(order(ONE, &[NAME])).await;

    for outcome in [back, anew] {
        assert!(matches!(outcome, Err(AgentError::Refused(Refusal::GrantNeeded { .. }))), "{outcome:?}");
    }
    assert!(running.agent.factor(&ann.operator).await.unwrap().since.is_some(), "the factor outlives the agent");
    running.stop().await;
}

#[tokio::test]
async fn inside_a_standing_order_no_grant_is_needed_and_outside_it_one_is() {
    let house = Host::new().await;
    let agent = &house.running.agent;
    let names = |texts: &[&str]| texts.iter().map(|text| CertificateName::parse(text).unwrap()).collect::<Vec<_>>();
    let both = order(ONE, &["*.example.com", "example.com"]);
    let what = Request::PlaceStandingOrder { order: both.clone() };
    agent.with_grant(house.grant(&what).await).place_standing_order(both.clone()).await.unwrap();

    let inside = agent.make_key(ONE, &names(&["example.com", "*.example.com"]), KeyKind::EcdsaP256).await;
    let fewer = agent.make_key(ONE, &names(&["example.com"]), KeyKind::EcdsaP256).await;
    let more = agent.make_key(ONE, &names(&["example.com", "*.example.com", NAME]), KeyKind::EcdsaP256).await;
    let number =
        agent.make_key(CertificateId(2), &names(&["example.com", "*.example.com"]), KeyKind::EcdsaP256).await;

    assert!(inside.is_ok(), "{inside:?}");
    for outcome in [fewer, more, number] {
        assert!(matches!(outcome, Err(AgentError::Refused(Refusal::GrantNeeded { .. }))), "{outcome:?}");
    }
    let placed = agent.standing_orders().await.unwrap();
    assert_eq!((placed.len(), &placed[0].order, placed[0].by.as_str()), (1, &both, "ann"));
    let end = Request::EndStandingOrder { order: both.clone() };
    agent.with_grant(house.grant(&end).await).end_standing_order(both).await.unwrap();
    let ended = agent.make_key(ONE, &names(&["example.com", "*.example.com"]), KeyKind::EcdsaP256).await;
    assert!(matches!(ended, Err(AgentError::Refused(Refusal::GrantNeeded { .. }))), "{ended:?}");
    house.running.stop().await;
}

#[tokio::test]
async fn a_standing_order_outside_roots_zones_or_that_somebody_spoiled_allows_nothing() {
    let house = Host::new().await;
    let agent = &house.running.agent;
    let outside = order(ONE, &["a.example.org"]);
    let what = Request::PlaceStandingOrder { order: outside.clone() };

    let refused = agent.with_grant(house.grant(&what).await).place_standing_order(outside).await;
    let file = house.place().join("standing/certificate-1.json");
    std::fs::write(&file, r#"{"order":{"allows":"everything"},"by":"root","at":0}"#).unwrap();
    let spoiled = agent.make_key(ONE, &[CertificateName::parse(NAME).unwrap()], KeyKind::EcdsaP256).await;

    assert!(matches!(refused, Err(AgentError::Refused(Refusal::NotAllowed { .. }))), "{refused:?}");
    assert!(matches!(spoiled, Err(AgentError::Refused(Refusal::GrantNeeded { .. }))), "{spoiled:?}");
    house.running.stop().await;
}

/// ASVS 6.5.1: a thousand at once, through the socket.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_who_bring_the_same_code_at_once_one_gets_in() {
    let house = Host::new().await;
    let code = house.code();
    // Each try is written down twice; how fast the disk is is not meant here.
    let agent = &house.running.agent.clone().with_deadline(Duration::from_mins(2));

    let tries = (0..1_000).map(|_| agent.check_code(&house.ann.operator, code.clone()));
    let outcomes = futures_util::future::join_all(tries).await;

    let good = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(good, 1);
    let refused = |outcome: &&Result<_, AgentError>| {
        matches!(outcome, Err(AgentError::Refused(Refusal::WrongCode | Refusal::TooManyCodes { .. })))
    };
    let refused = outcomes.iter().filter(refused).count();
    assert_eq!(refused, 999);
    house.running.stop().await;
}

/// ASVS 6.4.1.
#[tokio::test]
async fn an_enrolment_code_works_once_for_its_operator_and_for_half_an_hour() {
    let house = Host::new().await;
    let agent = &house.running.agent;
    let (ben, eve) = (OperatorName::parse("ben").unwrap(), OperatorName::parse("eve").unwrap());
    let code = invite(&house.place(), "ben", house.clock.as_ref());
    let late = invite(&house.place(), "ben", house.clock.as_ref());

    let other = agent.begin_enrolment(&eve, code.clone()).await;
    let begun = agent.begin_enrolment(&ben, code.clone()).await.unwrap();
    let again = agent.begin_enrolment(&ben, code.clone()).await.unwrap();
    let authenticator = Authenticator::of("ben", again.secret.expose());
    let finished = agent.finish_enrolment(&ben, authenticator.code(house.clock.now())).await.unwrap();
    let used = agent.begin_enrolment(&ben, code).await;
    house.clock.advance(Duration::from_mins(30));
    let expired = agent.begin_enrolment(&ben, late).await;

    assert_ne!(begun.secret, again.secret, "each start makes a new seed");
    assert_eq!(finished.len(), 10);
    for outcome in [other, used, expired] {
        assert!(matches!(outcome, Err(AgentError::Refused(Refusal::WrongCode))), "{outcome:?}");
    }
    house.running.stop().await;
}

#[tokio::test]
async fn a_new_authenticator_needs_a_code_of_the_old_one_or_one_from_root() {
    let house = Host::new().await;
    let agent = &house.running.agent;
    let ann = &house.ann.operator;

    let without = agent.begin_enrolment(ann, Secret::new("000000".to_owned())).await;
    let with = agent.begin_enrolment(ann, house.code()).await.unwrap();
    let new = Authenticator::of("ann", with.secret.expose());
    let old_still_counts = agent.check_code(ann, house.code()).await;
    house.clock.advance(Duration::from_secs(30));
    agent.finish_enrolment(ann, new.code(house.clock.now())).await.unwrap();
    let old = agent.check_code(ann, house.code()).await;
    house.clock.advance(Duration::from_secs(30));
    let new = agent.check_code(ann, new.code(house.clock.now())).await;

    assert!(matches!(without, Err(AgentError::Refused(Refusal::WrongCode))), "{without:?}");
    assert!(old_still_counts.is_ok(), "{old_still_counts:?}");
    assert!(matches!(old, Err(AgentError::Refused(Refusal::WrongCode))), "{old:?}");
    assert!(new.is_ok(), "{new:?}");
    house.running.stop().await;
}

#[tokio::test]
async fn nothing_of_a_seed_or_a_code_is_in_the_journal_and_its_files_are_closed_to_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut house = Host::new().await;
    let spare = house.ann.spare();
    let what = Request::PlaceStandingOrder { order: order(ONE, &[NAME]) };
    let grant = house.running.agent.grant(&house.ann.operator, &session("one"), spare.clone(), what).await.unwrap();
    let code = house.code();
    house.running.agent.check_code(&house.ann.operator, code.clone()).await.unwrap();

    house.running.stop().await;

    let text = std::fs::read_to_string(house.house.path().join("place/journal.jsonl")).unwrap();
    for secret in [spare.expose(), grant.token.expose(), code.expose()] {
        assert!(!text.contains(secret.as_str()), "{text}");
    }
    let lines = journal(house.house.path());
    let about: Vec<&str> = lines.iter().filter_map(|line| line["about"].as_str()).collect();
    let granted = "ann: place-standing-order certificate 1 for a.example.com, served by nginx";
    assert!(about.contains(&granted), "{about:?}");
    for directory in ["factors", "invitations", "standing"] {
        for entry in std::fs::read_dir(house.house.path().join("place").join(directory)).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{directory}");
        }
    }
}
