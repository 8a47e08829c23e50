//! A policy looked at before anybody saves it: examples, how hard they are to guess, how often they break their own rules.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::Choice;

/// The page at `/passwords/preview`.
#[derive(Clone, Debug, Template)]
#[template(path = "preview.html")]
pub struct PreviewPage {
    /// The frame.
    pub frame: Frame,
    /// What was asked, to be asked again.
    pub form: PreviewForm,
    /// What it yields, or what is wrong with what was asked.
    pub result: Result<PreviewView, String>,
}

/// A search form that asks for a preview.
#[derive(Clone, Debug)]
pub struct PreviewForm {
    /// Field `kind`, and what the ids of the fields begin with: `extension`, `users`, `voicemail`.
    pub kind: String,
    /// `SIP passwords`.
    pub title: String,
    /// Field `length`, as it was typed.
    pub length: String,
    /// Field `strength`; empty where there is nothing to choose.
    pub strengths: Vec<Choice>,
    /// Fields that are ticked or not.
    pub ticks: Vec<Tick>,
    /// Field `least`: the least length of a typed one; `None` where FusionPBX has no such setting.
    pub least: Option<String>,
}

/// One box to tick.
#[derive(Clone, Debug)]
pub struct Tick {
    /// The field's name.
    pub name: String,
    /// What it is called.
    pub label: String,
    /// Whether it is ticked.
    pub on: bool,
}

/// What a policy yields.
#[derive(Clone, Debug)]
pub struct PreviewView {
    /// Passwords made for this one look.
    pub examples: Vec<String>,
    /// What is known of them: a heading and a sentence each.
    pub facts: Vec<(String, String)>,
}
