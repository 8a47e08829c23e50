//! Walls that cannot be judged yet: intrusion.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::WallHead;

/// The page at `/intrusion`.
#[derive(Clone, Debug, Template)]
#[template(path = "unbuilt.html")]
pub struct UnbuiltPage {
    /// The frame.
    pub frame: Frame,
    /// The verdict at the top: not tested.
    pub head: WallHead,
    /// What Rampart will judge here, a sentence each.
    pub will_judge: Vec<String>,
    /// What an operator can look at meanwhile.
    pub by_hand: Vec<ByHand>,
    /// The page of FusionPBX's documentation.
    pub reference: String,
}

/// Something to look at by hand.
#[derive(Clone, Debug)]
pub struct ByHand {
    /// What, and what a good answer looks like.
    pub words: String,
    /// The command to copy.
    pub commands: String,
}
