//! The data of Certificates and of an order.

use rampart::web::pages::certificates::{
    Account, AccountForm, CertificateRow, CertificatesPage, Coverage, CoverageRow, Life, OrderForm, OrderRow, Served,
    StandingRow,
};
use rampart::web::pages::order::{OrderFailure, OrderPage, ProofRow, StepRow};
use rampart::web::parts::{Choice, Link, Mark};

use super::Town;

pub(super) fn page(town: Town) -> CertificatesPage {
    CertificatesPage {
        frame: town.frame("Certificates", "certificates"),
        head: town.head(
            "Certificates",
            "What phones and browsers see before they trust this server with a password.",
            Mark::Accepted,
            "1 accepted, 5 pass",
        ),
        certificates: town.known(vec![
            certificate(
                town,
                "1",
                "north.example.test",
                Life { spent: 72, renewal: 67 },
                Mark::Accepted,
                "26 days left",
            ),
            certificate(town, "2", "pbx.example.test", Life { spent: 12, renewal: 66 }, Mark::Pass, "79 days left"),
        ]),
        order: (town != Town::Hostile).then(|| town.known(order_form(town))),
        account: Account {
            directory: town.name("https://acme-v02.api.letsencrypt.org/directory"),
            mark: if town == Town::Ordinary { Mark::Pass } else { Mark::NotTested },
            words: town.name("registered 2026-11-22 18:40 UTC for ops@example.test"),
            form: (town != Town::Ordinary).then(|| AccountForm {
                contact: town.text("ops@example.test"),
                contact_fault: town.fault("This is not an e-mail address."),
                terms: town.text("https://letsencrypt.org/documents/LE-SA-v1.5.pdf"),
                terms_fault: town.fault("The CA gives no account to those who do not agree."),
            }),
        },
        orders: town.list(vec![
            order_row(town, "7", Mark::Busy, "under way"),
            order_row(town, "6", Mark::Fail, "refused by the CA"),
            order_row(town, "5", Mark::Pass, "served"),
        ]),
        standing: Some(town.known(vec![StandingRow {
            certificate: "1".into(),
            words: town.text("certificate 1 for *.north.example.test, north.example.test, served by nginx"),
            by: town.text("maria"),
            since: "2026-11-22 18:40 UTC".into(),
        }])),
        may_end: true,
        coverage: town.known(coverage(town)),
        findings: town.list(vec![town.finding("TL-03", Mark::Accepted, "low", "A key is readable by www-data")]),
    }
}

fn order_form(town: Town) -> OrderForm {
    OrderForm {
        tenants: vec![town.name("south.example.test"), town.name("west.example.test")],
        name: town.text(""),
        name_fault: town.fault("This name lies outside the zones that the agent allows: example.test."),
        covers: vec![
            Choice { value: "wildcard".into(), label: "*.name and the name itself".into(), chosen: true },
            Choice { value: "exact".into(), label: "only the name itself".into(), chosen: false },
        ],
        keys: vec![
            Choice { value: "rsa-2048".into(), label: "RSA 2048".into(), chosen: true },
            Choice { value: "ecdsa-p256".into(), label: "ECDSA P-256".into(), chosen: false },
        ],
        cas: vec![Choice {
            value: town.name("https://acme-v02.api.letsencrypt.org/directory"),
            label: town.name("https://acme-v02.api.letsencrypt.org/directory"),
            chosen: true,
        }],
        profile: town.text("classic"),
        chains: vec![Choice { value: "x1".into(), label: "to ISRG Root X1".into(), chosen: true }],
        key_why: "RSA 2048 is what every desk phone accepts; older ones refuse ECDSA.".into(),
        challenge: town.name("Proved over DNS-01: a TXT record at ns1.example.test, by RFC 2136 with TSIG."),
    }
}

fn coverage(town: Town) -> Coverage {
    Coverage {
        with: 3,
        without: 9,
        search: town.search("tenant", "Tenant"),
        rows: vec![
            CoverageRow {
                tenant: town.name("south.example.test"),
                mark: Mark::Fail,
                words: "none".into(),
                can_order: true,
            },
            CoverageRow {
                tenant: town.name("west.example.test"),
                mark: Mark::Fail,
                words: "none".into(),
                can_order: true,
            },
            CoverageRow {
                tenant: town.name("north.example.test"),
                mark: Mark::Pass,
                words: town.name("*.north.example.test, 26 days left"),
                can_order: false,
            },
        ],
        pager: town.pager(),
    }
}

