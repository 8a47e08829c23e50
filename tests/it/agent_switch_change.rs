//! Changes of XML RPC and the event socket, with a fake FreeSWITCH that fails at each step in turn: afterwards everything is
//! as before, or everything is new, and FreeSWITCH never crashed (the fake's end would say so).

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rampart::app::demo::process::Start;
use rampart::host::{Agent, AgentError};
use rampart::wire::answer::Refusal;
use rampart::wire::carried::Carried;
use rampart::wire::switch::{FusionPbxSide, NewSecret, PlainWord, SwitchChange, SwitchChanged, XmlRpcChange};

use crate::agent_house::{RunningAgent, Scratch, journal, settings, wait_for};
use crate::support::freeswitch::{FakeSwitch, Fault, free_port, param, text};

const TYPED: &str = "Typed-Secret_1.~";

struct World {
    house: Scratch,
    switch: FakeSwitch,
}

impl World {
    /// `None`, and a line that says so, without root: the agent lets root change things without a grant, and these tests
    /// are of the changes. Grants have their own.
    fn new() -> Option<Self> {
        if nix::unistd::Uid::effective().is_root() {
            return Some(Self { house: Scratch::new(), switch: FakeSwitch::start() });
        }
        eprintln!("not tested: without root each change would need a grant");
        None
    }

    /// The console is somebody else than whoever runs the tests.
    fn settings(&self) -> String {
        settings(self.house.path(), &self.switch.settings()).replace("peer = 0\n", "peer = 65534\n")
    }

    async fn agent(&self) -> RunningAgent {
        RunningAgent::start(&self.settings()).await
    }

    async fn change(&self, change: SwitchChange) -> Result<SwitchChanged, AgentError> {
        let running = self.agent().await;
        let outcome = running.agent.change_switch(change).await;
        running.stop().await;
        outcome
    }

    /// Every file that a change could touch, with its bytes.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<PathBuf> = ["conf/autoload_configs", "fusionpbx"]
            .iter()
            .flat_map(|directory| std::fs::read_dir(self.switch.beside(directory)).unwrap())
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    }

    /// Nothing secret is kept once a change is over.
    fn nothing_is_kept(&self) {
        let kept = std::fs::read_dir(self.house.path().join("place/switch"));
        assert_eq!(kept.map_or(0, Iterator::count), 0, "the way back is still there");
    }

    fn http(&self, port: u16, user: &str, password: &str) -> Option<u16> {
        let _ = self;
        FakeSwitch::http(port, user, password)
    }
}

fn typed() -> NewSecret {
    NewSecret::Typed(Carried::new(TYPED.to_owned()))
}

fn everything(port: u16) -> SwitchChange {
    let word = |text| Some(PlainWord::parse(text).unwrap());
    SwitchChange::XmlRpc(XmlRpcChange {
        port: Some(port),
        realm: word("pbx one"),
        user: word("rampart"),
        password: Some(typed()),
    })
}

fn event_socket(fusionpbx: FusionPbxSide) -> SwitchChange {
    SwitchChange::EventSocket { password: typed(), fusionpbx }
}

