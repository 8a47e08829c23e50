//! Holds the factors, the grants and the standing orders, and answers what concerns them: one at a time, and on the disk
//! before anybody is told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::agent::certificates::make::allowed;
use crate::agent::certificates::store::Store;
use crate::agent::gate::code::Seed;
use crate::agent::gate::factor::Factor;
use crate::agent::gate::grants::Grants;
use crate::agent::gate::{invitation, standing};
use crate::agent::place::{Place, PlaceError};
use crate::base::clock::Clock;
use crate::base::encoding::sha256_hex;
use crate::base::names::{Fqdn, OperatorName};
use crate::base::rng::Random;
use crate::wire::answer::{Answer, CodeGood, EnrolmentBegun, FactorFacts, PlacedOrder, Refusal};
use crate::wire::call::Call;
use crate::wire::carried::Carried;
use crate::wire::grant::{SessionMark, StandingOrder};
use crate::wire::request::{Needs, Request};

/// The directory of the factors, inside the place.
const ROOT: &str = "factors";

/// Who lets a call pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent) enum Leave {
    /// Nobody need: it changes nothing, or carries its own code.
    NotNeeded,
    /// Root, on this host.
    Root,
    /// A standing order.
    Standing,
    /// An operator, by a grant.
    Operator(OperatorName),
}

/// The one that holds them.
pub(in crate::agent) struct Gate {
    place: Arc<Place>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    host: String,
    /// Held while a factor is read, judged and written, so that a code works once however many bring it.
    grants: Mutex<Grants>,
}

impl Gate {
    /// The gate whose records lie in `place`. Authenticators show `host` beside the operator's name.
    ///
    /// # Errors
    /// The disk refused.
    pub(in crate::agent) fn new(
        place: Arc<Place>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        host: String,
    ) -> Result<Self, PlaceError> {
        for directory in [ROOT, invitation::ROOT, standing::ROOT] {
            place.create_directory(directory)?;
        }
        Ok(Self { place, clock, random, host, grants: Mutex::default() })
    }

    /// Whether the console may have `call` done.
    ///
    /// # Errors
    /// [`Refusal::GrantNeeded`], or the disk refused.
    pub(in crate::agent) fn pass(&self, call: &Call, store: Store<'_>) -> Result<Leave, Refusal> {
        let mut grants = self.lock();
        match call.request.needs() {
            Needs::Nothing | Needs::Note | Needs::OwnCode => return Ok(Leave::NotNeeded),
            Needs::StandingOrderOrGrant if standing::covers(&self.place, store, &call.request)? => {
                return Ok(Leave::Standing);
            }
            Needs::StandingOrderOrGrant | Needs::Grant => {}
        }
        grants.spend(call.grant.as_ref(), &call.request, self.clock.running()).map(Leave::Operator)
    }

    /// How an operator's factor stands.
    ///
    /// # Errors
    /// The disk refused, or holds something else.
    pub(in crate::agent) fn facts(&self, operator: &OperatorName) -> Result<FactorFacts, Refusal> {
        Ok(self.read(operator)?.facts())
    }

    /// Makes a new seed.
    ///
    /// # Errors
    /// The proof is neither an enrolment code of this operator's nor a code of the factor in force.
    pub(in crate::agent) fn begin(&self, operator: &OperatorName, proof: &Carried) -> Result<Answer, Refusal> {
        let _one = self.lock();
        let now = self.clock.now();
        let mut factor = self.read(operator)?;
        factor.may_try(now)?;
        let invited = invitation::open(&self.place, operator, proof, now)?.filter(|code| !factor.has_used(code));
        if invited.is_none() {
            let checked = match factor.check(proof, now) {
                Err(Refusal::NotEnrolled) => Err(factor.was_wrong(now)),
                checked => checked,
            };
            if let Err(refusal) = checked {
                // Of a name that has no factor nothing is kept: the console could invent names until the disk is full. An
                // enrolment code has 130 random bits, so that nobody need be slowed down at guessing one.
                if factor.facts().since.is_some() {
                    self.write(&factor)?;
                }
                return Err(refusal);
            }
        }
        let seed = Seed::new(self.random.as_ref());
        let (uri, secret) = seed
            .shown(operator, &self.host)
            .ok_or_else(|| Refusal::Unable { reason: "no seed could be made".to_owned() })?;
        factor.begin(seed, invited, now);
        self.write(&factor)?;
        Ok(Answer::EnrolmentBegun(EnrolmentBegun { uri, secret }))
    }

    /// Puts a new seed in force.
    ///
    /// # Errors
    /// The code is wrong, or nothing was begun.
    pub(in crate::agent) fn finish(&self, operator: &OperatorName, code: &Carried) -> Result<Answer, Refusal> {
        let _one = self.lock();
        let mut factor = self.read(operator)?;
        let finished = factor.finish(code, self.clock.now(), self.random.as_ref());
        self.write(&factor)?;
        let (codes, invitation) = finished?;
        if let Some(digest) = invitation {
            // The factor itself says that it was used; a file that stays is only untidy.
            drop(invitation::close(&self.place, &digest));
        }
        Ok(Answer::RecoveryCodes { codes })
    }

