//! One order, step by step.

use axum::extract::{Path, State};
use axum::response::Response;

use crate::base::chain::printable;
use crate::base::ids::OrderId;
use crate::base::role::Reach;
use crate::store::certificates::CertificateRow;
use crate::store::orders::{OrderFailure as Failure, OrderRow, OrderState, OrderStep};
use crate::web::auth::Visit;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::may::May;
use crate::web::pages::order::{OrderFailure, OrderPage, ProofRow, StepRow};
use crate::web::parts::{Link, Mark};
use crate::web::state::AppState;
use crate::web::{routes, view};

/// The page.
pub(crate) async fn get(
    State(app): State<AppState>,
    visit: Visit,
    Path(id): Path<OrderId>,
) -> Result<Response, PageError> {
    let store = &app.deeds.store;
    let order = store.order(&visit.reach, id).await?.ok_or(PageError::NotFound)?;
    let certificate = store.certificate(&visit.reach, order.certificate).await?.ok_or(PageError::NotFound)?;
    let steps = store.steps(&visit.reach, id, 0).await?;
    let (mark, state) = order_state(&order);
    draw(&OrderPage {
        frame: view::frame(&app, &visit, &format!("Order {id}: {state}"), "certificates").await?,
        id: id.to_string(),
        names: certificate.names.iter().map(ToString::to_string).collect(),
        mark,
        state: state.to_owned(),
        facts: facts(&order, &certificate, app.issuing.ca.directory_url()),
        steps: step_rows(&steps, order.state, &visit.reach),
        live: matches!(order.state, OrderState::Queued | OrderState::Running),
        failure: order.failure.as_ref().map(|failure| failure_view(failure, &certificate, &visit)),
        proofs: order.proofs.iter().map(|proof| proof_row(proof, order.served_serial.as_deref())).collect(),
    })
}

/// The mark and word for how an order stands.
pub(super) const fn order_state(order: &OrderRow) -> (Mark, &'static str) {
    match order.state {
        OrderState::Queued => (Mark::Busy, "waiting to be taken up"),
        OrderState::Running => (Mark::Busy, "under way"),
        OrderState::Done => (Mark::Pass, "served"),
        OrderState::Failed => (Mark::Fail, "failed"),
    }
}

fn facts(order: &OrderRow, certificate: &CertificateRow, directory: &str) -> Vec<(String, String)> {
    let mut facts = vec![
        ("Asked for by".to_owned(), printable(&order.asked_by)),
        ("Asked for".to_owned(), order.created.minutes()),
        ("Certificate authority".to_owned(), directory.to_owned()),
        ("Key".to_owned(), certificate.key.spoken().to_owned()),
    ];
    if let Some(ended) = order.ended {
        facts.push(("Ended".to_owned(), ended.minutes()));
    }
    if let Some(serial) = &order.served_serial {
        facts.push(("Served serial".to_owned(), printable(serial)));
    }
    facts
}

/// The story so far. Each line is over when the next one begins.
pub(super) fn step_rows(steps: &[OrderStep], state: OrderState, reach: &Reach) -> Vec<StepRow> {
    let last = steps.len().saturating_sub(1);
    let rows = steps.iter().enumerate().map(|(nth, step)| {
        let (mark, word) = match state {
            OrderState::Failed if nth == last => (Mark::Fail, "failed"),
            OrderState::Queued | OrderState::Running if nth == last => (Mark::Busy, "under way"),
            _ => (Mark::Pass, "done"),
        };
        StepRow {
            key: step.id.to_string(),
            title: printable(told(&step.words, reach)),
            mark,
            word: word.to_owned(),
            at: step.at.time_of_day(),
            words: String::new(),
        }
    });
    rows.collect()
}

/// Whether whoever reaches so far may read why something failed there. What the host itself says may name anyone's
/// files and domains.
pub(super) fn is_for(reach: &Reach, place: &str) -> bool {
    *reach == Reach::Everything || matches!(place, "at the CA" | "in DNS")
}

/// The words of a step; of a failure that is not for this reader only the place.
pub(super) fn told<'a>(words: &'a str, reach: &Reach) -> &'a str {
    match words.strip_prefix("Failed ").and_then(|rest| rest.split_once(':')) {
        Some((place, reason)) if !is_for(reach, place) => {
            words.strip_suffix(reason).unwrap_or(words).trim_end_matches(':')
        }
        _ => words,
    }
}

fn failure_view(failure: &Failure, certificate: &CertificateRow, visit: &Visit) -> OrderFailure {
    let next = match failure.place.as_str() {
        "in DNS" => {
            "Look whether the name server is reachable and takes updates for this zone with the configured key, then order again."
        }
        "on this host" => {
            "Look at the agent's log and at what nginx says, then order again. What was served before is still served."
        }
        "at the CA" => {
            "If the CA gave a reason, it stands above: mend that. If it gave none, look whether this host reaches it. Then order again."
        }
        _ => "The service's log has the cause. Order again when it is mended.",
    };
    let again = match (&certificate.in_force, certificate.next_attempt) {
        (Some(_), Some(at)) => format!("Rampart tries again by itself at {}.", at.minutes()),
        _ => String::new(),
    };
    OrderFailure {
        place: printable(&failure.place),
        their_words: if is_for(&visit.reach, &failure.place) { printable(&failure.words) } else { String::new() },
        next: next.to_owned(),
        again,
        retry: visit.may(May::RenewCertificate).then(|| routes::renew(certificate.id)),
        onward: Some(Link { href: routes::CERTIFICATES.to_owned(), words: "To the certificates".to_owned() }),
    }
}

fn proof_row(proof: &crate::wire::answer::Proof, served: Option<&str>) -> ProofRow {
    let is_new = served == Some(proof.serial.as_str());
    ProofRow {
        listener: proof.listener.clone(),
        name: proof.name.clone(),
        serial: proof.serial.clone(),
        mark: if is_new { Mark::Pass } else { Mark::Fail },
        words: if is_new { "the new serial" } else { "another serial" }.to_owned(),
    }
}