fn refusal(outcome: Result<SwitchChanged, AgentError>) -> Refusal {
    match outcome {
        Err(AgentError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_new_password_is_made_said_once_and_proved_while_every_other_byte_stays() {
    let Some(world) = World::new() else { return };
    let file = world.switch.file("xml_rpc.conf.xml");
    let before = text(&file);
    let change = XmlRpcChange { password: Some(NewSecret::Made), ..XmlRpcChange::default() };

    let changed = world.change(SwitchChange::XmlRpc(change)).await.unwrap();

    let secret = changed.secret.unwrap();
    assert_eq!(secret.expose().len(), 32);
    assert_eq!(text(&file), before.replace("\"works\"", &format!("\"{}\"", secret.expose())));
    assert_eq!(world.http(world.switch.xml_rpc, "freeswitch", secret.expose()), Some(200));
    assert_eq!(world.http(world.switch.xml_rpc, "freeswitch", "works"), Some(401));
    world.nothing_is_kept();
    let told = std::fs::read_to_string(world.house.path().join("place/journal.jsonl")).unwrap();
    assert!(told.contains("XML RPC: a new password") && !told.contains(secret.expose().as_str()));
}

#[tokio::test]
async fn port_realm_user_and_password_change_together() {
    let Some(world) = World::new() else { return };
    let port = free_port();

    let changed = world.change(everything(port)).await.unwrap();

    assert_eq!(changed.secret, None, "what was typed is not said back");
    assert_eq!(world.http(port, "rampart", TYPED), Some(200));
    assert_eq!(world.http(world.switch.xml_rpc, "freeswitch", "works"), None);
    let again = refusal(world.change(everything(port)).await);
    assert!(matches!(again, Refusal::NotAllowed { .. }), "{again}");
}

#[tokio::test]
async fn whichever_step_fails_the_state_is_all_old() {
    for fault in [
        Fault::ReloadFails,
        Fault::ReloadIsIdle,
        Fault::UnloadFails,
        Fault::OpensAtReload,
        Fault::HoldsReload,
        Fault::LoadFails,
    ] {
        let Some(world) = World::new() else { return };
        world.switch.fault(fault);
        let (before, port) = (world.files(), free_port());

        let refused = refusal(world.change(everything(port)).await);

        // A module that FreeSWITCH cannot load any more stays away: that is said, and not called a success.
        let is_lost = fault == Fault::LoadFails;
        assert!(is_lost || matches!(refused, Refusal::RolledBack { .. }), "{fault:?}: {refused}");
        assert_eq!(world.files(), before, "{fault:?}");
        let expected = if is_lost { None } else { Some(200) };
        assert_eq!(world.http(world.switch.xml_rpc, "freeswitch", "works"), expected, "{fault:?}");
        assert_eq!(world.http(port, "rampart", TYPED), None, "{fault:?}");
        world.nothing_is_kept();
    }
}

#[tokio::test]
async fn a_reload_whose_answer_is_lost_counts_by_what_holds_afterwards() {
    let Some(world) = World::new() else { return };
    world.switch.fault(Fault::CutAtReload);
    let port = free_port();

    world.change(everything(port)).await.unwrap();

    assert_eq!(world.http(port, "rampart", TYPED), Some(200));
}

#[tokio::test]
async fn a_port_that_is_taken_is_refused_and_one_that_is_taken_at_the_last_moment_never_crashes_freeswitch() {
    let Some(world) = World::new() else { return };
    let before = world.files();
    let thief = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = refusal(world.change(everything(thief.local_addr().unwrap().port())).await);
    assert!(taken.to_string().contains("is taken by another program"), "{taken}");
    assert_eq!(world.http(world.switch.xml_rpc, "freeswitch", "works"), Some(200));

    world.switch.fault(Fault::PortIsTaken);
    let late = refusal(world.change(everything(free_port())).await);
    let after = refusal(world.change(SwitchChange::Unload).await);

    assert!(late.to_string().contains("planned restart"), "{late}");
    assert!(after.to_string().contains("planned restart"), "{after}");
    assert_eq!(world.files(), before);
    assert!(!world.switch.asked().contains(&"unload mod_xml_rpc".to_owned()));
    world.nothing_is_kept();
}

#[tokio::test]
async fn nothing_is_touched_where_the_outcome_could_not_be_proved() {
    let Some(world) = World::new() else { return };
    let (file, original) = (world.switch.file("xml_rpc.conf.xml"), world.files());
    let open = XmlRpcChange { port: Some(80), ..XmlRpcChange::default() };
    let refused = [
        refusal(world.change(SwitchChange::XmlRpc(open)).await),
        refusal(world.change(SwitchChange::XmlRpc(XmlRpcChange::default())).await),
    ];
    for weak in ["short", "works", "123456789012", "a secret with spaces", "$${variable}-x", "a\"b'c<d>&e12"] {
        let password = Some(NewSecret::Typed(Carried::new(weak.to_owned())));
        let change = SwitchChange::XmlRpc(XmlRpcChange { password, ..XmlRpcChange::default() });
        let refused = refusal(world.change(change).await);
        assert!(matches!(refused, Refusal::NotAllowed { .. }), "{weak}: {refused}");
    }
    assert!(refused.iter().all(|refused| matches!(refused, Refusal::NotAllowed { .. })), "{refused:?}");
    assert_eq!(world.files(), original);

    for (old, new) in [("works", "$${xml_rpc_password}"), ("</settings>", "</settings><X-PRE-PROCESS cmd=\"exec\"/>")]
    {
        let before = text(&file);
        std::fs::write(&file, before.replace(old, new)).unwrap();
        let refused = refusal(world.change(everything(free_port())).await);
        assert!(matches!(refused, Refusal::Unable { .. }), "{refused}");
        std::fs::write(&file, before).unwrap();
    }
    world.switch.fault(Fault::Silent);
    let silent = refusal(world.change(everything(free_port())).await);
    assert!(matches!(silent, Refusal::Unable { .. }), "{silent}");
    assert_eq!(world.files(), original);
    assert!(!world.switch.asked().iter().any(|asked| asked.starts_with("reload")));
}

#[tokio::test]
async fn where_freeswitch_is_down_or_the_module_is_not_loaded_the_file_alone_changes() {
    for is_down in [true, false] {
        let Some(world) = World::new() else { return };
        if is_down {
            world.switch.stop();
        } else {
            drop(world.switch.unload_xml_rpc());
        }

        let changed = world.change(everything(free_port())).await.unwrap();

        assert!(changed.notes[0].contains("takes effect when it is"), "{changed:?}");
        assert_eq!(param(&world.switch.file("xml_rpc.conf.xml"), "auth-pass").as_deref(), Some(TYPED));
    }
}

#[tokio::test]
async fn the_module_is_unloaded_only_while_it_listens_and_loaded_only_with_a_password_of_its_own() {
    let Some(world) = World::new() else { return };

    let unloaded = world.change(SwitchChange::Unload).await;
    let shipped = refusal(world.change(SwitchChange::Load).await);
    world.change(everything(world.switch.xml_rpc)).await.unwrap();
    let loaded = world.change(SwitchChange::Load).await;

    assert!(unloaded.is_ok(), "{unloaded:?}");
    assert!(shipped.to_string().contains("anybody could come in"), "{shipped}");
    assert!(loaded.is_ok(), "{loaded:?}");
    assert_eq!(world.http(world.switch.xml_rpc, "rampart", TYPED), Some(200));
}

#[tokio::test]
async fn at_the_start_it_is_loaded_or_not_as_its_line_says() {
    let Some(world) = World::new() else { return };
    let file = world.switch.file("modules.conf.xml");
    let before = text(&file);

    let off = world.change(SwitchChange::AtStart { is_loaded: false }).await.unwrap();
    let line = "<load module=\"mod_xml_rpc\"/>";
    assert_eq!(text(&file), before.replace(line, &format!("<!-- {line} -->")));
    world.change(SwitchChange::AtStart { is_loaded: true }).await.unwrap();
    let again = refusal(world.change(SwitchChange::AtStart { is_loaded: true }).await);

    assert!(off.notes[0].contains("v_modules"), "{off:?}");
    assert!(text(&file).contains(&format!("-->\n\t\t{line}")) || text(&file).contains(line));
    assert!(matches!(again, Refusal::NotAllowed { .. }), "{again}");
}

#[tokio::test]
async fn the_event_sockets_password_changes_on_both_sides() {
    let Some(world) = World::new() else { return };
    let conf = world.switch.beside("fusionpbx/config.conf");
    let (xml, before) = (world.switch.file("event_socket.conf.xml"), text(&conf));
    let old = text(&xml);

    let changed = world.change(event_socket(FusionPbxSide::ConfigConf)).await.unwrap();

    assert!(world.switch.takes(TYPED));
    assert_eq!(text(&xml), old.replace("ClueCon", TYPED));
    assert_eq!(text(&conf), format!("{before}switch.event_socket.password = {TYPED}\n"));
    assert_eq!(changed.secret, None);
    world.nothing_is_kept();

    let Some(world) = World::new() else { return };
    let changed = world.change(event_socket(FusionPbxSide::Database)).await.unwrap();
    assert!(world.switch.takes(TYPED));
    assert!(changed.notes[0].contains("v_settings"));
    assert!(!text(&world.switch.beside("fusionpbx/config.conf")).contains(TYPED));
}

#[tokio::test]
async fn whichever_step_of_the_event_socket_fails_both_sides_are_old() {
    for fault in [Fault::ReloadFails, Fault::ReloadIsIdle, Fault::UnloadFails, Fault::HoldsReload] {
        let Some(world) = World::new() else { return };
        world.switch.fault(fault);
        let before = world.files();

        let refused = refusal(world.change(event_socket(FusionPbxSide::ConfigConf)).await);

        assert!(matches!(refused, Refusal::RolledBack { .. }), "{fault:?}: {refused}");
        assert_eq!(world.files(), before, "{fault:?}");
        assert!(world.switch.takes("ClueCon"), "{fault:?}");
        world.nothing_is_kept();
    }
}

/// Kills a real agent right where it asks FreeSWITCH to reload, and starts another.
async fn killed_and_healed(change: SwitchChange, reload: &str, meddle: impl Fn(&World)) -> Option<World> {
    let world = World::new()?;
    world.switch.fault(Fault::HoldsReload);
    let before = world.files();
    let file = world.house.path().join("agent.toml");
    std::fs::write(&file, world.settings()).unwrap();
    let start = Start::program(env!("CARGO_BIN_EXE_rampart-agent"), world.house.path());
    let child = start.arg("serve").arg("--config").arg(&file).spawn().unwrap();
    let agent = Agent::at(world.house.path().join("agent.sock"));
    wait_for(&agent, || false).await;
    let asked = tokio::spawn(async move { agent.change_switch(change).await });
    while !world.switch.asked().iter().any(|asked| asked == reload) {
        assert!(!asked.is_finished(), "{:?}", asked.await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.signal(Signal::SIGKILL).unwrap();
    assert!(asked.await.unwrap().is_err());
    drop(child);
    assert!(world.house.path().join("place/switch/armed.json").exists());
    assert_ne!(world.files(), before);
    world.switch.heal();
    meddle(&world);

    world.agent().await.stop().await;

    assert_eq!(world.files(), before);
    world.nothing_is_kept();
    let healed = journal(world.house.path()).into_iter().find(|line| line["verb"] == "heal").unwrap();
    assert_eq!(healed["outcome"], "rolled-back", "{healed}");
    Some(world)
}

#[tokio::test]
async fn an_agent_that_is_killed_at_any_step_of_xml_rpc_heals_when_it_starts_again() {
    let unchanged = |_: &World| {};
    let reloaded = |world: &World| drop(world.switch.reload_xml_rpc());
    let not_written = |world: &World| {
        let former = world.house.path().join("place/switch/former-xml_rpc.conf.xml");
        std::fs::copy(former, world.switch.file("xml_rpc.conf.xml")).unwrap();
    };
    let steps: [&dyn Fn(&World); 3] = [&unchanged, &reloaded, &not_written];
    for meddle in steps {
        let Some(world) = killed_and_healed(everything(free_port()), "reload mod_xml_rpc", meddle).await else {
            return;
        };

        assert_eq!(world.http(world.switch.xml_rpc, "freeswitch", "works"), Some(200));
    }
}

#[tokio::test]
async fn an_agent_that_is_killed_at_any_step_of_the_event_socket_heals_when_it_starts_again() {
    let unchanged = |_: &World| {};
    let reloaded = |world: &World| world.switch.reload_event_socket();
    let half = |world: &World| {
        let former = world.house.path().join("place/switch/former-config.conf");
        std::fs::copy(former, world.switch.beside("fusionpbx/config.conf")).unwrap();
    };
    let steps: [&dyn Fn(&World); 3] = [&unchanged, &reloaded, &half];
    for meddle in steps {
        let change = event_socket(FusionPbxSide::ConfigConf);
        let Some(world) = killed_and_healed(change, "reload mod_event_socket", meddle).await else { return };

        assert!(world.switch.takes("ClueCon"));
    }
}

#[tokio::test]
async fn what_somebody_else_wrote_meanwhile_is_left_alone_and_said() {
    let Some(world) = World::new() else { return };
    world.switch.fault(Fault::HoldsReload);
    let running = world.agent().await;
    let file = world.switch.file("xml_rpc.conf.xml");
    let change = running.agent.change_switch(everything(free_port()));
    let own = async {
        let start = Instant::now();
        while !world.switch.asked().iter().any(|asked| asked == "reload mod_xml_rpc") {
            assert!(start.elapsed() < Duration::from_secs(20), "nobody reloads");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        std::fs::write(&file, "<configuration name=\"xml_rpc.conf\"/>").unwrap();
    };

    let (outcome, ()) = tokio::join!(change, own);

    let refused = refusal(outcome);
    assert!(refused.to_string().contains("somebody else changed"), "{refused}");
    assert_eq!(text(&file), "<configuration name=\"xml_rpc.conf\"/>");
    running.stop().await;
}
