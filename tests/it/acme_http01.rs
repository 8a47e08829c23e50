//! HTTP-01: a file that the agent puts where nginx serves it, for a name that nobody can write DNS for.

use std::sync::Arc;

use rampart::acme::challenge::DnsError;
use rampart::acme::challenge::approved::{ApprovedZone, ApprovedZones};
use rampart::acme::challenge::front::HttpFront;
use rampart::acme::challenge::way::Way;
use rampart::acme::error::IssueError;
use rampart::acme::issue::{Parties, issue};
use rampart::app::demo::process::free_port;
use rampart::host::AgentError;
use rampart::wire::answer::Refusal;
use rampart::wire::proving::{HttpFile, HttpToken};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::acme_world::{World, ZONE, fqdn, wish};
use crate::agent_house::{RunningAgent, Scratch, settings};
use crate::dns_world::{authority, patience};

/// An agent that puts files into a directory of its own.
async fn agent(house: &Scratch) -> RunningAgent {
    let more =
        format!("[certificates]\nzones = ['{ZONE}']\n[http01]\ndirectory = '{}/http-01'\n", house.path().display());
    RunningAgent::start(&settings(house.path(), &more)).await
}

fn file(name: &str) -> HttpFile {
    HttpFile::new(fqdn(name), HttpToken::parse(&"t".repeat(43)).unwrap(), "d".repeat(43)).unwrap()
}

#[tokio::test]
async fn a_file_is_readable_by_all_and_gone_when_it_is_taken_away() {
    use std::os::unix::fs::PermissionsExt as _;
    let house = Scratch::new();
    let running = agent(&house).await;
    let path = house.path().join("http-01").join("t".repeat(43));

    running.agent.put_http_file(&file("a.tenant01.test")).await.unwrap();
    running.agent.put_http_file(&file("a.tenant01.test")).await.unwrap();

    assert_eq!(std::fs::read_to_string(&path).unwrap(), file("a.tenant01.test").content());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    for _ in 0..2 {
        running.agent.remove_http_file(file("a.tenant01.test").token()).await.unwrap();
        assert!(!path.exists());
    }
    assert_eq!(std::fs::read_dir(house.path().join("http-01")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_file_is_for_a_name_in_the_agents_zones_and_its_directory_is_nobody_elses() {
    use std::os::unix::fs::PermissionsExt as _;
    let house = Scratch::new();
    let running = agent(&house).await;

    let outside = running.agent.put_http_file(&file("a.example.org")).await.unwrap_err();
    assert!(matches!(outside, AgentError::Refused(Refusal::NotAllowed { .. })), "{outside:?}");
    let directory = house.path().join("http-01");
    std::fs::create_dir(&directory).unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o777)).unwrap();
    let open = running.agent.put_http_file(&file("a.tenant01.test")).await.unwrap_err();
    std::fs::remove_dir(&directory).unwrap();
    std::os::unix::fs::symlink(house.path(), &directory).unwrap();
    let link = running.agent.put_http_file(&file("a.tenant01.test")).await.unwrap_err();

    for error in [open, link] {
        assert!(matches!(error, AgentError::Refused(Refusal::Unable { .. })), "{error:?}");
    }
    assert!(!house.path().join("t".repeat(43)).exists());
}

/// Serves `directory` at `port` as the shipped nginx snippet does: the last part of the path, and nothing else.
async fn serve(directory: std::path::PathBuf, port: u16) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let length = stream.read(&mut head).await.unwrap_or_default();
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let name = head.split(' ').nth(1).and_then(|path| path.rsplit('/').next()).unwrap_or_default().to_owned();
            let answer = match std::fs::read_to_string(directory.join(name)) {
                Ok(text) => {
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len())
                }
                Err(_) => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
            };
            drop(stream.write_all(answer.as_bytes()).await);
        }
    });
}

fn by_http(world: &World, running: &RunningAgent, port: u16) -> (Parties, Arc<crate::acme_world::Memory>) {
    let (mut parties, journal, _) = world.parties();
    let zone = ApprovedZone { zone: fqdn(ZONE), way: Way::Http01, writer: None, primary: None };
    let front = HttpFront { agent: running.agent.clone(), at: ([127, 0, 0, 1], port).into() };
    parties.solver = Arc::new(ApprovedZones::new(vec![zone], authority(&world.bind), patience()).with_front(front));
    (parties, journal)
}

#[tokio::test]
async fn a_name_without_dns_access_gets_an_exact_certificate_and_no_wildcard() {
    let world = World::start().await;
    let records = crate::dns_world::Records::of(&world.bind);
    records.add(ZONE, "pbx.tenant01.test", dns_update::DnsRecord::A([127, 0, 0, 1].into())).await;
    let house = Scratch::new();
    let running = agent(&house).await;
    serve(house.path().join("http-01"), world.pebble.http_port).await;
    let account = world.account().await;
    let (parties, journal) = by_http(&world, &running, world.pebble.http_port);

    let issued = issue(&account, &wish(&["pbx.tenant01.test"]), &parties).await.unwrap();

    assert_eq!(issued.leaf.names, ["pbx.tenant01.test"]);
    assert_eq!(std::fs::read_dir(house.path().join("http-01")).unwrap().count(), 0);
    assert_eq!(journal.kept().records, []);
    let (parties, _) = by_http(&world, &running, world.pebble.http_port);
    let wildcard = issue(&account, &wish(&["*.tenant01.test"]), &parties).await.unwrap_err();
    assert!(matches!(wildcard, IssueError::Dns(DnsError::NoWildcard { .. })), "{wildcard:?}");
}

#[tokio::test]
async fn a_front_that_does_not_serve_the_file_is_seen_before_the_ca_looks() {
    let world = World::start().await;
    let house = Scratch::new();
    let running = agent(&house).await;
    let port = free_port().unwrap();
    serve(house.path().join("elsewhere"), port).await;
    let account = world.account().await;
    let (parties, journal) = by_http(&world, &running, port);

    let error = issue(&account, &wish(&["pbx.tenant01.test"]), &parties).await.unwrap_err();

    assert!(matches!(&error, IssueError::Dns(DnsError::NotServed { .. })), "{error:?}");
    assert!(journal.steps().iter().all(|step| !step.to_string().contains("The CA is checking")));
    assert_eq!(std::fs::read_dir(house.path().join("http-01")).unwrap().count(), 0);
}