fn certificate(town: Town, id: &str, name: &str, life: Life, mark: Mark, left: &str) -> CertificateRow {
    CertificateRow {
        id: id.into(),
        names: vec![town.name(&format!("*.{name}")), town.name(name)],
        issuer: town.name("R11, Let’s Encrypt"),
        serial: "04c1a97be01f5a2d9c3e77d0a1b2c3d4e5f6".into(),
        serial_short: "04c1a9…e5f6".into(),
        key: "RSA 2048".into(),
        from: "2026-09-20".into(),
        until: "2026-12-18".into(),
        left: left.into(),
        mark,
        life,
        generation: "3".into(),
        served: vec![
            Served { listener: "127.0.0.1:443".into(), mark: Mark::Pass, words: "the same".into() },
            Served { listener: "[::1]:443".into(), mark: Mark::NotTested, words: town.name("no answer within 5 s") },
        ],
        renewal: "2026-11-24 03:12 UTC".into(),
        renewal_why: "the CA suggests this window (ARI)".into(),
        failure: if mark == Mark::Pass {
            String::new()
        } else {
            town.text("2026-11-22 03:12 UTC: the CA asked to wait 2 hours (rateLimited).")
        },
        can_renew: true,
    }
}

fn order_row(town: Town, id: &str, mark: Mark, state: &str) -> OrderRow {
    OrderRow {
        href: format!("/certificates/orders/{id}"),
        names: town.name("*.north.example.test, north.example.test"),
        mark,
        state: state.into(),
        at: "2026-11-22 18:44 UTC".into(),
        by: town.name("maria"),
    }
}

pub(super) fn order(town: Town, live: bool) -> OrderPage {
    let refused = !live && town == Town::Hostile;
    OrderPage {
        frame: town.frame("Order 7", "certificates"),
        id: "7".into(),
        names: vec![town.name("*.north.example.test"), town.name("north.example.test")],
        mark: if live {
            Mark::Busy
        } else if refused {
            Mark::Fail
        } else {
            Mark::Pass
        },
        state: if live {
            "under way".into()
        } else if refused {
            "refused by the CA".into()
        } else {
            "served by nginx".into()
        },
        facts: town.list(vec![
            ("Began".into(), "2026-11-22 18:44 UTC, by maria".into()),
            ("CA".into(), town.text("https://localhost:14000/dir")),
            ("Key".into(), "RSA 2048, made by the agent".into()),
        ]),
        steps: steps(town, live),
        live,
        failure: refused.then(|| OrderFailure {
            place: "at the CA".into(),
            their_words: town.text("urn:ietf:params:acme:error:unauthorized: No TXT record found"),
            next: town.text("Look whether the zone is delegated to ns1.example.test, then order again."),
            again: "It is tried again at 20:44 UTC.".into(),
            retry: (town != Town::Hostile).then(|| "/certificates/7/renew".into()),
            onward: Some(Link { href: "/certificates".into(), words: "To the certificates".into() }),
        }),
        proofs: if live || refused {
            Vec::new()
        } else {
            town.list(vec![ProofRow {
                listener: "127.0.0.1:443".into(),
                name: town.name("north.example.test"),
                serial: "07f2ee5a2d9c3e77d0a1b2c3d4e5f60718".into(),
                mark: Mark::Pass,
                words: "the new serial".into(),
            }])
        },
    }
}

fn steps(town: Town, live: bool) -> Vec<StepRow> {
    let step = |key: &str, title: &str, mark: Mark, word: &str, at: &str, words: &str| StepRow {
        key: key.into(),
        title: title.into(),
        mark,
        word: word.into(),
        at: at.into(),
        words: town.text(words),
    };
    let rest = if live { (Mark::Plain, "waiting", "") } else { (Mark::Pass, "done", "18:44:31") };
    town.list(vec![
        step("order", "Order at the CA", Mark::Pass, "done", "18:44:02", "2 authorizations to prove"),
        step(
            "challenge",
            "Publish the TXT record",
            Mark::Pass,
            "done",
            "18:44:05",
            "_acme-challenge.north.example.test, seen on both authoritative servers",
        ),
        step(
            "validate",
            "The CA looks",
            if live { Mark::Busy } else { Mark::Pass },
            if live { "under way" } else { "done" },
            "18:44:11",
            "asked 3 times, valid for 1 of 2",
        ),
        step("key", "Make the key", rest.0, rest.1, rest.2, ""),
        step("finalise", "Have it signed", rest.0, rest.1, rest.2, ""),
        step("install", "Switch nginx over", rest.0, rest.1, rest.2, ""),
        step("prove", "Prove it by a handshake", rest.0, rest.1, rest.2, ""),
    ])
}
