//! Passing, failing and unknown cases of SW-01 to SW-04.

use super::*;
use crate::audit::checks::accounts::tests::{NOW, facts_with};
use crate::audit::facts::Source;
use crate::audit::finding::Outcome;
use crate::fusionpbx::switch::{KeptSwitch, SwitchSide};
use crate::wire::switch::{ConfigConfFacts, FileFacts, RunningFacts, SwitchFacts};

fn file(path: &str) -> FileFacts {
    FileFacts { path: path.to_owned(), owner: 33, mode: 0o644 }
}

fn good(mark: &str) -> SecretFacts {
    SecretFacts { flaws: Vec::new(), mark: Some(mark.to_owned()) }
}

fn flawed(flaws: &[Flaw]) -> SecretFacts {
    SecretFacts { flaws: flaws.to_vec(), mark: Some("aa".to_owned()) }
}

/// A FreeSWITCH in good order: XML RPC off, the event socket near and locked.
pub(crate) fn in_order() -> SwitchFacts {
    SwitchFacts {
        xml_rpc: Ok(XmlRpcFacts {
            file: file("xml_rpc.conf.xml"),
            port: Some(8080),
            realm: Some("freeswitch".to_owned()),
            user: Some("freeswitch".to_owned()),
            password: flawed(&[Flaw::Shipped, Flaw::Short]),
            websocket: false,
            preprocessed: false,
            listening: Vec::new(),
            answers: Answers::Nobody,
        }),
        event_socket: Ok(EventSocketFacts {
            file: file("event_socket.conf.xml"),
            address: Some("127.0.0.1".to_owned()),
            port: Some(8021),
            acl: None,
            password: good("bb"),
            preprocessed: false,
            listening: vec!["127.0.0.1:8021".to_owned()],
        }),
        at_start: Ok(vec!["mod_sofia".to_owned()]),
        config_conf: Ok(ConfigConfFacts { file: file("config.conf"), host: None, port: None, password: good("bb") }),
        shipped_variables: Ok(Vec::new()),
        running: Ok(RunningFacts {
            version: "1.10.12-release".to_owned(),
            loaded: vec!["mod_event_socket".to_owned()],
        }),
        compared: false,
        tls: None,
    }
}

fn facts(change: impl FnOnce(&mut SwitchFacts)) -> Facts {
    let mut switch = in_order();
    change(&mut switch);
    let mut facts = facts_with(|survey| survey.switch = Ok(SwitchSide { kept: None, at_start: Some(false) }));
    facts.switch = Source::Known { at: NOW, value: switch };
    facts
}

fn answer(nth: usize, facts: &Facts) -> (Outcome, Severity, String) {
    let finding = CHECKS[nth].judge(facts).remove(0);
    (finding.outcome, finding.severity, finding.title)
}

fn outcome(nth: usize, change: impl FnOnce(&mut SwitchFacts)) -> Outcome {
    answer(nth, &facts(change)).0
}

/// XML RPC loaded, with this file.
fn loaded(change: impl FnOnce(&mut XmlRpcFacts)) -> (Outcome, Severity, String) {
    let facts = facts(|switch| {
        switch.running.as_mut().unwrap().loaded.push("mod_xml_rpc".to_owned());
        let own = switch.xml_rpc.as_mut().unwrap();
        (own.answers, own.listening) = (Answers::XmlRpc, vec!["0.0.0.0:8080".to_owned()]);
        own.password = good("cc");
        change(own);
    });
    answer(2, &facts)
}

#[test]
fn a_freeswitch_in_good_order_passes_everywhere() {
    for nth in 0..4 {
        let (outcome, _, title) = answer(nth, &facts(|_| {}));
        assert_eq!(outcome, Outcome::Pass, "{title}");
    }
}

#[test]
fn what_was_not_read_is_not_tested() {
    for nth in 0..4 {
        assert_eq!(answer(nth, &Facts::none(NOW)).0, Outcome::NotTested);
        let unread = |switch: &mut SwitchFacts| {
            switch.event_socket = Err("why".to_owned());
            switch.running = Err("why".to_owned());
        };
        assert_eq!(outcome(nth, unread), Outcome::NotTested);
    }
    assert_eq!(outcome(2, |switch| switch.at_start = Err("why".to_owned())), Outcome::NotTested);
}

