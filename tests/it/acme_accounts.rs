//! Accounts at a CA: bound, renamed, rekeyed, ended; other chains; revocation.

use std::sync::Arc;

use rampart::acme::account::{self, AccountError, Reason};
use rampart::acme::ari::{self, CertId};
use rampart::acme::chain;
use rampart::acme::directory::Reader;
use rampart::acme::error::{CaError, IssueError};
use rampart::acme::http::HttpDeadlines;
use rampart::acme::issue::{Wish, issue};
use rampart::acme::jws::Binding;
use rampart::acme::step::Step;
use rampart::app::build;
use rampart::app::demo::pebble::PebbleOptions;
use rampart::base::clock::{Clock as _, SystemClock};
use rampart::base::rng::SystemRandom;
use rampart::base::secret::Secret;
use rampart::deeds::ca_accounts::{AccountChange, CaAccountError, NewCaAccount};
use rampart::deeds::certificates::Issuing;
use rampart::store::trail::Actor;
use rampart::tls::leaf::chain_from_pem;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::acme_world::{World, wish};
use crate::support::app::TestApp;
use crate::support::ca_proxy::{CaProxy, Way};

const NAME: [&str; 1] = ["tenant01.test"];

/// 48 bytes in base64url.
const BINDING: (&str, &str) = ("kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W");

fn with() -> (HttpDeadlines, Arc<SystemClock>) {
    (HttpDeadlines::default(), Arc::new(SystemClock))
}

fn ann() -> Actor {
    Actor { name: "ann".to_owned(), address: None }
}

#[tokio::test]
async fn an_account_gets_another_key_and_stays_the_same_account() {
    let world = World::start().await;
    let (old, new) = (account::new_key().unwrap(), account::new_key().unwrap());
    let made = account::create(&world.ca, &old, &[], with().0, with().1).await.unwrap();

    let change = async || {
        let (deadlines, clock) = with();
        account::change_key(&world.ca, &made.url, (&old, &new), (deadlines, clock)).await.unwrap()
    };
    let credentials = change().await;
    let again = change().await;

    assert_eq!(credentials.expose(), again.expose(), "asked again after the answer was lost, it finds what was done");
    let opened = account::open(&world.ca, &credentials, with().0, with().1).await.unwrap();
    assert_eq!(opened.url(), made.url);
    issue(&opened, &wish(&NAME), &world.parties().0).await.unwrap();
    let former = account::open(&world.ca, &made.credentials, with().0, with().1).await.unwrap();
    let refused = issue(&former, &wish(&NAME), &world.parties().0).await;
    assert!(matches!(refused, Err(IssueError::Ca(CaError::Refused { .. }))), "{refused:?}");
}

#[tokio::test]
async fn an_account_is_bound_where_the_ca_wants_it_and_made_once() {
    let world = World::with(PebbleOptions { binding: Some(BINDING), ..PebbleOptions::default() }).await;
    let key = account::new_key().unwrap();
    let binding = Binding { kid: BINDING.0.to_owned(), key: Secret::new(BINDING.1.to_owned()) };
    let reader = Reader::new(&world.ca, with().0, with().1).unwrap();

    let unbound = account::create(&world.ca, &key, &[], with().0, with().1).await;
    let contact = ["ops@example.com".to_owned()];
    let bind = async || {
        let (deadlines, clock) = with();
        account::create_bound(&world.ca, &key, &contact, &binding, (deadlines, clock)).await.unwrap()
    };
    let (made, again) = (bind().await, bind().await);

    assert!(reader.directory().await.unwrap().needs_binding);
    assert!(matches!(unbound, Err(AccountError::Ca(CaError::Refused { .. }))), "{unbound:?}");
    assert_eq!(made.url, again.url);
    assert!(!format!("{made:?} {binding:?}").contains(BINDING.1));
    let opened = account::open(&world.ca, &made.credentials, with().0, with().1).await.unwrap();
    issue(&opened, &wish(&NAME), &world.parties().0).await.unwrap();
}

#[tokio::test]
async fn an_ended_account_gets_nothing_more() {
    let world = World::start().await;
    let account = world.account().await;
    account.change_contacts(&["other@example.com".to_owned()]).await.unwrap();
    assert!(matches!(account.change_contacts(&["nobody".to_owned()]).await, Err(AccountError::Contact(_))));

    account.deactivate().await.unwrap();

    let refused = issue(&account, &wish(&NAME), &world.parties().0).await;
    assert!(matches!(refused, Err(IssueError::Ca(CaError::Refused { .. }))), "{refused:?}");
    assert!(account.deactivate().await.is_err(), "the CA's no is heard");
}

