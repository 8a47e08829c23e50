//! Twenty renewals of each lifetime that is, or will be, under a moved clock: Pebble validates, the proxy signs anew with the
//! dates of that clock.

use std::sync::Arc;
use std::time::Duration;

use rampart::acme::ari::CertId;
use rampart::acme::issue::{Wish, issue};
use rampart::acme::renewal::{Attempts, Decision, Lifetime, decide};
use rampart::app::demo::pebble::PebbleOptions;
use rampart::base::clock::{Clock as _, ManualClock, SystemClock};
use rampart::tls::leaf::chain_from_pem;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData, SerialNumber};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::acme_ari::account_at;
use crate::acme_world::{World, wish};
use crate::support::ca_proxy::{CaProxy, Way};

const NAME: [&str; 1] = ["tenant01.test"];

/// 160 hours, 45, 47, 90, 100, 200 days.
const LIVES: [Duration; 6] = [
    Duration::from_hours(160),
    Duration::from_hours(45 * 24),
    Duration::from_hours(47 * 24),
    Duration::from_hours(90 * 24),
    Duration::from_hours(100 * 24),
    Duration::from_hours(200 * 24),
];

/// The key of a certificate that Pebble signed.
struct Theirs(Vec<u8>);

impl PublicKeyData for Theirs {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }
    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

/// A CA that signs with the dates of a clock that is moved.
struct Resigner {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    clock: Arc<ManualClock>,
    life: Duration,
}

impl Resigner {
    fn new(clock: Arc<ManualClock>, life: Duration) -> Self {
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.distinguished_name.push(DnType::CommonName, "moved clock");
        (root.not_before, root.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2200, 1, 1));
        let key = KeyPair::generate().unwrap();
        let pem = root.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(root, key), pem, clock, life }
    }

    fn sign_anew(&self, chain_pem: &str, serial: u64) -> String {
        let der = chain_from_pem(chain_pem).unwrap().remove(0);
        let (_, theirs) = X509Certificate::from_der(&der).unwrap();
        let key = Theirs(theirs.public_key().subject_public_key.data.to_vec());
        let mut leaf = CertificateParams::new(NAME.map(ToOwned::to_owned).to_vec()).unwrap();
        let at = |moment: i64| OffsetDateTime::from_unix_timestamp(moment).unwrap();
        let now = self.clock.now();
        (leaf.not_before, leaf.not_after) = (at(now.unix() - 60), at(now.plus(self.life).unix() - 60));
        leaf.serial_number = Some(SerialNumber::from(serial));
        leaf.use_authority_key_identifier_extension = true;
        format!("{}{}", leaf.signed_by(&key, &self.issuer).unwrap().pem(), self.pem)
    }
}

#[tokio::test]
async fn twenty_renewals_of_each_lifetime_never_lapse() {
    let world = World::with(PebbleOptions { retry_after: Duration::ZERO, ..PebbleOptions::default() }).await;
    for life in LIVES {
        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        let proxy = CaProxy::before(&world.pebble);
        let account = account_at(&proxy.ca).await;
        let resigner = Arc::new(Resigner::new(Arc::clone(&clock), life));
        proxy.rule(move |asked| match asked.what.as_str() {
            "POST /certZ" => {
                let resigner = Arc::clone(&resigner);
                Way::changed(move |answer| {
                    let serial = u64::from_le_bytes(answer.body[100..108].try_into().unwrap()) | 1;
                    let theirs = String::from_utf8(std::mem::take(&mut answer.body)).unwrap();
                    answer.body = resigner.sign_anew(&theirs, serial).into_bytes();
                })
            }
            // Pebble does not know what was signed anew, and need not.
            "POST /order-plz" if asked.payload["replaces"].is_string() => {
                Way::problem(404, "malformed", "no such certificate")
            }
            _ => Way::Through,
        });
        let mut replaces = None;
        let mut former: Option<Lifetime> = None;
        for renewal in 0..=20 {
            let (mut parties, ..) = world.parties();
            parties.clock = clock.clone();
            let issued = issue(&account, &Wish { replaces, ..wish(&NAME) }, &parties).await.unwrap();
            let now = clock.now();
            assert!(
                former.is_none_or(|former| now < former.not_after),
                "lapsed before renewal {renewal} of {life:?}"
            );
            let (not_before, not_after) = (issued.leaf.not_before, issued.leaf.not_after);
            assert_eq!(not_after.since(not_before), life);
            let lifetime = Lifetime { not_before, not_after, asked: None, is_void: false };
            let Decision::Wait { until } = decide(&lifetime, &Attempts::default(), 0, now) else {
                panic!("a new certificate of {life:?} is due at once")
            };
            clock.advance(until.since(now));
            let left = not_after.since(clock.now());
            assert!(left >= life / 3 && left <= life / 2 + Duration::from_mins(2), "{left:?} of {life:?} are left");
            assert!(matches!(decide(&lifetime, &Attempts::default(), 0, clock.now()), Decision::Renew { .. }));
            replaces = CertId::of_chain(&issued.chain_pem);
            assert!(replaces.is_some());
            former = Some(lifetime);
        }
    }
}
