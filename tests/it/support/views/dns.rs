//! The data of the pages where names are proved.

use rampart::web::pages::dns::{CredentialPage, CredentialView, DnsPage, FieldView, ZoneForm, ZoneView};
use rampart::web::parts::{Choice, Mark};

use super::Town;

fn zone(town: Town, name: &str, mark: Mark, test: &str) -> ZoneView {
    ZoneView {
        zone: town.name(name),
        way: "DNS-01: a record that Rampart writes for each order".into(),
        credential: town.text("Cloudflare of the office"),
        approved: town.name("2026-11-24 18:40 UTC by maria"),
        mark,
        test: town.name(test),
        tested: "2026-11-25 02:10 UTC".into(),
        can_test: true,
        can_remove: mark != Mark::NotTested,
    }
}

pub(super) fn page(town: Town) -> DnsPage {
    let credential = |id: u32, name: &str, zones: Vec<String>| CredentialView {
        name: town.name(name),
        href: format!("/certificates/dns/credentials/{id}"),
        service: "Cloudflare".into(),
        delete: zones.is_empty().then(|| format!("/certificates/dns/credentials/{id}/delete")),
        zones,
        changed: "2026-11-24 18:38 UTC".into(),
    };
    let choice =
        |value: &str, label: &str| Choice { value: value.into(), label: town.name(label), chosen: value == "1" };
    DnsPage {
        frame: town.frame("Proving names", "certificates"),
        zones: town.list(vec![
            zone(town, "example.com", Mark::Pass, "A record was written, seen on every name server and taken away"),
            zone(town, "example.net", Mark::Fail, "Cloudflare (credential main) cannot be used"),
            zone(town, "example.org", Mark::NotTested, "never tested"),
        ]),
        approve: ZoneForm {
            zone: town.text("example.com"),
            zone_fault: town.fault("a name is needed"),
            ways: vec![choice("dns-01", "DNS-01: a record that Rampart writes for each order")],
            credentials: vec![choice("1", "Cloudflare of the office"), choice("2", "BIND")],
            way_fault: town.fault("Choose the credential that records are written with."),
        },
        credentials: town.list(vec![
            credential(1, "Cloudflare of the office", vec![town.name("example.com"), town.name("example.net")]),
            credential(2, "BIND", Vec::new()),
        ]),
        services: vec![choice("cloudflare", "Cloudflare"), choice("rfc2136", "RFC 2136")],
    }
}

pub(super) fn credential(town: Town, is_kept: bool) -> CredentialPage {
    let field = |key: &str, label: &str, is_secret: bool| FieldView {
        name: format!("field-{key}"),
        label: label.into(),
        value: if is_secret { String::new() } else { town.text("192.0.2.1:53") },
        hint: "address and port: 192.0.2.1:53".into(),
        is_needed: key != "region",
        is_secret,
        has_lines: key == "pem",
        choices: Vec::new(),
        fault: town.fault("This is needed."),
    };
    let mut algorithm = field("algorithm", "Algorithm", false);
    algorithm.choices = ["hmac-sha256", "hmac-sha512"]
        .map(|name| Choice { value: name.into(), label: name.into(), chosen: false })
        .into();
    CredentialPage {
        frame: town.frame("A credential for RFC 2136", "certificates"),
        title: "A credential for RFC 2136".into(),
        action: "/certificates/dns/credentials".into(),
        service: if is_kept { String::new() } else { "rfc2136".into() },
        name: town.text("BIND"),
        name_fault: town.fault("Another credential has this name."),
        fields: vec![
            field("server", "Primary server", false),
            algorithm,
            field("key", "TSIG key", true),
            field("pem", "Private key", true),
            field("region", "Region", false),
        ],
        holds_one_value: !is_kept,
        is_kept,
    }
}
