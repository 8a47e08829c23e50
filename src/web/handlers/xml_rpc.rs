//! XML RPC and the event socket: what is known of them, and the one form that changes them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::audit::finding::Wall;
use crate::audit::walls::Walls;
use crate::base::chain::{Chain, printable};
use crate::base::secret::Secret;
use crate::deeds::step_up::StepUpError;
use crate::deeds::switch::CopyOutcome;
use crate::store::trail::TrailQuery;
use crate::web::auth::Visit;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::handlers::step_up::{self, Pending, Typed};
use crate::web::handlers::{draw, xml_rpc_facts};
use crate::web::may::May;
use crate::web::pages::xml_rpc::{SwitchForms, XmlRpcDonePage, XmlRpcPage};
use crate::web::state::AppState;
use crate::web::{flash, routes, session, view};
use crate::wire::carried::Carried;
use crate::wire::switch::{FusionPbxSide, NewSecret, PlainWord, SwitchChange, SwitchChanged, XmlRpcChange};
use crate::wire::typed;

/// Entries of the history.
const HISTORY: u32 = 20;

/// What the forms send.
#[derive(Clone, Deserialize)]
pub(crate) struct ChangeForm {
    act: String,
    #[serde(default)]
    port: String,
    #[serde(default)]
    realm: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    typed: Option<Secret<String>>,
    #[serde(default)]
    code: Option<Secret<String>>,
}

impl ChangeForm {
    /// The new secret, if one is wanted: made by the agent, or typed; empty as long as it was only said that it will be.
    fn secret(&self) -> Option<NewSecret> {
        match self.password.as_str() {
            "made" => Some(NewSecret::Made),
            "typed" => {
                let typed = self.typed.as_ref().map(|typed| typed.expose().clone());
                Some(NewSecret::Typed(Carried::new(typed.unwrap_or_default())))
            }
            _ => None,
        }
    }
}

/// The page.
pub(crate) async fn get(State(app): State<AppState>, visit: Visit) -> Result<Response, PageError> {
    page(&app, &visit, None).await
}

/// Plans a change, and carries it out once the code is there.
pub(crate) async fn post(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(form): Guarded<ChangeForm>,
) -> Result<Response, PageError> {
    let change = match wanted(&app, &form).await {
        Ok(change) => change,
        Err(fault) => {
            let drawn = page(&app, &visit, Some((&form, fault))).await?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, drawn).into_response());
        }
    };
    if form.password == "typed" {
        // It is asked for beside the code, so that it never stands in a page that is sent back.
        let fault = form.typed.as_ref().map(|word| typed::fault(word.expose()));
        if fault != Some(None) {
            let mut pending = pending(&form, &change);
            pending.secret = fault.flatten().map_or(Typed::Secret, Typed::Again);
            return step_up::ask(&app, &visit, pending, &StepUpError::CodeNeeded).await;
        }
    }
    let brought = step_up::brought(&visit, form.code.as_ref())?;
    match app.deeds.change_switch(&app.issuing.agent, &app.fusionpbx, &visit.actor(), change.clone(), brought).await {
        Ok(outcome) => done(&app, &visit, &change, outcome).await,
        Err(StepUpError::Store(error)) => Err(error.into()),
        Err(error) => {
            // Whatever it was, the present state is worth a look.
            app.look_again.notify_one();
            step_up::ask(&app, &visit, pending(&form, &change), &error).await
        }
    }
}

/// The change that a form asks for: of XML RPC only what differs from what holds.
async fn wanted(app: &AppState, form: &ChangeForm) -> Result<SwitchChange, String> {
    Ok(match form.act.as_str() {
        "load" => SwitchChange::Load,
        "unload" => SwitchChange::Unload,
        "start-on" => SwitchChange::AtStart { is_loaded: true },
        "start-off" => SwitchChange::AtStart { is_loaded: false },
        "event-socket" => SwitchChange::EventSocket {
            password: form.secret().unwrap_or(NewSecret::Made),
            fusionpbx: side(app).await?,
        },
        "xml-rpc" => SwitchChange::XmlRpc(xml_rpc_change(&app.walls.borrow(), form)?),
        _ => return Err("that is none of the changes here".to_owned()),
    })
}

