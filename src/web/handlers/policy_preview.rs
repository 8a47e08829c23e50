//! The preview of a policy: as a page, as a part of Passwords, and as JSON for the script that asks while one types.
//! Nothing is read of FusionPBX and nothing is changed; the examples are kept nowhere.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::json;

use crate::audit::finding::Wall;
use crate::base::chain::printable;
use crate::base::rng::Random;
use crate::fusionpbx::PolicyReading;
use crate::policy::generator::Strength;
use crate::policy::preview::{BCRYPT_BYTES, Kind, LONGEST, Preview, Sketch, chance};
use crate::policy::{Shape, Value};
use crate::web::auth::Visit;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::pages::preview::{PreviewForm, PreviewPage, PreviewView, Tick};
use crate::web::parts::Choice;
use crate::web::state::AppState;
use crate::web::view;

/// What the address asks for. Every value is text: what is wrong with it is said, not refused.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PreviewAsk {
    kind: String,
    length: String,
    strength: String,
    least: String,
    number: String,
    lowercase: String,
    uppercase: String,
    special: String,
    complexity: String,
    #[serde(rename = "as")]
    format: String,
}

/// The rules of letters: the field's name and its label.
const RULES: [(&str, &str); 4] = [
    ("number", "needs a digit"),
    ("lowercase", "needs a lower case letter"),
    ("uppercase", "needs an upper case letter"),
    ("special", "needs a special character"),
];

/// The page, or with `as=json` what the script shows.
pub(crate) async fn get(
    State(app): State<AppState>,
    visit: Visit,
    Query(ask): Query<PreviewAsk>,
) -> Result<Response, PageError> {
    let result = ask.sketch().map(|sketch| result(sketch, app.deeds.random.as_ref()));
    let status = if result.is_ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    if ask.format == "json" {
        let body = match result {
            Ok(view) => json!({ "examples": view.examples, "facts": view.facts }),
            Err(fault) => json!({ "fault": fault }),
        };
        return Ok((status, Json(body)).into_response());
    }
    let frame = view::frame(&app, &visit, "Preview", Wall::Passwords.slug()).await?;
    let page = draw(&PreviewPage { frame, form: ask.form(), result })?;
    Ok((status, page).into_response())
}

impl PreviewAsk {
    /// What holds now in one category, and whether it is one that passwords are made or checked by.
    pub(super) fn of(category: &str, global: &[PolicyReading]) -> Option<Self> {
        let kind = match category {
            "extension" | "security" => "extension",
            "users" | "user" => "users",
            "voicemail" => "voicemail",
            _ => return None,
        };
        let value = |subcategory: &str| {
            let is_it = |reading: &&PolicyReading| {
                reading.key.category() == category && reading.key.subcategory() == subcategory
            };
            global.iter().find(is_it).and_then(PolicyReading::value).unwrap_or_default()
        };
        let flag = |name: &str| {
            let is_on = Shape::Flag.read(value(&format!("password_{name}"))) == Some(Value::Flag(true));
            if is_on { "on".to_owned() } else { String::new() }
        };
        Some(Self {
            kind: kind.to_owned(),
            length: short(value("password_length")),
            strength: short(value("password_strength")),
            least: short(value("password_min_length")),
            number: flag("number"),
            lowercase: flag("lowercase"),
            uppercase: flag("uppercase"),
            special: flag("special"),
            complexity: flag("complexity"),
            format: String::new(),
        })
    }

    fn kind(&self) -> Kind {
        match self.kind.as_str() {
            "voicemail" => Kind::Pin,
            "users" => Kind::User,
            _ => Kind::Extension,
        }
    }

    fn ticks(&self) -> [&str; 4] {
        [&self.number, &self.lowercase, &self.uppercase, &self.special]
    }

