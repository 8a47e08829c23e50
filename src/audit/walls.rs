//! The walls as last judged: the facts, and the report that follows from them.

use crate::audit::facts::Facts;
use crate::audit::registry::{Report, judge};

/// The walls as last judged.
#[derive(Clone, Debug)]
pub struct Walls {
    /// What was read.
    pub facts: Facts,
    /// What follows from it.
    pub report: Report,
}

impl Walls {
    /// Judges `facts`.
    #[must_use]
    pub fn of(facts: Facts) -> Self {
        let report = judge(&facts);
        Self { facts, report }
    }
}