#[test]
fn an_event_socket_that_others_reach_fails_unless_a_list_is_named() {
    let far = |switch: &mut SwitchFacts| {
        let socket = switch.event_socket.as_mut().unwrap();
        (socket.address, socket.listening) = (Some("::".to_owned()), vec!["[::]:8021".to_owned()]);
    };
    let listed = |switch: &mut SwitchFacts| {
        far(switch);
        switch.event_socket.as_mut().unwrap().acl = Some("loopback.auto".to_owned());
    };

    assert_eq!(outcome(0, far), Outcome::Fail);
    assert_eq!(outcome(0, listed), Outcome::Pass);
    assert_eq!(outcome(0, |switch| switch.event_socket.as_mut().unwrap().preprocessed = true), Outcome::NotTested);
}

#[test]
fn a_password_that_everybody_knows_or_that_differs_between_the_sides_fails() {
    let with = |flaws: &'static [Flaw]| {
        answer(1, &facts(|switch| switch.event_socket.as_mut().unwrap().password = flawed(flaws)))
    };

    assert_eq!(with(&[Flaw::Shipped]).1, Severity::Critical);
    assert_eq!(with(&[Flaw::Short]).1, Severity::High);
    assert_eq!(with(&[Flaw::SidesDiffer]).2, "FusionPBX holds another password of the event socket than FreeSWITCH");
    assert_eq!(with(&[Flaw::DependsOnVariable]).0, Outcome::NotTested);
    let conf =
        |switch: &mut SwitchFacts| switch.config_conf.as_mut().unwrap().password = flawed(&[Flaw::SidesDiffer]);
    assert_eq!(outcome(1, conf), Outcome::Fail);
    let mut older = facts(conf);
    let Source::Known { value, .. } = &mut older.fusionpbx else { panic!() };
    value.switch = Ok(SwitchSide { kept: Some(KeptSwitch::default()), at_start: None });
    assert_eq!(answer(1, &older).0, Outcome::Pass, "through 5.1 config.conf says nothing of it");
}

#[test]
fn xml_rpc_that_is_loaded_fails_by_what_is_wrong_with_it() {
    assert_eq!(loaded(|own| own.password = flawed(&[Flaw::Shipped])).1, Severity::Critical);
    assert!(loaded(|own| own.realm = None).2.contains("asks for no password"));
    assert!(loaded(|own| own.answers = Answers::OpenXmlRpc).2.contains("asks for no password"));
    assert!(loaded(|own| own.answers = Answers::SomebodyElse).2.contains("would end FreeSWITCH"));
    assert_eq!(loaded(|own| own.websocket = true).0, Outcome::Fail);
    assert_eq!(loaded(|own| own.preprocessed = true).0, Outcome::NotTested);
    // How far its port reaches is the firewall's to say.
    assert_eq!(loaded(|_| {}).0, Outcome::NotTested);
}

#[test]
fn xml_rpc_that_only_waits_for_the_next_start_is_judged_too() {
    let starts = |switch: &mut SwitchFacts| switch.at_start = Ok(vec!["mod_xml_rpc".to_owned()]);
    let strong = |switch: &mut SwitchFacts| {
        starts(switch);
        switch.xml_rpc.as_mut().unwrap().password = good("cc");
    };

    assert_eq!(outcome(2, starts), Outcome::Fail);
    assert_eq!(outcome(2, strong), Outcome::Pass);
    let mut listed = facts(|_| {});
    let Source::Known { value, .. } = &mut listed.fusionpbx else { panic!() };
    value.switch = Ok(SwitchSide { kept: None, at_start: Some(true) });
    assert_eq!(answer(2, &listed).0, Outcome::Fail, "FusionPBX would load it");
}

#[test]
fn other_modules_that_listen_fail_and_an_old_verto_most_of_all() {
    let with = |version: &'static str, module: &'static str| {
        let running = RunningFacts { version: version.to_owned(), loaded: vec![module.to_owned()] };
        answer(3, &facts(|switch| switch.running = Ok(running)))
    };

    assert_eq!(with("1.10.12-release", "mod_verto").1, Severity::Critical);
    assert_eq!(with("1.11.1-release", "mod_verto").1, Severity::High);
    assert_eq!(with("1.11.2-release", "mod_rtmp").0, Outcome::Fail);
    assert_eq!(with("nonsense", "mod_verto").1, Severity::Critical);
}