    /// # Errors
    /// Says what is wrong with what was asked.
    pub(super) fn sketch(&self) -> Result<Sketch, String> {
        let number = |text: &str, if_empty: u32| match text.trim() {
            "" => Some(if_empty),
            text => text.parse::<u32>().ok(),
        };
        let length = number(&self.length, 20).filter(|length| (1..=LONGEST).contains(length));
        Ok(Sketch {
            kind: self.kind(),
            length: length.ok_or_else(|| format!("The length is a whole number from 1 to {LONGEST}."))?,
            strength: number(&self.strength, 4)
                .and_then(Strength::of)
                .ok_or_else(|| "The strength is a number from 1 to 4.".to_owned())?,
            needed: self.ticks().map(|tick| !tick.is_empty()),
            complexity: !self.complexity.is_empty(),
            least: number(&self.least, 0).ok_or_else(|| "The least length is a whole number.".to_owned())?,
        })
    }

    pub(super) fn form(&self) -> PreviewForm {
        let kind = self.kind();
        let tick = |((name, label), on): (&(&str, &str), &str)| Tick {
            name: (*name).to_owned(),
            label: (*label).to_owned(),
            on: !on.is_empty(),
        };
        let ticks = match kind {
            Kind::Pin => vec![tick((&("complexity", "typed PINs are checked"), &self.complexity))],
            Kind::User | Kind::Extension => RULES.iter().zip(self.ticks()).map(tick).collect(),
        };
        let strength = if self.strength.is_empty() { "4" } else { self.strength.as_str() };
        let choice = |(value, label): (&str, &str)| Choice {
            value: value.to_owned(),
            label: label.to_owned(),
            chosen: value == strength,
        };
        let strengths = [("1", "digits"), ("2", "and lower case"), ("3", "and upper case"), ("4", "and !^$%*?.")];
        PreviewForm {
            kind: match kind {
                Kind::Extension => "extension",
                Kind::User => "users",
                Kind::Pin => "voicemail",
            }
            .to_owned(),
            title: match kind {
                Kind::Extension => "SIP passwords",
                Kind::User => "users\u{2019} passwords",
                Kind::Pin => "voicemail PINs",
            }
            .to_owned(),
            length: self.length.clone(),
            strengths: if kind == Kind::Pin { Vec::new() } else { strengths.map(choice).into() },
            ticks,
            least: (kind == Kind::Pin).then(|| self.least.clone()),
        }
    }
}

/// As much of a stored value as the field takes.
fn short(value: &str) -> String {
    printable(value).chars().take(9).collect()
}

/// What a policy yields, in words.
pub(super) fn result(sketch: Sketch, random: &dyn Random) -> PreviewView {
    let Preview { examples, letters, bits, over_sip, offline, refused, bytes } = sketch.preview(random);
    let mut facts = vec![
        ("Letters to draw from".to_owned(), letters.to_string()),
        ("Entropy".to_owned(), format!("{bits:.1} bits, where it is drawn at random")),
        ("Guessed over the network, 100 times a second".to_owned(), format!("{over_sip}, on average")),
        ("Guessed on a stolen copy, 10^10 times a second".to_owned(), format!("{offline}, on average")),
        ("A generated one breaks these rules".to_owned(), chance(refused)),
    ];
    if sketch.kind == Kind::User {
        let words = match bytes {
            long if long > BCRYPT_BYTES => {
                format!("{long}: bcrypt reads the first {BCRYPT_BYTES} and ignores the rest")
            }
            short => format!("{short}, of {BCRYPT_BYTES} that bcrypt reads"),
        };
        facts.push(("Bytes".to_owned(), words));
    }
    PreviewView { examples, facts }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_question_is_said() {
        let ask = |length: &str, strength: &str| PreviewAsk {
            length: length.to_owned(),
            strength: strength.to_owned(),
            ..PreviewAsk::default()
        };

        assert!(ask("20", "4").sketch().is_ok());
        assert!(ask("", "").sketch().is_ok());
        for (length, strength) in [("0", "4"), ("129", "4"), ("-1", "4"), ("1e9", "4"), ("20", "5"), ("20", "x")] {
            assert!(ask(length, strength).sketch().is_err(), "{length} {strength}");
        }
        assert!(PreviewAsk { least: "many".to_owned(), ..PreviewAsk::default() }.sketch().is_err());
    }
}
