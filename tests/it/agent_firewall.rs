//! What the agent reads of a real firewall.

use crate::agent_house::{RunningAgent, Scratch, settings};

#[tokio::test]
async fn every_backend_is_read_with_its_own_tools_and_nothing_is_made_by_reading() {
    if !nix::unistd::Uid::effective().is_root() || !std::fs::exists("/usr/sbin/nft").unwrap() {
        eprintln!("not tested: reading the firewall needs root and nft");
        return;
    }
    let house = Scratch::new();
    let tables = || std::fs::read_to_string("/proc/net/ip_tables_names").unwrap_or_default();
    let before = tables();
    let running = RunningAgent::start(&settings(house.path(), "[firewall]\nprograms = '/usr/sbin'\n")).await;
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();

    let saves = running.agent.firewall().await.unwrap();

    assert_eq!(saves.unread, []);
    let text = |name: &str| saves.files.iter().find(|file| file.name == name).map(|file| file.text.as_str());
    assert!(text("nft-ruleset.json").unwrap().contains("\"nftables\""));
    assert!(text("ip-addr.json").unwrap().contains("\"lo\""));
    assert!(text("sysctl.txt").unwrap().contains("net.ipv4.conf.all.rp_filter="));
    assert!(saves.listening.iter().any(|one| one.at == socket.local_addr().unwrap() && !one.udp));
    assert_eq!(tables(), before);
    running.stop().await;
}

#[tokio::test]
async fn tools_that_are_not_there_are_said_and_not_taken_for_an_empty_firewall() {
    let house = Scratch::new();
    let running = RunningAgent::start(&settings(house.path(), "")).await;

    let saves = running.agent.firewall().await.unwrap();

    assert!(saves.unread.iter().any(|unread| unread.name == "nft-ruleset.json"), "{:?}", saves.unread);
    running.stop().await;
}
