//! An order's story, streamed to the page while it happens.

use std::time::{Duration, Instant};

use rampart::base::ids::OrderId;
use rampart::base::names::CertificateName;
use rampart::store::orders::{OrderFailure, OrderRow};
use rampart::store::trail::{Act, Actor};
use rampart::wire::request::KeyKind;
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE};
use reqwest::{Method, Response, StatusCode};

use crate::support::app::TestApp;
use crate::support::browser::Browser;

/// How long the test waits for what should come at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// An order that somebody works on.
async fn running(app: &TestApp) -> OrderRow {
    let (store, now) = (&app.state.deeds.store, app.state.deeds.clock.now());
    let names = [CertificateName::parse("north.example.test").unwrap()];
    let certificate = store.certificate_for(&names, KeyKind::Rsa2048, 0, now).await.unwrap();
    let actor = Actor { name: "ann".to_owned(), address: None };
    let act = Act { act: "certificate.order", subject: "north.example.test", ..Act::default() };
    store.queue_order(certificate, &actor, act, now).await.unwrap();
    store.claim_order(now).await.unwrap().unwrap()
}

async fn step(app: &TestApp, order: OrderId, words: &str) {
    app.state.deeds.store.add_step(order, words, app.state.deeds.clock.now()).await.unwrap();
}

async fn fail(app: &TestApp, order: &OrderRow) {
    let failure =
        OrderFailure { place: "in DNS".to_owned(), words: "the zone is gone".to_owned(), paused_until: None };
    app.state.deeds.store.order_failed(order, &failure, app.state.deeds.clock.now()).await.unwrap();
}

/// A stream that is being heard.
struct Stream {
    response: Response,
    heard: String,
}

impl Stream {
    async fn open(browser: &Browser, order: OrderId) -> Self {
        let path = format!("/certificates/orders/{order}/events");
        let response = browser.open(browser.request(Method::GET, &path).build().unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream; charset=utf-8");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        Self { response, heard: String::new() }
    }

    /// Hears until `words` were said.
    async fn until(&mut self, words: &str) {
        let hear = async {
            while !self.heard.contains(words) {
                let Some(chunk) = self.response.chunk().await.unwrap() else { panic!("it ended: {}", self.heard) };
                self.heard.push_str(&String::from_utf8_lossy(&chunk));
            }
        };
        let heard = tokio::time::timeout(PATIENCE, hear).await;
        assert!(heard.is_ok(), "{words:?} was not said in: {}", self.heard);
    }

    /// Hears until the stream ends; answers how long that took.
    async fn hear_out(&mut self) -> Duration {
        let start = Instant::now();
        let hear = async {
            while let Some(chunk) = self.response.chunk().await.unwrap() {
                self.heard.push_str(&String::from_utf8_lossy(&chunk));
            }
        };
        tokio::time::timeout(PATIENCE, hear).await.unwrap();
        start.elapsed()
    }
}

#[tokio::test]
async fn the_story_is_told_as_it_happens_and_ends_with_the_order() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let order = running(&app).await;
    step(&app, order.id, "The account is opened").await;

    let mut stream = Stream::open(&operator, order.id).await;
    stream.until("The account is opened").await;
    step(&app, order.id, "The CA\r\nis asked\r\nevent: over").await;
    stream.until("is asked").await;
    assert!(!stream.heard.contains("\nevent: over"), "a step's words made an event: {}", stream.heard);
    fail(&app, &order).await;
    stream.hear_out().await;

    // Browsers drop an event whose data is empty.
    let last = stream.heard.trim_end().rsplit("\n\n").next().unwrap();
    assert_eq!(last, "event: over\ndata: over");
    let events = stream.heard.matches("event: step\n").count();
    assert_eq!(events, 4, "first step under way and done, second under way and failed: {}", stream.heard);
}

#[tokio::test]
async fn a_stream_ends_within_a_second_of_sign_out() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let order = running(&app).await;
    step(&app, order.id, "Waiting").await;
    let mut stream = Stream::open(&operator, order.id).await;
    stream.until("Waiting").await;

    operator.submit("/sign-out", &[]).await.assert_redirect("/sign-in");

    let taken = stream.hear_out().await;
    assert!(taken < Duration::from_secs(1), "{taken:?}");
    assert!(stream.heard.contains("event: over\ndata: over"));
}

#[tokio::test]
async fn a_stream_ends_when_the_console_stops() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let order = running(&app).await;
    let mut stream = Stream::open(&operator, order.id).await;

    app.stop();

    assert!(stream.hear_out().await < Duration::from_secs(1));
}

#[tokio::test]
async fn hearing_a_stream_is_no_activity() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let order = running(&app).await;
    let mut stream = Stream::open(&operator, order.id).await;
    step(&app, order.id, "Waiting").await;
    stream.until("Waiting").await;

    app.clock.advance(Duration::from_mins(15));

    stream.hear_out().await;
    operator.get("/").await.assert_redirect("/sign-in");
}

#[tokio::test]
async fn a_session_follows_two_orders_at_most_and_a_closed_page_makes_room() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let order = running(&app).await;
    let path = format!("/certificates/orders/{}/events", order.id);
    let first = Stream::open(&operator, order.id).await;
    let _second = Stream::open(&operator, order.id).await;

    let third = operator.get(&path).await;
    let other_session = Stream::open(&app.signed_in().await, order.id).await;
    drop((first, other_session));

    third.assert_says(StatusCode::TOO_MANY_REQUESTS, "This session follows two orders already");
    let start = Instant::now();
    loop {
        let response = operator.open(operator.request(Method::GET, &path).build().unwrap()).await;
        if response.status() == StatusCode::OK {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "no room was made");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn an_order_that_is_not_there_has_no_page_and_no_stream() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;

    for path in ["/certificates/orders/7", "/certificates/orders/7/events", "/api/orders/7"] {
        assert_eq!(operator.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let renew = operator.submit("/certificates/7/renew", &[]).await;
    renew.assert_says(StatusCode::NOT_FOUND, "This page is not here");
}

#[tokio::test]
async fn a_failed_order_says_where_in_whose_words_and_what_to_do() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let order = running(&app).await;
    step(&app, order.id, "The record is written").await;
    fail(&app, &order).await;

    let page = operator.get(&format!("/certificates/orders/{}", order.id)).await;

    page.assert_says(StatusCode::OK, "It failed in DNS");
    assert!(page.text("blockquote").contains("the zone is gone"));
    assert!(page.words().contains("Next: Look whether the name server is reachable"), "{}", page.words());
    assert!(!page.body.contains("data-events"), "an order that is over is not followed");
}