fn xml_rpc_change(walls: &Walls, form: &ChangeForm) -> Result<XmlRpcChange, String> {
    let held = view::known(&walls.facts.switch).ok().and_then(|(facts, _)| facts.xml_rpc.as_ref().ok());
    let port = match form.port.trim() {
        "" => None,
        text => {
            Some(text.parse::<u16>().ok().filter(|port| *port >= 1024).ok_or("Port: a number from 1024 to 65535")?)
        }
    };
    let word = |name: &str, text: &str| match text.trim() {
        "" => Ok(None),
        text => PlainWord::parse(text).map(Some).map_err(|error| format!("{name}: {error}")),
    };
    let (realm, user) = (word("Realm", &form.realm)?, word("User", &form.user)?);
    let differs = |word: &PlainWord, held: Option<&String>| held.is_none_or(|held| *held != word.to_string());
    let change = XmlRpcChange {
        port: port.filter(|port| held.and_then(|held| held.port) != Some(*port)),
        realm: realm.filter(|realm| differs(realm, held.and_then(|held| held.realm.as_ref()))),
        user: user.filter(|user| differs(user, held.and_then(|held| held.user.as_ref()))),
        password: form.secret(),
    };
    if change == XmlRpcChange::default() { Err("That is how it stands already".to_owned()) } else { Ok(change) }
}

/// Where FusionPBX keeps its copy of the event socket's password: its database says.
async fn side(app: &AppState) -> Result<FusionPbxSide, String> {
    let unknown = |reason: String| format!("FusionPBX's database says where FusionPBX keeps its copy, and {reason}");
    let database = app.fusionpbx.as_ref().map_err(|reason| unknown(reason.clone()))?;
    match database.keeps_switch_settings().await {
        Ok(true) => Ok(FusionPbxSide::Database),
        Ok(false) => Ok(FusionPbxSide::ConfigConf),
        Err(error) => Err(unknown(Chain(&error).to_string())),
    }
}

async fn done(
    app: &AppState,
    visit: &Visit,
    change: &SwitchChange,
    (changed, copy): (SwitchChanged, CopyOutcome),
) -> Result<Response, PageError> {
    session::renew(&visit.session).await?;
    app.look_again.notify_one();
    let SwitchChanged { secret, mut notes, restart } = changed;
    let is_stale = matches!(copy, CopyOutcome::Stale(_));
    match copy {
        CopyOutcome::NotKept => {}
        CopyOutcome::Written => notes.push("FusionPBX's own copy in its database says the same now.".to_owned()),
        CopyOutcome::Stale(reason) => {
            notes.push(format!("FusionPBX's own copy in its database still has the former values: {reason}."));
        }
    }
    if secret.is_none() && notes.is_empty() && restart.is_empty() {
        return flash::done(&visit.session, format!("Done and proved: {change}"), routes::XML_RPC).await;
    }
    let csrf = session::csrf(&visit.session).await?;
    let visit = Visit { csrf, ..visit.clone() };
    let mut commands: Vec<String> = restart.iter().map(|service| format!("systemctl restart {service}")).collect();
    match change {
        SwitchChange::EventSocket { fusionpbx: FusionPbxSide::Database, .. } if is_stale => {
            commands.push("UPDATE v_settings SET event_socket_password = 'the password above';".to_owned());
        }
        SwitchChange::XmlRpc(_) if is_stale => {
            commands.push(
                "UPDATE v_settings SET xml_rpc_auth_pass = 'the password above'; -- and what else was changed"
                    .to_owned(),
            );
        }
        SwitchChange::AtStart { is_loaded } if is_stale => commands.push(xml_rpc_facts::modules_sql(*is_loaded)),
        _ => {}
    }
    draw(&XmlRpcDonePage {
        frame: view::frame(app, &visit, "Done", Wall::XmlRpc.slug()).await?,
        done: printable(&change.to_string()),
        secret: secret.map(|secret| secret.expose().clone()),
        notes: notes.iter().map(|note| printable(note)).collect(),
        commands: commands.join("\n"),
    })
}

