//! The data of accounts and invitations, and of a tenant's own pages.

use rampart::web::frame::{Frame, NavWall};
use rampart::web::pages::invitation::InvitationPage;
use rampart::web::pages::operators::{AccountRow, InviteForm, InvitedPage, OperatorsPage, RoleForm};
use rampart::web::pages::own_certificates::OwnCertificatesPage;
use rampart::web::pages::own_domain::OwnDomainPage;
use rampart::web::pages::own_passwords::{OwnPasswordsPage, OwnPolicy};
use rampart::web::parts::{Choice, Mark};

use super::{Town, certificates, passwords};

fn role_form(town: Town, action: &str) -> RoleForm {
    let choice = |role: &str| Choice { value: role.into(), label: role.into(), chosen: role == "tenant" };
    RoleForm {
        action: action.into(),
        roles: ["viewer", "support", "tenant", "operator"].map(choice).into(),
        domain: town.text("north.example.test"),
        role_fault: town.fault("This is the last operator that can sign in."),
        domain_fault: town.fault("FusionPBX has no enabled tenant of that name."),
    }
}

fn account(town: Town, id: u32, name: &str, mark: Mark, state: &str) -> AccountRow {
    let to = |act: &str| format!("/operators/{id}/{act}");
    AccountRow {
        anchor: format!("account-{id}"),
        name: town.name(name),
        is_own: id == 1,
        role: town.name("tenant of north.example.test"),
        since: "2026-11-22 18:40 UTC".into(),
        last_sign_in: "never".into(),
        sessions: 2,
        mark,
        state: state.into(),
        change: role_form(town, &to("role")),
        disable: (mark != Mark::Plain).then(|| to("disable")),
        enable: (mark == Mark::Plain).then(|| to("enable")),
        end_sessions: Some(to("end-sessions")),
        invite_again: (mark == Mark::Busy).then(|| to("invitation")),
    }
}

pub(super) fn operators(town: Town) -> OperatorsPage {
    OperatorsPage {
        frame: town.frame("Operators", "operators"),
        accounts: town.list(vec![
            account(town, 1, "maria", Mark::Pass, "may sign in"),
            account(town, 2, "nora", Mark::Busy, "invited, no password yet"),
            account(town, 3, "otto", Mark::Plain, "disabled 2026-11-23 09:12 UTC"),
        ]),
        invite: InviteForm {
            name: town.text("vera"),
            name_fault: town.fault("An operator of that name is there already."),
            role: role_form(town, "/operators"),
        },
        tenants: Ok(vec![town.name("north.example.test"), town.name("south.example.test")]),
        roles: vec![("viewer".into(), "Sees all walls.".into()), ("operator".into(), "Has everything.".into())],
    }
}

pub(super) fn invited(town: Town) -> InvitedPage {
    InvitedPage {
        frame: town.frame("Invited", "operators"),
        name: town.name("vera"),
        link: town.name("https://rampart.example.test/invitation/Zm9vYmFyYmF6cXV4MTIzNA"),
        valid_for: "24 hours".into(),
    }
}

pub(super) fn invitation(town: Town) -> InvitationPage {
    InvitationPage {
        frame: Frame { operator: None, ..town.frame("Set your password", "") },
        action: "/invitation/7f3a".into(),
        name: town.name("vera"),
        shortest: 15,
        password_fault: town.fault("This one is too short."),
        again_fault: town.fault("The two differ."),
    }
}

/// The frame of a tenant's own operator.
fn frame(town: Town, title: &str, slug: &str) -> Frame {
    let wall = |slug: &str, title: &str| NavWall {
        slug: slug.into(),
        title: title.into(),
        href: format!("/{slug}"),
        mark: Mark::Plain,
    };
    Frame {
        host: town.name("north.example.test"),
        home: "/passwords".into(),
        sees_walls: false,
        manages_operators: false,
        walls: vec![wall("passwords", "Passwords"), wall("certificates", "Certificates")],
        facts_age: String::new(),
        ..town.frame(title, slug)
    }
}

pub(super) fn own_passwords(town: Town) -> OwnPasswordsPage {
    let whole = passwords::policy(town);
    OwnPasswordsPage {
        frame: frame(town, "Passwords", "passwords"),
        domain: town.name("north.example.test"),
        drifted: town.list(vec![passwords::drift(town)]),
        read_only: (town == Town::Hostile).then(|| "FusionPBX's settings can only be read from here now.".into()),
        policy: town.known(OwnPolicy {
            groups: whole.groups,
            overrides: whole.overrides.rows,
            to_be_seen: whole.to_be_seen,
        }),
        history: town.trail(),
    }
}

pub(super) fn own_certificates(town: Town) -> OwnCertificatesPage {
    let whole = certificates::page(town);
    OwnCertificatesPage {
        frame: frame(town, "Certificates", "certificates"),
        domain: town.name("north.example.test"),
        none_can: town.fault("Another domain is called the same.").unwrap_or_default(),
        certificates: whole.certificates.unwrap_or_default(),
        orders: whole.orders,
    }
}

pub(super) fn own_domain(town: Town) -> OwnDomainPage {
    OwnDomainPage {
        frame: frame(town, "Your domain", ""),
        domain: town.name("north.example.test"),
        mark: Mark::NotTested,
        word: "not tested".into(),
        sentence: "FusionPBX's database does not answer.".into(),
    }
}
