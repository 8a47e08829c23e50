//! The agent and a real fail2ban: addresses that the SIP jails let pass for a while.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rampart::base::clock::{ManualClock, Timestamp};
use rampart::host::AgentError;
use rampart::wire::answer::Refusal;
use rampart::wire::jails::LetPass;

use crate::agent_house::{RunningAgent, Scratch, journal, settings};
use crate::support::fail2ban::Fail2ban;
use crate::support::freeswitch::FakeSwitch;

const OFFICE: &str = "203.0.113.5";

fn then() -> Timestamp {
    Timestamp::from_unix(1_795_371_696)
}

fn wanted(addresses: &[&str], minutes: u16) -> LetPass {
    LetPass { addresses: addresses.iter().map(|one| one.parse::<IpAddr>().unwrap()).collect(), minutes }
}

/// A switch with a device behind each of these addresses.
fn switch_with(addresses: &[&str]) -> FakeSwitch {
    let switch = FakeSwitch::start();
    let row = |ip: &&str| format!("{{\"reg_user\":\"1001\",\"realm\":\"a.example.com\",\"network_ip\":\"{ip}\"}}");
    let rows: Vec<String> = addresses.iter().map(row).collect();
    switch.set_registrations(&format!("{{\"rows\":[{}]}}", rows.join(",")));
    switch
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what} does not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sip_jails_let_an_office_pass_for_a_while_and_then_no_longer() {
    let house = Scratch::new();
    let (fail2ban, switch) = (Fail2ban::start(house.path()), switch_with(&[OFFICE, "198.51.100.99", "2001:db8::5"]));
    let clock = Arc::new(ManualClock::at(then()));
    let text = settings(house.path(), &(switch.settings() + &fail2ban.settings()));
    let running = RunningAgent::start_at(&text, clock.clone()).await;

    let passing = running.agent.let_pass(wanted(&[OFFICE, "198.51.100.99", "2001:db8::5"], 60)).await.unwrap();

    assert_eq!(passing.jails, ["freeswitch", "sip-auth-failure"]);
    assert_eq!(passing.until, then().plus(Duration::from_hours(1)));
    for jail in ["freeswitch", "sip-auth-failure"] {
        let ignored = fail2ban.ignored(jail);
        assert!(ignored.contains(OFFICE) && ignored.contains("2001:db8::5"), "{ignored}");
    }
    assert!(!fail2ban.ignored("nginx-404").contains(OFFICE), "no SIP jail");
    let line = journal(house.path()).into_iter().rfind(|line| line["verb"] == "let-pass").unwrap();
    assert_eq!(line["about"], "203.0.113.5 198.51.100.99 2001:db8::5 for 60 minutes");

    clock.advance(Duration::from_mins(61));
    until("the end", || !fail2ban.ignored("freeswitch").contains(OFFICE));
    until("the end", || !fail2ban.ignored("sip-auth-failure").contains("2001:db8::5"));
    let kept = fail2ban.ignored("freeswitch");
    assert!(kept.contains("198.51.100.99"), "what a jail let pass before stays: {kept}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_was_stopped_meanwhile_ends_it_when_it_comes_back() {
    let house = Scratch::new();
    let (fail2ban, switch) = (Fail2ban::start(house.path()), switch_with(&[OFFICE]));
    let text = settings(house.path(), &(switch.settings() + &fail2ban.settings()));
    let first = RunningAgent::start_at(&text, Arc::new(ManualClock::at(then()))).await;
    first.agent.let_pass(wanted(&[OFFICE], 10)).await.unwrap();
    first.stop().await;
    assert!(fail2ban.ignored("freeswitch").contains(OFFICE));

    let later = Arc::new(ManualClock::at(then().plus(Duration::from_mins(11))));
    let second = RunningAgent::start_at(&text, later).await;

    until("the end", || !fail2ban.ignored("freeswitch").contains(OFFICE));
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_pass_from_whom_no_device_is_registered() {
    let house = Scratch::new();
    let (fail2ban, switch) = (Fail2ban::start(house.path()), switch_with(&[OFFICE]));
    let running = RunningAgent::start(&settings(house.path(), &(switch.settings() + &fail2ban.settings()))).await;
    let many: Vec<String> = (0..21).map(|n| format!("203.0.113.{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();

    let stranger = running.agent.let_pass(wanted(&[OFFICE, "192.0.2.66"], 60)).await;
    let bounds = [wanted(&many, 5), wanted(&[OFFICE], 0), wanted(&[OFFICE], 121), wanted(&[], 5)];

    assert!(
        matches!(&stranger, Err(AgentError::Refused(Refusal::NotAllowed { reason })) if reason.contains("192.0.2.66")),
        "{stranger:?}"
    );
    for wanted in bounds {
        let refused = running.agent.let_pass(wanted.clone()).await;
        assert!(matches!(refused, Err(AgentError::Refused(Refusal::NotAllowed { .. }))), "{wanted:?}: {refused:?}");
    }
    assert!(!fail2ban.ignored("freeswitch").contains(OFFICE));
    running.stop().await;
}

#[tokio::test]
async fn a_fail2ban_that_is_not_there_is_an_answer_in_words() {
    let (house, switch) = (Scratch::new(), switch_with(&[OFFICE]));
    let running = RunningAgent::start(&settings(house.path(), &switch.settings())).await;

    let refused = running.agent.let_pass(wanted(&[OFFICE], 60)).await;

    assert!(
        matches!(&refused, Err(AgentError::Refused(Refusal::Unable { reason })) if reason.contains("does not answer")),
        "{refused:?}"
    );
    running.stop().await;
}
