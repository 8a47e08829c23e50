//! Grants: each allows one request, word for word, once, in one session, for ten minutes at most. They live in memory
//! only: an agent that starts anew asks for a code anew.

use std::collections::HashMap;
use std::time::Duration;

use crate::base::encoding::sha256_hex;
use crate::base::names::OperatorName;
use crate::base::rng::{Random, token};
use crate::wire::answer::Refusal;
use crate::wire::carried::Carried;
use crate::wire::grant::{Grant, SessionMark};
use crate::wire::request::Request;

/// A grant is over this long after its code.
const LIFETIME: Duration = Duration::from_mins(10);

/// At most so many may be open at once.
const MOST: usize = 256;

/// The grants that are open, by the digest of their token.
#[derive(Default)]
pub(super) struct Grants(HashMap<String, Open>);

struct Open {
    operator: OperatorName,
    session: SessionMark,
    request: String,
    /// How long the clock had run: setting the clock neither ends nor prolongs a grant.
    made: Duration,
}

impl Grants {
    /// A grant for `what`. Its code was good just now.
    ///
    /// # Errors
    /// Too many are open.
    pub(super) fn make(
        &mut self,
        operator: &OperatorName,
        session: &SessionMark,
        what: &Request,
        running: Duration,
        random: &dyn Random,
    ) -> Result<Carried, Refusal> {
        self.0.retain(|_, open| open.is_fresh(running));
        if self.0.len() >= MOST {
            return Err(Refusal::Busy);
        }
        let token = token(random);
        let open =
            Open { operator: operator.clone(), session: session.clone(), request: what.digest(), made: running };
        self.0.insert(sha256_hex(token.expose().as_bytes()), open);
        Ok(Carried(token))
    }

    /// Uses `grant` up for `request`. One that was presented for anything else is used up too. Answers who allowed it.
    ///
    /// # Errors
    /// [`Refusal::GrantNeeded`] says what was wrong with it.
    pub(super) fn spend(
        &mut self,
        grant: Option<&Grant>,
        request: &Request,
        running: Duration,
    ) -> Result<OperatorName, Refusal> {
        let needed = |reason: &str| Refusal::GrantNeeded { reason: reason.to_owned() };
        let grant = grant.ok_or_else(|| needed("none was given"))?;
        let open = self.0.remove(&sha256_hex(grant.token.expose().as_bytes()));
        let open = open.ok_or_else(|| needed("it was used already, or never given"))?;
        if !open.is_fresh(running) {
            return Err(needed("it is older than 10 minutes"));
        }
        if open.session != grant.session {
            return Err(needed("it was given in another session"));
        }
        if open.operator != grant.operator {
            return Err(needed("it was given by somebody else"));
        }
        if open.request != request.digest() {
            return Err(needed("it was given for something else"));
        }
        Ok(open.operator)
    }
}

impl Open {
    fn is_fresh(&self, running: Duration) -> bool {
        running.saturating_sub(self.made) < LIFETIME
    }
}
