//! One reply of every kind, for tests that must cover them all; counted against the source.

use rampart::base::clock::Timestamp;
use rampart::base::hash_chain::Tip;
use rampart::wire::answer::{
    Answer, CertificateFacts, CodeGood, EnrolmentBegun, FactorFacts, Hello, Installed, KeptCertificate,
    KeptGeneration, KeyMade, LeafFacts, PackageFacts, PendingPackage, PlacedOrder, Proof, Refusal, Reply, SshContext,
    SshFacts,
};
use rampart::wire::carried::Carried;
use rampart::wire::firewall::{BootFacts, FirewallSaves, Listening, SavedText, UnreadText};
use rampart::wire::grant::Consumer;
use rampart::wire::inventory::{FoundCertificate, FoundFile, FoundKey, FoundListener, FoundTool, Inventory, Tool};
use rampart::wire::jails::Passing;
use rampart::wire::journal::JournalPage;
use rampart::wire::request::Generation;
use rampart::wire::switch::{
    Answers, ConfigConfFacts, DirectoryUser, EventSocketFacts, FileFacts, Flaw, Flushed, Registrations, Resynced,
    RunningFacts, SecretFacts, Source, SwitchChanged, SwitchFacts, XmlRpcFacts,
};
use rampart::wire::switch_tls::{BundleFacts, ProfileFacts, ProfileName, SwitchServed, TlsFacts};

use crate::support::requests::{CERTIFICATE, standing_order};

