//! What an operator holds: an authenticator with the seed, and the recovery codes on paper.

use std::path::Path;
use std::sync::Arc;

use rampart::agent::gate::invitation;
use rampart::base::clock::{Clock, SystemClock, Timestamp};
use rampart::base::encoding::from_base32;
use rampart::base::ids::CertificateId;
use rampart::base::names::{CertificateName, OperatorName};
use rampart::base::rng::{Random, SystemRandom};
use rampart::base::secret::Secret;
use rampart::host::Agent;
use rampart::wire::grant::{Consumer, SessionMark, StandingOrder};
use rampart::wire::request::Request;
use totp_rs::{Builder, Totp};

/// An authenticator, and what stands on paper beside it.
pub(crate) struct Authenticator {
    pub(crate) operator: OperatorName,
    totp: Totp,
    pub(crate) recovery: Vec<String>,
}

impl Authenticator {
    /// Whoever has the seed that the console shows in base32.
    pub(crate) fn of(operator: &str, seed: &str) -> Self {
        let totp = Builder::new().with_secret(from_base32(seed).unwrap()).build().unwrap();
        Self { operator: OperatorName::parse(operator).unwrap(), totp, recovery: Vec::new() }
    }

    /// Root prints a code in the agent's place, and the operator enrols with it.
    pub(crate) async fn enrol(agent: &Agent, place: &Path, operator: &str, clock: &dyn Clock) -> Self {
        let name = OperatorName::parse(operator).unwrap();
        let begun = agent.begin_enrolment(&name, invite(place, operator, clock)).await.unwrap();
        let mut own = Self::of(operator, begun.secret.expose());
        let codes = agent.finish_enrolment(&name, own.code(clock.now())).await.unwrap();
        own.recovery = codes.iter().map(|code| code.expose().clone()).collect();
        own
    }

    /// What it shows at `at`.
    pub(crate) fn code(&self, at: Timestamp) -> Secret<String> {
        Secret::new(self.totp.generate(u64::try_from(at.unix()).unwrap()).to_string())
    }

    /// A recovery code that was not used yet.
    pub(crate) fn spare(&mut self) -> Secret<String> {
        Secret::new(self.recovery.pop().unwrap())
    }
}

/// What `rampart-agent enrol` prints.
pub(crate) fn invite(place: &Path, operator: &str, clock: &dyn Clock) -> Secret<String> {
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let operator = OperatorName::parse(operator).unwrap();
    invitation::invite(place, &operator, clock.now(), &random).unwrap().0
}

/// The mark of a session called `name`.
pub(crate) fn session(name: &str) -> SessionMark {
    rampart::base::encoding::sha256_hex(name.as_bytes()).parse().unwrap()
}

/// A standing order for a certificate.
pub(crate) fn order(certificate: CertificateId, texts: &[&str]) -> StandingOrder {
    let names = texts.iter().map(|text| CertificateName::parse(text).unwrap()).collect();
    StandingOrder::Certificate { certificate, names, consumers: vec![Consumer::Nginx] }
}

/// An operator of the agent's, who is nobody else's business, lets it keep a certificate.
pub(crate) async fn allow(agent: &Agent, place: &Path, certificate: CertificateId, texts: &[&str]) {
    allow_for(agent, place, certificate, texts, Consumer::Nginx).await;
}

/// The same, for this consumer.
pub(crate) async fn allow_for(
    agent: &Agent,
    place: &Path,
    certificate: CertificateId,
    texts: &[&str],
    consumer: Consumer,
) {
    let mut operator = Authenticator::enrol(agent, place, "root-at-work", &SystemClock).await;
    let StandingOrder::Certificate { certificate, names, .. } = order(certificate, texts);
    let order = StandingOrder::Certificate { certificate, names, consumers: vec![consumer] };
    let what = Request::PlaceStandingOrder { order: order.clone() };
    let grant = agent.grant(&operator.operator.clone(), &session("one"), operator.spare(), what).await.unwrap();
    agent.with_grant(grant).place_standing_order(order).await.unwrap();
}
