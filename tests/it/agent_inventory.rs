//! What the agent finds on a host: a real nginx's files and listener, a tool's directory, and its own certificates.

use rampart::app::demo::nginx::Nginx;
use rampart::wire::inventory::Tool;

use crate::agent_house::{RunningAgent, Scratch, settings};

#[tokio::test]
async fn files_listeners_and_tools_are_found_without_being_configured() {
    let house = Scratch::new();
    let (directory, root) = (house.path().join("nginx"), house.path().join("root"));
    std::fs::create_dir(&directory).unwrap();
    let nginx = Nginx::start(&directory, &house.path().join("place/nginx")).await.unwrap();
    let lineage = root.join("etc/dehydrated/certs/pbx.example.com");
    std::fs::create_dir_all(&lineage).unwrap();
    let made = rcgen::generate_simple_self_signed(["pbx.example.com".to_owned()]).unwrap();
    std::fs::write(lineage.join("fullchain.pem"), made.cert.pem()).unwrap();
    std::fs::write(lineage.join("privkey.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::create_dir_all(root.join("etc/cron.weekly")).unwrap();
    std::fs::write(root.join("etc/cron.weekly/letsencrypt"), "#!/bin/sh\nletsencrypt.sh\n").unwrap();
    let more = format!(
        "{}[inventory]\nroot = '{}'\n",
        nginx.agent_settings(&house.path().join("place/nginx")),
        root.display()
    );
    let running = RunningAgent::start(&settings(house.path(), &more)).await;

    let found = running.agent.inventory().await.unwrap();

    let listener = found.listeners.iter().find(|found| found.listener.ends_with(&format!(":{}", nginx.https_port)));
    let served = &listener.expect("nginx's own listener").served;
    let of_nginx =
        found.files.iter().find(|file| file.used_by.contains(&"nginx".to_owned())).expect("nginx's own file");
    let content = of_nginx.content.as_ref().unwrap();
    assert_eq!(content.fingerprint, served.fingerprint);
    assert!(of_nginx.key.as_ref().unwrap().fits);
    let tool = &found.tools[0];
    assert_eq!(
        (tool.tool, &tool.kept[..], tool.timers.len()),
        (Tool::Dehydrated, &["pbx.example.com".to_owned()][..], 1)
    );
    let of_tool = found.files.iter().find(|file| file.used_by.contains(&"dehydrated".to_owned())).unwrap();
    assert_eq!(of_tool.content.as_ref().unwrap().leaf.names, ["pbx.example.com"]);
    assert!(found.plain > 0 || !found.listeners.is_empty());
    running.stop().await;
}
