//! What the agent reads of FreeSWITCH, and what it does for accounts whose secret was changed; with a fake FreeSWITCH.

use std::os::unix::fs::symlink;

use rampart::host::AgentError;
use rampart::wire::answer::Refusal;
use rampart::wire::carried::Carried;
use rampart::wire::switch::{Answers, DatabaseSide, DirectoryUser, Flaw, MOST_USERS, Source};

use crate::agent_house::{RunningAgent, Scratch, journal, settings};
use crate::support::freeswitch::{FakeSwitch, Fault, text};

async fn agent(house: &Scratch, switch: &FakeSwitch) -> RunningAgent {
    RunningAgent::start(&settings(house.path(), &switch.settings())).await
}

fn user(text: &str) -> DirectoryUser {
    DirectoryUser::parse(text).unwrap()
}

fn edit(path: &std::path::Path, old: &str, new: &str) {
    let now = text(path);
    assert!(now.contains(old), "{old} is not in {now}");
    std::fs::write(path, now.replace(old, new)).unwrap();
}

#[tokio::test]
async fn a_freeswitch_as_it_is_shipped_is_described_without_one_secret() {
    let (house, switch) = (Scratch::new(), FakeSwitch::start());
    let running = agent(&house, &switch).await;

    let facts = running.agent.switch(None).await.unwrap();

    let xml_rpc = facts.xml_rpc.clone().unwrap();
    assert_eq!((xml_rpc.port, xml_rpc.realm.as_deref()), (Some(switch.xml_rpc), Some("freeswitch")));
    assert_eq!(xml_rpc.password.flaws, [Flaw::Shipped, Flaw::Short, Flaw::OneClass]);
    assert_eq!(xml_rpc.answers, Answers::XmlRpc);
    assert_eq!(xml_rpc.listening, [format!("127.0.0.1:{}", switch.xml_rpc)]);
    let event_socket = facts.event_socket.clone().unwrap();
    assert_eq!((event_socket.address.as_deref(), event_socket.acl), (Some("127.0.0.1"), None));
    assert_eq!(event_socket.password.flaws, [Flaw::Shipped, Flaw::Short]);
    assert_eq!(event_socket.listening.len(), 1);
    assert_eq!(facts.at_start.clone().unwrap(), ["mod_lua", "mod_xml_rpc"]);
    assert_eq!(facts.config_conf.clone().unwrap().password.flaws, [Flaw::Missing]);
    assert_eq!(facts.shipped_variables.clone().unwrap(), ["default_password"]);
    let program = facts.running.clone().unwrap();
    assert_eq!((program.version.as_str(), program.loaded.len()), ("1.11.2-release", 2));
    let said = serde_json::to_string(&facts).unwrap();
    for secret in ["works", "ClueCon", "1234\"", "db-secret"] {
        assert!(!said.contains(secret), "{secret}");
    }
    running.stop().await;
}

