//! The data of XML RPC.

use rampart::web::pages::switch_certificate::{
    SwitchCertificatePage, SwitchListener, SwitchOrderForm, SwitchProfile,
};
use rampart::web::pages::xml_rpc::{SwitchForms, SwitchGroup, SwitchView, XmlRpcDonePage, XmlRpcPage};
use rampart::web::parts::{Choice, Mark};

use super::Town;

pub(super) fn page(town: Town) -> XmlRpcPage {
    let row = |name: &str, value: &str| (name.to_owned(), town.name(value));
    let rows = vec![
        row("Port", "8080"),
        row("Listens at", "0.0.0.0:8080"),
        row("Realm", "freeswitch"),
        row("Password", "is the one that is shipped; has fewer than 12 letters"),
        row("File", "/etc/freeswitch/autoload_configs/xml_rpc.conf.xml, owned by uid 33, mode 0644"),
    ];
    let forms = SwitchForms {
        port: "8080".into(),
        realm: town.name("freeswitch"),
        user: town.name("freeswitch"),
        fault: (town == Town::Hostile).then(|| town.name("Port: a number from 1024 to 65535")),
        is_loaded: Some(true),
        at_start: Some(town == Town::Ordinary),
        modules_sql: "UPDATE v_modules SET module_enabled = 'false' WHERE module_name = 'mod_xml_rpc';".into(),
    };
    XmlRpcPage {
        frame: town.frame("XML RPC", "xml-rpc"),
        head: town.head("XML RPC", "A door for programs, whose password is a shell.", Mark::Fail, "1 fails, 3 pass"),
        findings: town.list(vec![town.finding("SW-03", Mark::Fail, "critical", "XML RPC's password is shipped")]),
        facts: town.known(SwitchView {
            source: "FreeSWITCH's files, the kernel and the event socket, read 2026-11-22 18:40 UTC".into(),
            groups: vec![
                SwitchGroup { title: "XML RPC".into(), rows: Ok(rows.clone()) },
                SwitchGroup { title: "Event socket".into(), rows: Err(town.name("it cannot be reached")) },
                SwitchGroup { title: "The running FreeSWITCH".into(), rows: Ok(rows) },
            ],
        }),
        forms: (town != Town::Empty).then_some(forms),
        history: town.trail(),
    }
}

pub(super) fn done(town: Town) -> XmlRpcDonePage {
    XmlRpcDonePage {
        frame: town.frame("Done", "xml-rpc"),
        done: town.name("XML RPC: a new password"),
        secret: (town != Town::Empty).then(|| "mVbT3kqWz8RrCp5JhYxN2dLsGf7uAeQa".into()),
        notes: town.list(vec![town.name("mod_xml_rpc is not loaded: the change takes effect when it is.")]),
        commands: "systemctl restart event_guard".into(),
    }
}

pub(super) fn certificate(town: Town) -> SwitchCertificatePage {
    let row = |name: &str, value: &str| (name.to_owned(), town.name(value));
    let listener = SwitchListener {
        address: "127.0.0.1:5061".into(),
        mark: Mark::Pass,
        words: town.name("what lies on the disk"),
        names: town.name("sip.example.test"),
        until: "2026-12-18 00:00 UTC".into(),
    };
    let profile = SwitchProfile {
        name: town.name("internal"),
        tls: "on, port 5061".into(),
        wss: town.name("off"),
        calls: "3 call legs are up".into(),
        has_calls: true,
    };
    let key = Choice { value: "rsa-2048".into(), label: "RSA 2048".into(), chosen: true };
    let groups = vec![
        SwitchGroup { title: "all.pem".into(), rows: Ok(vec![row("Names", "sip.example.test")]) },
        SwitchGroup { title: "The names that FreeSWITCH reads".into(), rows: Err(town.name("no such directory")) },
    ];
    SwitchCertificatePage {
        frame: town.frame("FreeSWITCH's certificate", "certificates"),
        facts: town.known(SwitchView { source: "FreeSWITCH's files, read 2026-11-22 18:40 UTC".into(), groups }),
        listeners: town.list(vec![listener]),
        pending: town.text("FreeSWITCH 1.10.12-release has no reloadcert"),
        profiles: town.list(vec![profile]),
        may_change: town != Town::Empty,
        order: town.known(SwitchOrderForm {
            names: town.name("sip.example.test"),
            fault: town.fault("not a name"),
            keys: vec![key],
        }),
    }
}