#[tokio::test]
async fn another_chain_is_taken_where_it_leads_to_the_wanted_root() {
    let world = World::with(PebbleOptions { alternate_roots: 2, ..PebbleOptions::default() }).await;
    let account = world.account().await;
    let pem = world.pebble.other_root(1).await.unwrap();
    let der = chain_from_pem(&pem).unwrap().remove(0);
    let (_, root) = X509Certificate::from_der(&der).unwrap();
    let root = root.subject().iter_common_name().next().unwrap().as_str().unwrap().to_owned();
    let wanted = |root: &str| Wish { chain: Some(root.to_owned()), ..wish(&NAME) };

    let other = issue(&account, &wanted(&root), &world.parties().0).await.unwrap();
    let (parties, journal, _) = world.parties();
    let usual = issue(&account, &wanted("No Such Root"), &parties).await.unwrap();

    assert_eq!(chain::alternates(&other.links).len(), 2, "{:?}", other.links);
    assert!(chain::leads_to(&other.chain_pem, &root));
    assert!(chain_from_pem(&other.chain_pem).unwrap().len() >= 2, "the whole bundle");
    assert!(!chain::leads_to(&usual.chain_pem, &root));
    assert!(journal.steps().iter().any(|step| matches!(step, Step::OtherChain { .. })), "{:?}", journal.steps());
}

#[tokio::test]
async fn a_chain_that_is_advertised_and_does_not_come_costs_nothing() {
    let world = World::with(PebbleOptions { alternate_roots: 1, ..PebbleOptions::default() }).await;
    let proxy = CaProxy::before(&world.pebble);
    let account = crate::acme_ari::account_at(&proxy.ca).await;
    proxy.rule(|asked| match asked.what.as_str() {
        "POST /certZ" => Way::changed(|answer| {
            // Only the chain that the CA recommends comes with links.
            if answer.headers.get_all("link").iter().count() < 2 {
                answer.status = 404;
                answer.body = b"{}".to_vec();
            }
        }),
        _ => Way::Through,
    });

    let issued = issue(&account, &Wish { chain: Some("Other".to_owned()), ..wish(&NAME) }, &world.parties().0).await;

    assert!(issued.is_ok(), "{issued:?}");
}

#[tokio::test]
async fn a_revoked_certificate_is_wanted_back_at_once_by_the_ca() {
    let world = World::start().await;
    let account = world.account().await;
    let issued = issue(&account, &wish(&NAME), &world.parties().0).await.unwrap();
    let leaf = chain_from_pem(&issued.chain_pem).unwrap().remove(0);

    account.revoke(&leaf, Reason::Superseded).await.unwrap();
    account.revoke(&leaf, Reason::Superseded).await.unwrap();

    let reader = Reader::new(&world.ca, with().0, with().1).unwrap();
    let id = CertId::of_chain(&issued.chain_pem).unwrap();
    let said = ari::ask(&reader, &reader.directory().await.unwrap(), &id).await.unwrap();
    assert!(said.window.closes < SystemClock.now(), "{said:?}");
}

#[tokio::test]
async fn two_programs_that_register_at_once_make_one_account_and_its_key_changes_and_it_ends() {
    let world = World::start().await;
    let app = TestApp::alone().await;
    let issuing = Issuing { ca: world.ca.clone(), ..(*app.state.issuing).clone() };
    let one = app.state.deeds.clone();
    let other =
        build::deeds(&app.house.path().join("state"), app.clock.clone(), Arc::new(SystemRandom)).await.unwrap();
    let wanted = NewCaAccount {
        directory_url: world.ca.directory_url().to_owned(),
        contact: Some("ops@example.com".to_owned()),
        ..NewCaAccount::default()
    };

    let actor = ann();
    let both =
        tokio::join!(one.add_ca_account(&issuing, &actor, &wanted), other.add_ca_account(&issuing, &actor, &wanted));
    for outcome in [both.0, both.1] {
        assert!(matches!(outcome, Ok(()) | Err(CaAccountError::Taken)), "{outcome:?}");
    }
    let made = one.store.accounts().await.unwrap();
    assert_eq!(made.len(), 1);
    let id = made[0].id;
    one.change_ca_account(&issuing, &actor, id, &AccountChange::NewKey).await.unwrap();
    let contact = AccountChange::Contact(Some("noc@example.com".to_owned()));
    one.change_ca_account(&issuing, &actor, id, &contact).await.unwrap();
    let after = one.store.account_at(world.ca.directory_url()).await.unwrap().unwrap();
    assert_eq!((after.url.as_str(), after.contact.as_str()), (made[0].url.as_str(), "noc@example.com"));
    assert_ne!(after.credentials.expose(), made[0].credentials.expose());
    one.change_ca_account(&issuing, &actor, id, &AccountChange::End).await.unwrap();

    assert!(one.store.account_at(world.ca.directory_url()).await.unwrap().is_none());
    let gone = one.change_ca_account(&issuing, &actor, id, &AccountChange::NewKey).await;
    assert!(matches!(gone, Err(CaAccountError::Unknown)), "{gone:?}");
    one.add_ca_account(&issuing, &actor, &wanted).await.unwrap();
    assert_ne!(one.store.account_at(world.ca.directory_url()).await.unwrap().unwrap().url, made[0].url);
}