#[tokio::test]
async fn two_sides_are_compared_and_a_console_cannot_try_passwords_on_them() {
    let (house, switch) = (Scratch::new(), FakeSwitch::start());
    let conf = switch.beside("fusionpbx/config.conf");
    std::fs::write(&conf, text(&conf) + "switch.event_socket.password = other\n").unwrap();
    edit(&switch.file("xml_rpc.conf.xml"), "works", "db-secret");
    let running = agent(&house, &switch).await;
    let side = |text: &str| Some(Carried::new(text.to_owned()));
    let database = DatabaseSide { xml_rpc: side("db-secret"), event_socket: side("works") };

    let first = running.agent.switch(Some(database.clone())).await.unwrap();
    let second = running.agent.switch(Some(database)).await.unwrap();

    assert_eq!((first.compared, second.compared), (true, false));
    assert!(first.event_socket.unwrap().password.flaws.contains(&Flaw::SidesDiffer));
    let xml_rpc = first.xml_rpc.unwrap().password.flaws;
    assert!(xml_rpc.contains(&Flaw::EqualsDatabase) && !xml_rpc.contains(&Flaw::SidesDiffer), "{xml_rpc:?}");
    assert!(first.config_conf.unwrap().password.flaws.contains(&Flaw::SidesDiffer));
    assert!(!second.event_socket.unwrap().password.flaws.contains(&Flaw::SidesDiffer));
    running.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_says_why_and_never_passes_for_good() {
    let (house, switch) = (Scratch::new(), FakeSwitch::start());
    let file = switch.file("xml_rpc.conf.xml");
    edit(&file, "<param name=\"auth-realm\" value=\"freeswitch\"/>", "");
    std::fs::remove_file(switch.file("modules.conf.xml")).unwrap();
    symlink("/etc/shadow", switch.file("modules.conf.xml")).unwrap();
    edit(&switch.file("event_socket.conf.xml"), "<configuration", "<!DOCTYPE a [<!ENTITY b 'c'>]><configuration");
    switch.reload_xml_rpc();
    let running = agent(&house, &switch).await;

    let facts = running.agent.switch(None).await.unwrap();

    let xml_rpc = facts.xml_rpc.unwrap();
    assert_eq!((xml_rpc.realm, xml_rpc.answers), (None, Answers::OpenXmlRpc));
    assert!(facts.at_start.unwrap_err().contains("modules.conf.xml could not be read"));
    assert!(facts.event_socket.unwrap_err().contains("not the plain XML"));
    assert!(facts.running.is_err());
    running.stop().await;
}

#[tokio::test]
async fn an_event_socket_that_is_rude_silent_or_none_at_all_is_an_answer_in_words() {
    for (fault, words) in [
        (Fault::Rude, "does not let this host in"),
        (Fault::Babble, "does not speak as an event socket"),
        (Fault::Silent, "went silent"),
    ] {
        let (house, switch) = (Scratch::new(), FakeSwitch::start());
        switch.fault(fault);
        let running = agent(&house, &switch).await;

        let facts = running.agent.switch(None).await.unwrap();

        let reason = facts.running.unwrap_err();
        assert!(reason.contains(words), "{reason}");
        running.stop().await;
    }

    let (house, switch) = (Scratch::new(), FakeSwitch::start());
    edit(&switch.file("event_socket.conf.xml"), "ClueCon", "another");
    let running = agent(&house, &switch).await;
    let wrong = running.agent.switch(None).await.unwrap().running.unwrap_err();
    edit(&switch.file("event_socket.conf.xml"), "127.0.0.1", "192.0.2.7");
    let count = running.agent.switch_registrations(vec![user("1001@a.example.com")]).await;
    let abroad = running.agent.switch(None).await.unwrap().running.unwrap_err();
    assert!(matches!(count, Err(AgentError::Refused(Refusal::Unable { .. }))), "{count:?}");
    assert!(wrong.contains("runs with another one than its file says"), "{wrong}");
    assert!(abroad.contains("nothing on this host listens at 192.0.2.7"), "{abroad}");
    running.stop().await;
}

#[tokio::test]
async fn registered_devices_are_counted_with_who_shares_their_address() {
    let (house, switch) = (Scratch::new(), FakeSwitch::start());
    let row = |user: &str, ip: &str| {
        format!("{{\"reg_user\":\"{user}\",\"realm\":\"a.example.com\",\"network_ip\":\"{ip}\",\"expires\":\"1\"}}")
    };
    let rows = [
        row("1001", "203.0.113.5"),
        row("1001", "203.0.113.5"),
        row("1002", "203.0.113.5"),
        row("1002", "198.51.100.7"),
    ]
    .join(",");
    switch.set_registrations(&format!("{{\"row_count\":4,\"rows\":[{rows}]}}"));
    let running = agent(&house, &switch).await;

    let counted = running.agent.switch_registrations(vec![user("1001@a.example.com")]).await.unwrap();

    assert_eq!((counted.total, counted.asked, counted.cut), (4, 2, false));
    let office = Source { address: "203.0.113.5".parse().ok(), all: 3, asked: 2 };
    assert_eq!(counted.sources, [office]);
    running.stop().await;
}

#[tokio::test]
async fn cached_directory_entries_are_dropped_and_nothing_else_is() {
    let (house, switch) = (Scratch::new(), FakeSwitch::start());
    switch.pretend("mod_memcache", true);
    let host = nix::unistd::gethostname().unwrap().into_string().unwrap();
    let gone = ["directory.1001@a.example.com".to_owned(), format!("{host}.directory.1001@a.example.com")];
    let kept = ["directory.1002@a.example.com", "dialplan.a.example.com"];
    for name in gone.iter().map(String::as_str).chain(kept) {
        std::fs::write(switch.beside("cache").join(name), "x").unwrap();
    }
    let running = agent(&house, &switch).await;

    let flushed = running.agent.flush_directory(vec![user("1001@a.example.com")]).await.unwrap();

    assert_eq!((flushed.files, flushed.memcache, flushed.told), (2, true, 1));
    assert!(flushed.failed.is_empty(), "{flushed:?}");
    for name in gone {
        assert!(!switch.beside("cache").join(name).exists());
    }
    for name in kept {
        assert!(switch.beside("cache").join(name).exists());
    }
    let asked = switch.asked();
    assert!(asked.contains(&"memcache delete directory:1001@a.example.com".to_owned()));
    assert!(asked.contains(&"xml_flush_cache id 1001 a.example.com".to_owned()));
    let line = journal(house.path()).into_iter().rfind(|line| line["verb"] == "flush-directory").unwrap();
    assert_eq!(line["about"], "1 accounts: 1001@a.example.com");
    running.stop().await;
}

#[tokio::test]
async fn phones_are_told_once_in_five_minutes_and_two_hundred_at_a_time() {
    let (house, switch) = (Scratch::new(), FakeSwitch::start());
    let running = agent(&house, &switch).await;
    let both = vec![user("1001@a.example.com"), user("1002@a.example.com")];

    let first = running.agent.resync(both[..1].to_vec()).await.unwrap();
    let second = running.agent.resync(both.clone()).await.unwrap();
    let many = running.agent.resync(vec![both[0].clone(); MOST_USERS + 1]).await;

    assert_eq!(first.told, both[..1]);
    assert_eq!((second.told, second.too_soon), (both[1..].to_vec(), both[..1].to_vec()));
    assert!(matches!(many, Err(AgentError::Refused(Refusal::NotAllowed { .. }))), "{many:?}");
    let told: Vec<_> = switch.asked().into_iter().filter(|asked| asked.contains("check_sync")).collect();
    assert_eq!(
        told,
        [
            "sofia profile internal check_sync 1001@a.example.com",
            "sofia profile internal check_sync 1002@a.example.com"
        ]
    );
    running.stop().await;
}
