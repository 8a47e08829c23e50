//! The page of the trail: what it shows, what it finds, and the file it hands out.

use std::time::Duration;

use rampart::base::role::Role;
use rampart::deeds::trail_check::FACT;
use rampart::jobs;
use rampart::store::trail::{Act, Actor};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use crate::agent_house::{RunningAgent, settings};
use crate::support::app::{Neighbours, TestApp};

/// ASVS 16.2.1, 16.2.2, 16.3.1.
#[tokio::test]
async fn an_entry_says_who_what_when_and_from_where_and_is_found_by_each() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let actor = Actor { name: "maria".to_owned(), address: Some("203.0.113.77".to_owned()) };
    let (before, after) = (Some("10"), Some("20"));
    let act = Act { act: "policy.change", subject: "extension.password_length", before, after, domain: None };
    app.state.deeds.refused(&actor, act, "outside the rules").await.unwrap();
    let when = rampart::base::clock::Clock::now(&*app.clock).minutes();

    let page = operator.get("/trail?find=203.0.113.77&act=policy.&outcome=refused").await;
    let elsewhere = operator.get("/trail?find=203.0.113.77&act=session.").await;
    let done = operator.get("/trail?find=203.0.113.77&outcome=done").await;
    let nonsense = operator.get("/trail?act=%27+OR+1%3D1&outcome=nonsense").await;

    let row = page.text("tbody tr");
    for words in
        [&when, "maria", "203.0.113.77", "extension.password_length", "10", "20", "refused: outside the rules"]
    {
        assert!(row.contains(words), "{words}: {row}");
    }
    assert!(elsewhere.words().contains("No entry to show"));
    assert!(done.words().contains("No entry to show"));
    assert_eq!(nonsense.status, StatusCode::OK);
    assert!(nonsense.text("tbody tr").contains("maria"), "an unknown filter is none");
}

/// ASVS 16.4.1.
#[tokio::test]
async fn control_characters_and_marks_that_turn_text_are_shown_as_marks() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let actor = Actor { name: "a\u{202e}b\r\nc\u{1b}[2J".to_owned(), address: Some("1\u{200b}2".to_owned()) };
    let act = Act { act: "x.y", subject: "s\u{2066}", before: Some("b\u{85}"), after: Some("a\u{7f}"), domain: None };
    app.state.deeds.refused(&actor, act, "r\u{feff}").await.unwrap();

    let page = operator.get("/trail").await;

    let row = page.text("tbody tr:first-child");
    for words in
        ["a\\u{202e}b\\u{d}\\u{a}c\\u{1b}[2J", "1\\u{200b}2", "s\\u{2066}", "b\\u{85}", "a\\u{7f}", "r\\u{feff}"]
    {
        assert!(row.contains(words), "{words}: {row}");
    }
    let raw =
        |letter: char| letter.is_control() && letter != '\n' || "\u{202e}\u{200b}\u{2066}\u{feff}".contains(letter);
    assert_eq!(page.body.chars().find(|letter| raw(*letter)), None);
}

#[tokio::test]
async fn pages_of_the_trail_keep_the_search() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    for nth in 0..60 {
        let act = Act { act: "policy.change", subject: "a & b", ..Act::default() };
        let reason = format!("no {nth}");
        app.state.deeds.refused(&Actor::rampart(), act, &reason).await.unwrap();
    }

    let first = operator.get("/trail?find=a+%26&act=policy.&outcome=refused").await;
    let next = first.attribute("a[rel=next]", "href");
    let second = operator.get(&next).await;

    assert!(first.words().contains("50 entries shown"));
    assert!(second.words().contains("10 entries shown"), "{next}");
    assert_eq!(second.attribute("#search-find", "value"), "a &");
}

#[tokio::test]
async fn the_page_says_what_the_last_check_found_and_checks_nothing_itself() {
    let house = crate::agent_house::Scratch::new();
    let running = RunningAgent::start(&settings(house.path(), "")).await;
    let app = TestApp::start(Neighbours { agent: Some(running.agent.clone()), ..Neighbours::default() }).await;
    let operator = app.operator().await;
    let said = async || operator.get("/trail").await.text("header.head");

    let unchecked = said().await;
    app.state.deeds.note_trail(&running.agent).await.unwrap();
    jobs::trail::check(&app.state.deeds, &running.agent).await;
    let whole = said().await;
    let pool = app.own_tables().await;
    sqlx::raw_sql("DROP TRIGGER trail_keeps_records; UPDATE trail SET actor = 'bob' WHERE id = 2")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    let unaware = said().await;
    jobs::trail::check(&app.state.deeds, &running.agent).await;
    let broken = said().await;
    running.stop().await;
    app.state.deeds.store.keep_fact(FACT, "written by another version").await.unwrap();

    assert!(unchecked.contains("not checked yet") && unchecked.contains("4 records"), "{unchecked}");
    assert!(whole.contains("both halves whole when last checked"), "{whole}");
    assert!(unaware.contains("both halves whole"), "{unaware}");
    assert!(broken.contains("broken when last checked"), "{broken}");
    assert!(broken.contains("In the console's half: record 2 was changed"), "{broken}");
    assert!(said().await.contains("not checked yet"));
}

#[tokio::test]
async fn the_job_tells_the_agent_checks_both_halves_and_tells_it_once_more_at_the_end() {
    let house = crate::agent_house::Scratch::new();
    let running = RunningAgent::start(&settings(house.path(), "")).await;
    let app = TestApp::alone().await;
    app.operator().await;
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let deeds = app.state.deeds.clone();
    let job = tokio::spawn(jobs::trail::run(deeds.clone(), running.agent.clone(), None, stopping));

    let start = std::time::Instant::now();
    while deeds.store.kept_fact(FACT).await.unwrap().is_none() {
        assert!(start.elapsed() < Duration::from_secs(30), "nothing was checked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let first = deeds.store.agent_end().await.unwrap().unwrap();
    deeds.refused(&Actor::rampart(), Act { act: "a.b", subject: "c", ..Act::default() }, "no").await.unwrap();
    stop.send_replace(true);
    job.await.unwrap();

    let last = deeds.store.agent_end().await.unwrap().unwrap();
    assert!(last.tip.number > first.tip.number, "{first:?} {last:?}");
    let (_, end) = deeds.store.chain_ends().await.unwrap();
    let text = std::fs::read_to_string(house.path().join("place/journal.jsonl")).unwrap();
    assert!(text.contains(&end.hash.to_string()), "{text}");
}

#[tokio::test]
async fn whoever_sees_everything_may_download_all_records_and_a_tenant_may_not() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let tenant = app.signed_in_as(Role::Tenant).await;

    let file = operator.get("/trail/export").await;
    let refused = tenant.get("/trail/export").await;
    let page = tenant.get("/trail").await;

    assert_eq!(file.status, StatusCode::OK);
    assert_eq!(file.headers[CONTENT_TYPE], "application/jsonl; charset=utf-8");
    assert_eq!(file.headers[CONTENT_DISPOSITION], "attachment; filename=\"rampart-trail.jsonl\"");
    let lines: Vec<serde_json::Value> = file.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["number"], 1);
    assert_eq!(lines[0]["record"]["act"], "operator.add");
    assert_eq!(lines[1]["prev"], lines[0]["hash"]);
    assert!(!lines.iter().any(|line| line.to_string().contains("quiet stone wall")), "no secret is in it");
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(page.text("a[download]"), "");
    assert_eq!(operator.get("/trail").await.attribute("a[download]", "href"), "/trail/export");
}