fn then() -> Timestamp {
    Timestamp::from_unix(1_795_371_696)
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn leaf() -> LeafFacts {
    LeafFacts {
        names: vec![text("a.example.com")],
        issuer: text("Test CA"),
        serial: text("0a"),
        not_before: then(),
        not_after: then(),
        key: text("RSA 2048"),
    }
}

fn placed() -> PlacedOrder {
    PlacedOrder { order: standing_order(), by: text("root"), at: then() }
}

fn packages() -> PackageFacts {
    let pending = PendingPackage { name: text("bash"), installed: text("1"), candidate: text("2"), security: true };
    PackageFacts {
        release: text("Debian GNU/Linux 12 (bookworm)"),
        pending: vec![pending],
        held_back: vec![text("linux-image")],
        lists_fetched: Some(then()),
        reboot_wanted_by: Some(vec![text("libc6")]),
        automatic: vec![(text("APT::Periodic::Enable"), text("1"))],
        unattended_installed: true,
    }
}

fn certificates() -> CertificateFacts {
    let generations = vec![KeptGeneration { generation: Generation(1), leaf: leaf() }];
    let kept = KeptCertificate {
        certificate: CERTIFICATE,
        current: Some(Generation(1)),
        consumer: Some(Consumer::Nginx),
        generations,
    };
    CertificateFacts {
        listeners: vec![text("127.0.0.1:443")],
        zones: vec![text("example.com")],
        kept: vec![kept],
        standing: vec![placed()],
    }
}

/// What the agent says of a FreeSWITCH as it is shipped.
pub(crate) fn switch() -> SwitchFacts {
    let file =
        |name: &str| FileFacts { path: format!("/etc/freeswitch/autoload_configs/{name}"), owner: 33, mode: 0o644 };
    let shipped = |mark: &str| SecretFacts { flaws: vec![Flaw::Shipped, Flaw::Short], mark: Some(text(mark)) };
    SwitchFacts {
        xml_rpc: Ok(XmlRpcFacts {
            file: file("xml_rpc.conf.xml"),
            port: Some(8080),
            realm: Some(text("freeswitch")),
            user: Some(text("freeswitch")),
            password: shipped("aa"),
            websocket: false,
            preprocessed: false,
            listening: vec![text("0.0.0.0:8080")],
            answers: Answers::XmlRpc,
        }),
        event_socket: Ok(EventSocketFacts {
            file: file("event_socket.conf.xml"),
            address: Some(text("127.0.0.1")),
            port: Some(8021),
            acl: None,
            password: shipped("bb"),
            preprocessed: false,
            listening: vec![text("127.0.0.1:8021")],
        }),
        at_start: Ok(vec![text("mod_xml_rpc"), text("mod_sofia")]),
        config_conf: Ok(ConfigConfFacts {
            file: FileFacts { path: text("/etc/fusionpbx/config.conf"), owner: 33, mode: 0o640 },
            host: None,
            port: None,
            password: SecretFacts { flaws: vec![Flaw::Missing], mark: None },
        }),
        shipped_variables: Ok(vec![text("default_password")]),
        running: Ok(RunningFacts { version: text("1.10.12-release"), loaded: vec![text("mod_xml_rpc")] }),
        compared: true,
        tls: Some(tls()),
    }
}

/// What the agent says of the host's certificates.
pub(crate) fn inventory() -> Inventory {
    let certificate =
        || FoundCertificate { leaf: leaf(), fingerprint: "ab".repeat(32), certificates: 2, self_signed: false };
    let file = FileFacts { path: text("/etc/ssl/private/nginx.key"), owner: 0, mode: 0o640 };
    Inventory {
        files: vec![FoundFile {
            path: text("/etc/ssl/certs/nginx.crt"),
            used_by: vec![text("nginx")],
            content: Ok(certificate()),
            key: Some(FoundKey { file, group: 0, fits: true }),
        }],
        listeners: vec![FoundListener {
            listener: text("0.0.0.0:443"),
            served: certificate(),
            protocol: text("TLS 1.3"),
        }],
        plain: 3,
        tools: vec![FoundTool {
            tool: Tool::Dehydrated,
            directory: text("/etc/dehydrated/certs"),
            kept: vec![text("a.example.com")],
            timers: vec![text("/etc/cron.weekly/letsencrypt")],
        }],
        nginx_protocols: Some(Ok(vec![text("TLSv1.2 TLSv1.3")])),
        cut: false,
    }
}

/// What the agent says of FreeSWITCH's certificate.
pub(crate) fn tls() -> TlsFacts {
    let file = |path: &str, mode| FileFacts { path: text(path), owner: 33, mode };
    TlsFacts {
        directory: file("/etc/freeswitch/tls", 0o755),
        bundle: Ok(BundleFacts {
            file: file("/etc/freeswitch/tls/all.pem", 0o640),
            leaf: leaf(),
            certificates: 2,
            key_matches: true,
        }),
        names: vec![(text("agent.pem"), text("a link to all.pem"))],
        profiles: Ok(vec![ProfileFacts {
            name: ProfileName::parse("internal").unwrap(),
            tls: Some(5061),
            wss: Some(7443),
            calls: 1,
        }]),
        served: vec![SwitchServed {
            listener: text("127.0.0.1:5061"),
            outcome: Ok(leaf()),
            is_bundle: true,
            certificates: 2,
        }],
        ours: Some((CERTIFICATE, Generation(1))),
        pending: Some(text("why")),
    }
}

fn firewall() -> FirewallSaves {
    FirewallSaves {
        files: vec![SavedText { name: text("nft-ruleset.txt"), text: text("table inet t {\n}\n") }],
        unread: vec![UnreadText { name: text("ipset-save.txt"), reason: text("why") }],
        listening: vec![Listening {
            udp: false,
            at: "127.0.0.1:5432".parse().unwrap(),
            user: text("postgres"),
            programs: vec![text("postgres")],
            unit: Some(text("postgresql@15-main.service")),
        }],
        boot: BootFacts {
            rules_v4: Some(text("*filter")),
            rules_v6: None,
            netfilter_persistent: true,
            nftables: false,
        },
    }
}

fn registrations() -> Registrations {
    let source = Source { address: "203.0.113.5".parse().ok(), all: 3, asked: 1 };
    Registrations { total: 5, asked: 1, sources: vec![source], cut: false }
}

fn answers() -> Vec<Answer> {
    let context = SshContext { visitor: text("everyone"), settings: vec![(text("port"), text("22"))] };
    let proof = Proof { listener: text("127.0.0.1:443"), name: text("a.example.com"), serial: text("0a") };
    vec![
        Answer::Hello(Hello { version: text("0.1.0"), root: true }),
        Answer::Ssh(SshFacts { version: text("OpenSSH_9.2p1"), contexts: vec![context] }),
        Answer::Packages(packages()),
        Answer::Certificates(certificates()),
        Answer::Inventory(Box::new(inventory())),
        Answer::Switch(Box::new(switch())),
        Answer::Firewall(Box::new(firewall())),
        Answer::SwitchChanged(Box::new(SwitchChanged {
            secret: Some(Carried::new(text("AAAA"))),
            notes: vec![text("note")],
            restart: vec![text("event_guard")],
        })),
        Answer::Registrations(registrations()),
        Answer::Passing(Passing { jails: vec![text("freeswitch")], until: then() }),
        Answer::Flushed(Flushed { files: 2, memcache: false, told: 1, failed: vec![text("why")] }),
        Answer::Resynced(Resynced {
            told: vec![DirectoryUser::parse("1001@a.example.com").unwrap()],
            too_soon: Vec::new(),
            failed: vec![text("why")],
        }),
        Answer::KeyMade(KeyMade { generation: Generation(1), csr: text("AAAA") }),
        Answer::Installed(Installed {
            former: Some(Generation(1)),
            leaf: leaf(),
            proofs: vec![proof],
            pending: Some(text("why")),
        }),
        Answer::Factor(FactorFacts { since: Some(then()), recovery_left: 8 }),
        Answer::StandingOrders {
            orders: vec![PlacedOrder { order: standing_order(), by: text("root"), at: then() }],
        },
        Answer::EnrolmentBegun(EnrolmentBegun {
            uri: Carried::new(text("otpauth://totp/x")),
            secret: Carried::new(text("AAAA")),
        }),
        Answer::RecoveryCodes { codes: vec![Carried::new(text("aaaa-bbbb"))] },
        Answer::CodeGood(CodeGood { recovery: false, recovery_left: 8 }),
        Answer::Granted { token: Carried::new(text("AAAA")) },
        Answer::Noted(Tip::BEGINNING),
        Answer::Journal(JournalPage { end: Tip::BEGINNING, lines: vec![text("{}")] }),
        Answer::Done,
    ]
}

fn refusals() -> Vec<Refusal> {
    let reason = text("why");
    vec![
        Refusal::Malformed { reason: reason.clone() },
        Refusal::NotAllowed { reason: reason.clone() },
        Refusal::Unable { reason: reason.clone() },
        Refusal::RolledBack { reason: reason.clone() },
        Refusal::Busy,
        Refusal::WrongCode,
        Refusal::TooManyCodes { wait_seconds: 30 },
        Refusal::NotEnrolled,
        Refusal::GrantNeeded { reason },
    ]
}

/// One of every kind.
pub(crate) fn every_reply() -> Vec<Reply> {
    answers().into_iter().map(Ok).chain(refusals().into_iter().map(Err)).collect()
}

#[test]
fn every_answer_and_refusal_of_the_wire_has_a_sample() {
    let file = std::fs::read_to_string(format!("{}/src/wire/answer.rs", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let parsed = syn::parse_file(&file).unwrap();
    let variants = |name: &str| {
        let found = parsed.items.iter().find_map(|item| match item {
            syn::Item::Enum(found) if found.ident == name => Some(found.variants.len()),
            _ => None,
        });
        found.unwrap()
    };

    assert_eq!(answers().len(), variants("Answer"));
    assert_eq!(refusals().len(), variants("Refusal"));
}
