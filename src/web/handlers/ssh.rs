//! SSH: sshd's effective settings, judged.

use axum::extract::State;
use axum::response::Response;

use crate::audit::finding::Wall;
use crate::base::chain::printable;
use crate::base::clock::Timestamp;
use crate::web::auth::Visit;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::pages::ssh::{SshContextView, SshFactsView, SshPage};
use crate::web::state::AppState;
use crate::web::view;
use crate::wire::answer::{SshContext, SshFacts};

/// The page.
pub(crate) async fn get(State(app): State<AppState>, visit: Visit) -> Result<Response, PageError> {
    let walls = app.walls.borrow().clone();
    let facts = &walls.facts.ssh;
    draw(&SshPage {
        frame: view::frame(&app, &visit, Wall::Ssh.title(), Wall::Ssh.slug()).await?,
        head: view::wall_head(&walls, Wall::Ssh, view::read_at(facts), app.deeds.clock.now()),
        findings: view::wall_findings(&walls, Wall::Ssh),
        facts: view::known(facts).map(|(facts, at)| facts_view(facts, at)),
    })
}

fn facts_view(facts: &SshFacts, at: Timestamp) -> SshFactsView {
    let everyone = facts.contexts.first();
    SshFactsView {
        version: printable(&facts.version),
        source: format!("sshd -T, read {}", at.minutes()),
        contexts: facts
            .contexts
            .iter()
            .enumerate()
            .map(|(nth, context)| context_view(context, nth, everyone))
            .collect(),
    }
}

/// For other visitors than everyone, only what differs is worth reading.
fn context_view(context: &SshContext, nth: usize, everyone: Option<&SshContext>) -> SshContextView {
    let common = everyone.filter(|_| nth > 0).map(|everyone| everyone.settings.as_slice()).unwrap_or_default();
    let settings: Vec<(String, String)> = context
        .settings
        .iter()
        .filter(|setting| !common.contains(setting))
        .map(|(key, value)| (printable(key), printable(value)))
        .collect();
    let words = match (nth, settings.len()) {
        (0, _) => String::new(),
        (_, 0) => "as for everyone".to_owned(),
        (_, 1) => "as for everyone, but for 1 setting".to_owned(),
        (_, count) => format!("as for everyone, but for {count} settings"),
    };
    SshContextView { visitor: printable(&context.visitor), words, open: nth > 0 && !settings.is_empty(), settings }
}
