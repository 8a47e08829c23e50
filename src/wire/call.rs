//! One frame to the agent: what is asked, what allows it, and where the console has written it down.

use serde::{Deserialize, Serialize};

use crate::base::ids::TrailId;
use crate::wire::grant::Grant;
use crate::wire::request::Request;

/// One call. The agent answers each with one [`Reply`](crate::wire::answer::Reply).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// What is asked.
    pub request: Request,
    /// What allows it, where something must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    /// The entry of the console's trail that it belongs to, so that both halves can be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<TrailId>,
}

impl Call {
    /// `request`, with nothing else.
    #[must_use]
    pub const fn bare(request: Request) -> Self {
        Self { request, grant: None, entry: None }
    }
}
