//! What every handler may reach.

use std::sync::Arc;

use axum::extract::FromRef;
use tokio::sync::watch;

use crate::audit::walls::Walls;
use crate::deeds::Deeds;
use crate::deeds::certificates::Issuing;
use crate::fusionpbx::FusionPbx;
use crate::policy::own_password::ContextWords;
use crate::web::door::Door;
use crate::web::edge::Edge;
use crate::web::limits::EventStreams;
use crate::web::origin::OwnNames;

/// What every handler may reach. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// Everything that changes anything.
    pub deeds: Deeds,
    /// FusionPBX's database, or why it was not found.
    pub fusionpbx: Result<FusionPbx, String>,
    /// The walls as last judged; filled in the background.
    pub walls: watch::Receiver<Arc<Walls>>,
    /// Asks the background for a fresh look.
    pub look_again: Arc<tokio::sync::Notify>,
    /// Asks the background for an audit of FusionPBX's credentials.
    pub credentials_wanted: Arc<tokio::sync::Notify>,
    /// Wakes the worker that takes up orders.
    pub orders_wanted: Arc<tokio::sync::Notify>,
    /// Everyone a certificate needs.
    pub issuing: Arc<Issuing>,
    /// Turns away sign-ins that come too fast.
    pub door: Arc<Door>,
    /// The event streams that are open.
    pub streams: EventStreams,
    /// What stands between browsers and the handlers.
    pub edge: Arc<Edge>,
    /// The names under which the console is reached.
    pub names: Arc<OwnNames>,
    /// Words that say nothing in a password on this server.
    pub context_words: Arc<ContextWords>,
    /// The name of the host that is judged.
    pub host: Arc<str>,
    /// Whether this is the demo's throwaway world.
    pub demo: bool,
    /// Ends open event streams when the console stops.
    pub stopping: watch::Receiver<bool>,
}

impl FromRef<AppState> for Deeds {
    fn from_ref(app: &AppState) -> Self {
        app.deeds.clone()
    }
}
