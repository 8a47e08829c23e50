//! Intrusion: not tested, because it is not built yet.

use axum::extract::State;
use axum::response::Response;

use crate::audit::finding::Wall;
use crate::web::auth::Visit;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::pages::unbuilt::{ByHand, UnbuiltPage};
use crate::web::state::AppState;
use crate::web::view;

/// Words and a command to copy.
type Look = (&'static str, &'static str);

struct Unbuilt {
    will_judge: &'static [&'static str],
    by_hand: &'static [Look],
}

const INTRUSION: Unbuilt = Unbuilt {
    will_judge: &[
        "Each fail2ban jail from log line to dropped packet, and the bans in force.",
        "Event guard's table beside the kernel's rules.",
    ],
    by_hand: &[
        ("The jails that run.", "fail2ban-client status"),
        ("Who is banned now.", "fail2ban-client banned"),
        ("Whether event guard runs.", "systemctl status event_guard"),
    ],
};

/// Intrusion's page.
pub(crate) async fn intrusion(State(app): State<AppState>, visit: Visit) -> Result<Response, PageError> {
    page(&app, &visit, Wall::Intrusion, &INTRUSION).await
}

async fn page(app: &AppState, visit: &Visit, wall: Wall, unbuilt: &Unbuilt) -> Result<Response, PageError> {
    let walls = app.walls.borrow().clone();
    let mut head = view::wall_head(&walls, wall, None, app.deeds.clock.now());
    "not built yet".clone_into(&mut head.age);
    draw(&UnbuiltPage {
        frame: view::frame(app, visit, wall.title(), wall.slug()).await?,
        head,
        will_judge: unbuilt.will_judge.iter().map(|&words| words.to_owned()).collect(),
        by_hand: unbuilt
            .by_hand
            .iter()
            .map(|&(words, commands)| ByHand { words: words.to_owned(), commands: commands.to_owned() })
            .collect(),
        reference: "https://docs.fusionpbx.com/en/latest/getting_started/security.html".to_owned(),
    })
}