    /// New recovery codes.
    ///
    /// # Errors
    /// The code is wrong.
    pub(in crate::agent) fn renew_recovery(
        &self,
        operator: &OperatorName,
        code: &Carried,
    ) -> Result<Answer, Refusal> {
        let _one = self.lock();
        let mut factor = self.read(operator)?;
        let checked = factor.check(code, self.clock.now());
        let codes = if checked.is_ok() { factor.renew_recovery(self.random.as_ref()) } else { Vec::new() };
        self.write(&factor)?;
        checked.map(|_| Answer::RecoveryCodes { codes })
    }

    /// Uses a code up.
    ///
    /// # Errors
    /// The code is wrong.
    pub(in crate::agent) fn check(&self, operator: &OperatorName, code: &Carried) -> Result<Answer, Refusal> {
        let _one = self.lock();
        self.spend_code(operator, code).map(Answer::CodeGood)
    }

    /// Makes a grant for `what` from a fresh code.
    ///
    /// # Errors
    /// The code is wrong, or `what` needs no grant.
    pub(in crate::agent) fn grant(
        &self,
        operator: &OperatorName,
        session: &SessionMark,
        code: &Carried,
        what: &Request,
    ) -> Result<Answer, Refusal> {
        let mut grants = self.lock();
        if !matches!(what.needs(), Needs::Grant | Needs::StandingOrderOrGrant) {
            return Err(Refusal::NotAllowed { reason: format!("{} needs no grant", what.verb()) });
        }
        self.spend_code(operator, code)?;
        let token = grants.make(operator, session, what, self.clock.running(), self.random.as_ref())?;
        Ok(Answer::Granted { token })
    }

    /// Forgets a factor. There may be none.
    ///
    /// # Errors
    /// The disk refused.
    pub(in crate::agent) fn forget(&self, operator: &OperatorName) -> Result<Answer, Refusal> {
        let _one = self.lock();
        self.place.remove(&spot(operator))?;
        Ok(Answer::Done)
    }

    /// The standing orders.
    ///
    /// # Errors
    /// The disk refused.
    pub(in crate::agent) fn placed(&self) -> Result<Vec<PlacedOrder>, Refusal> {
        Ok(standing::placed(&self.place)?)
    }

    /// Keeps a standing order, inside the zones that root approved.
    ///
    /// # Errors
    /// A name is outside the zones, or the disk refused.
    pub(in crate::agent) fn place_order(
        &self,
        order: StandingOrder,
        zones: &[Fqdn],
        by: &Leave,
    ) -> Result<Answer, Refusal> {
        let StandingOrder::Certificate { certificate, names, .. } = &order;
        if certificate.0 < 1 {
            return Err(Refusal::NotAllowed { reason: format!("{certificate} is no certificate's number") });
        }
        allowed(names, zones)?;
        let by = match by {
            Leave::Operator(operator) => operator.to_string(),
            _ => "root".to_owned(),
        };
        standing::place_order(&self.place, order, by, self.clock.now())?;
        Ok(Answer::Done)
    }

    /// Ends a standing order.
    ///
    /// # Errors
    /// It does not stand, or the disk refused.
    pub(in crate::agent) fn end_order(&self, order: &StandingOrder) -> Result<Answer, Refusal> {
        if standing::end_order(&self.place, order)? {
            return Ok(Answer::Done);
        }
        Err(Refusal::Unable { reason: "there is no such standing order".to_owned() })
    }

    fn spend_code(&self, operator: &OperatorName, code: &Carried) -> Result<CodeGood, Refusal> {
        let mut factor = self.read(operator)?;
        let checked = factor.check(code, self.clock.now());
        if !matches!(checked, Err(Refusal::NotEnrolled | Refusal::TooManyCodes { .. })) {
            self.write(&factor)?;
        }
        checked
    }

    fn read(&self, operator: &OperatorName) -> Result<Factor, Refusal> {
        let spot = spot(operator);
        let Some(bytes) = self.place.read(&spot)? else { return Ok(Factor::none(operator.clone())) };
        let factor = serde_json::from_slice::<Factor>(&bytes).ok().filter(|factor| factor.operator() == operator);
        factor.ok_or_else(|| Refusal::Unable {
            reason: format!("{} holds no second factor", self.place.absolute(&spot).display()),
        })
    }

    fn write(&self, factor: &Factor) -> Result<(), Refusal> {
        Ok(self.place.write(&spot(factor.operator()), &serde_json::to_vec(factor).unwrap_or_default())?)
    }

    fn lock(&self) -> MutexGuard<'_, Grants> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name may hold letters that no file name should; its digest does not.
fn spot(operator: &OperatorName) -> String {
    format!("{ROOT}/{}.json", sha256_hex(operator.as_str().as_bytes()))
}
