//! Pages whose facts are not there: they say so, and nothing unknown looks good.

use std::time::Duration;

use rampart::host::Agent;
use reqwest::StatusCode;
use tokio::net::UnixListener;

use crate::agent_house::Scratch;
use crate::support::app::{Neighbours, TestApp};

const PAGES: [&str; 8] =
    ["/", "/passwords", "/firewall", "/certificates", "/upgrades", "/xml-rpc", "/intrusion", "/ssh"];

#[tokio::test]
async fn before_the_first_look_every_page_says_that_nobody_has_looked() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;

    for path in PAGES {
        let page = operator.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(page.text("main").contains("not tested") || path == "/certificates", "{path}: {}", page.words());
        assert!(page.text(".mark-pass").is_empty(), "{path}: {}", page.text(".mark-pass"));
    }
    for path in ["/ssh", "/upgrades"] {
        operator.get(path).await.assert_says(StatusCode::OK, "nobody has looked yet");
    }
    let walls = operator.json("/api/walls").await;
    for source in ["agent", "ssh", "packages", "kept", "served", "fusionpbx", "switch"] {
        assert_eq!(walls["sources"][source]["state"], "not-yet", "{source}");
    }
    assert!(walls["findings"].as_array().unwrap().iter().all(|finding| finding["result"] != "pass"));
}

#[tokio::test]
async fn what_could_not_be_read_says_why_and_is_never_a_pass() {
    let house = Scratch::new();
    let socket = house.path().join("silent.sock");
    let _silent = UnixListener::bind(&socket).unwrap();
    let hangs = Agent::at(socket).with_deadline(Duration::from_millis(200));
    let cases = [
        (Neighbours::default(), "the agent is not running or its socket cannot be reached"),
        (Neighbours { agent: Some(hangs), ..Neighbours::default() }, "the agent did not answer within"),
    ];
    for (neighbours, words) in cases {
        let app = TestApp::start(neighbours).await;
        let operator = app.operator().await;

        app.sweep.look(true).await;

        for path in ["/ssh", "/upgrades", "/xml-rpc", "/"] {
            operator.get(path).await.assert_says(StatusCode::OK, words);
        }
        operator.get("/passwords").await.assert_says(StatusCode::OK, "no FusionPBX was found");
        let walls = operator.json("/api/walls").await;
        for source in ["agent", "ssh", "packages", "kept", "fusionpbx", "switch"] {
            assert_eq!(walls["sources"][source]["state"], "unknown", "{source}");
        }
        let passes: Vec<_> =
            walls["findings"].as_array().unwrap().iter().filter(|finding| finding["result"] == "pass").collect();
        assert!(passes.is_empty(), "{passes:?}");
        assert!(
            walls["walls"].as_array().unwrap().iter().all(|wall| wall["verdict"] != "holds"),
            "{}",
            walls["walls"]
        );
    }
}

#[tokio::test]
async fn a_look_that_is_asked_for_is_passed_on() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;

    operator.submit("/look-again", &[]).await.assert_redirect("/");

    tokio::time::timeout(Duration::from_secs(5), app.state.look_again.notified()).await.unwrap();
    let page = operator.get("/").await;
    assert!(!page.text(".flash").is_empty(), "{}", page.words());
}

#[tokio::test]
async fn the_pages_that_are_not_built_yet_say_so_and_how_to_look_by_hand() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    app.sweep.look(true).await;

    for path in ["/intrusion"] {
        let page = operator.get(path).await;
        page.assert_says(StatusCode::OK, "not built yet");
        assert!(page.words().contains("not tested"), "{path}: {}", page.words());
        assert!(page.page().select(&scraper::Selector::parse("pre").unwrap()).count() > 1, "{path}");
    }
}
