//! The whole report of one made-up host, as `rampart check` would print it, held to the letter.

use std::fmt::Write as _;
use std::time::Duration;

use crate::audit::assets::{Standing, layers};
use crate::audit::checks::accounts::tests::{NOW, facts_with, setting};
use crate::audit::checks::served::tests::{leaf, shown};
use crate::audit::facts::{Facts, ServedFacts, Source};
use crate::audit::registry::judge;
use crate::audit::score::score;
use crate::base::ids::CertificateId;
use crate::fusionpbx::survey::{AccessList, Survey};
use crate::wire::answer::{
    CertificateFacts, KeptCertificate, KeptGeneration, PackageFacts, PendingPackage, SshContext, SshFacts,
};
use crate::wire::grant::Consumer;
use crate::wire::request::Generation;

const SSHD: &str = include_str!("../../tests/fixtures/host/debian-12/sshd-T-default.txt");

/// FusionPBX as its installer leaves it, with a hostile tenant name among three.
fn as_installed(survey: &mut Survey) {
    let names = ["pbx.example.com", "acme.example.com", "<b>\u{202e}moc.elpmaxe</b>"];
    survey.tenants = Ok(names.map(str::to_owned).to_vec());
    survey.role.superusers = vec!["fusionpbx".to_owned()];
    let policy = survey.policy.as_mut().unwrap();
    policy.global[2] = setting("users", "password_length", "12");
    policy.weaker_tenants = 1;
    policy.weaker_examples = vec!["acme.example.com: extension.password_length = 4".to_owned()];
    let users = survey.users.as_mut().unwrap();
    users.admins_without_totp = Ok(1);
    users.legacy_hashes = Err("permission denied for column password of v_users".to_owned());
    survey.provisioning.as_mut().unwrap().has_username = false;
    survey.access_lists = Ok(vec![AccessList {
        name: "providers".to_owned(),
        default: "deny".to_owned(),
        allows: [("0.0.0.0/1", "carrier"), ("128.0.0.0/1", "")]
            .map(|(network, words)| (network.to_owned(), words.to_owned()))
            .to_vec(),
    }]);
}

fn made_up_host() -> Facts {
    let settings = SSHD.lines().filter_map(|line| line.split_once(' '));
    let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let ssh = SshFacts {
        version: "OpenSSH_9.2p1 Debian-2+deb12u10".to_owned(),
        contexts: vec![SshContext { visitor: "everyone".to_owned(), settings }],
    };
    let packages = PackageFacts {
        release: "Debian GNU/Linux 12 (bookworm)".to_owned(),
        pending: vec![PendingPackage {
            name: "openssl".to_owned(),
            installed: "3.0.15-1".to_owned(),
            candidate: "3.0.17-1".to_owned(),
            security: true,
        }],
        held_back: Vec::new(),
        lists_fetched: Some(NOW.minus(Duration::from_hours(3))),
        reboot_wanted_by: None,
        automatic: Vec::new(),
        unattended_installed: false,
    };
    let generation = KeptGeneration { generation: Generation(2), leaf: leaf(&["*.example.com", "example.com"], 60) };
    let kept = CertificateFacts {
        listeners: vec!["127.0.0.1:443".to_owned()],
        zones: vec!["example.com".to_owned()],
        kept: vec![KeptCertificate {
            certificate: CertificateId(1),
            consumer: Some(Consumer::Nginx),
            current: Some(generation.generation),
            generations: vec![generation.clone()],
        }],
        standing: Vec::new(),
    };
    let served = ServedFacts {
        handshakes: ["pbx.example.com", "acme.example.com"].map(|name| shown(name, generation.leaf.clone())).to_vec(),
    };
    Facts {
        ssh: Source::Known { at: NOW.minus(Duration::from_hours(5)), value: ssh },
        packages: Source::Known { at: NOW, value: packages },
        kept: Source::Known { at: NOW, value: kept },
        served: Source::Known { at: NOW, value: served },
        ..facts_with(as_installed)
    }
}

#[test]
fn the_report_of_a_made_up_host_reads_as_it_should() {
    let report = judge(&made_up_host());
    let score = score(&report);

    let mut text = format!("score {} ({} of {})\n\n", score.points, score.earned, score.possible);
    for wall in &report.walls {
        writeln!(text, "{}", serde_json::to_string(wall).unwrap()).unwrap();
    }
    text.push('\n');
    for guarded in layers(&report) {
        let count = |standing| guarded.count(standing);
        let (stands, missing) = (count(Standing::Stands), count(Standing::Missing));
        writeln!(text, "{}: {stands} stand, {missing} missing, the rest unknown", guarded.asset.title()).unwrap();
    }
    for finding in &report.findings {
        writeln!(text, "\n{}", serde_json::to_string_pretty(finding).unwrap()).unwrap();
    }

    insta::assert_snapshot!(text);
}