fn pending(form: &ChangeForm, change: &SwitchChange) -> Pending<'static> {
    let mut plan = vec![format!("Wanted: {change}.")];
    let steps: &[&str] = match change {
        SwitchChange::XmlRpc(_) => &[
            "xml_rpc.conf.xml is kept as it is now, and then replaced; every byte outside the changed values stays.",
            "If the module is loaded: it must listen now, and a new port must be free; else nothing is touched.",
            "mod_xml_rpc is reloaded. The new values must be served and the old ones refused; else the old file returns.",
        ],
        SwitchChange::EventSocket { .. } => &[
            "event_socket.conf.xml and FusionPBX's own copy are kept as they are now, and then changed together.",
            "mod_event_socket is reloaded: every program that is signed in there is cut off for a moment.",
            "The new password must be taken and the old one refused; else both files return.",
            "Through FusionPBX 5.1 its copy is in v_settings: it is written right after, if nobody changed it meanwhile.",
        ],
        SwitchChange::Load => {
            &["Its port must be free, and its file must ask for a password of its own; then it is loaded."]
        }
        SwitchChange::Unload => &["It must listen now: FreeSWITCH would end if it did not. Then it is unloaded."],
        SwitchChange::AtStart { .. } => &[
            "modules.conf.xml is changed in that one line, and FusionPBX's own list (v_modules) after it. What is loaded now stays.",
        ],
        SwitchChange::RestartProfiles { .. } => &[
            "all.pem must be fit to start with, else nothing is restarted: a profile that cannot read it stops altogether.",
            "Each profile ends and begins again: every call on it ends, and every phone on it registers anew.",
            "Each of its TLS listeners must then serve all.pem's certificate; else the former file returns, if it is kept.",
        ],
    };
    plan.extend(steps.iter().map(|&step| step.to_owned()));
    let fields = [("act", &form.act), ("port", &form.port), ("realm", &form.realm), ("user", &form.user)];
    let password = ("password", form.password.clone());
    Pending {
        title: "Change FreeSWITCH".to_owned(),
        plan,
        action: routes::XML_RPC.to_owned(),
        fields: fields.map(|(name, value)| (name, value.clone())).into_iter().chain([password]).collect(),
        button: "Change it now".to_owned(),
        secret: if form.password == "typed" { Typed::Secret } else { Typed::Nothing },
        back: (routes::XML_RPC, Wall::XmlRpc.slug()),
    }
}

async fn page(app: &AppState, visit: &Visit, typed: Option<(&ChangeForm, String)>) -> Result<Response, PageError> {
    let walls = app.walls.borrow().clone();
    let history = TrailQuery { act_prefix: "switch.".to_owned(), limit: HISTORY, ..TrailQuery::default() };
    let history = app.deeds.store.entries(&visit.reach, &history).await?;
    let facts = &walls.facts.switch;
    let may_change = visit.may(May::ChangeSwitch);
    let forms = view::known(facts).ok().filter(|_| may_change).map(|(facts, _)| {
        let mut forms = xml_rpc_facts::forms(facts);
        if let Some((form, fault)) = typed {
            let (port, realm, user) = (form.port.clone(), form.realm.clone(), form.user.clone());
            forms = SwitchForms { port, realm, user, fault: Some(printable(&fault)), ..forms };
        }
        forms
    });
    draw(&XmlRpcPage {
        frame: view::frame(app, visit, Wall::XmlRpc.title(), Wall::XmlRpc.slug()).await?,
        head: view::wall_head(&walls, Wall::XmlRpc, view::read_at(facts), app.deeds.clock.now()),
        findings: view::wall_findings(&walls, Wall::XmlRpc),
        facts: view::known(facts).map(|(facts, at)| xml_rpc_facts::view(facts, &walls, at)),
        forms,
        history: history.iter().map(|entry| view::trail_row(entry, visit)).collect(),
    })
}
