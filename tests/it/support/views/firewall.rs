//! The data of the firewall's page.

use rampart::web::pages::firewall::{
    AnswerView, AskView, CellView, ChainView, FirewallPage, FirewallView, RuleView, ServiceView,
};
use rampart::web::parts::Mark;

use super::Town;

pub(super) fn page(town: Town) -> FirewallPage {
    FirewallPage {
        frame: town.frame("Firewall", "firewall"),
        head: town.head("Firewall", "Decides who reaches a service at all.", Mark::Fail, "1 fails, 3 pass"),
        findings: town.list(vec![town.finding("FW-02", Mark::Fail, "critical", "Over IPv6 every port is open")]),
        ask: AskView {
            action: "/firewall".into(),
            from: town.text("203.0.113.9"),
            port: town.text("8787"),
            protocols: [("tcp", "TCP", true), ("udp", "UDP", false), ("ping", "Ping", false)]
                .map(|(value, words, chosen)| (value.to_owned(), words.to_owned(), chosen))
                .into(),
            interface: town.text("eth0"),
            fault: town.fault("Give one address, such as 203.0.113.9 or 2001:db8::9."),
            answer: (town != Town::Empty).then(|| AnswerView {
                mark: Mark::Pass,
                words: town.name("203.0.113.9 to 192.0.2.1 port 8787 by eth0: unreachable"),
                reason: town.name("iptables-legacy ip filter INPUT: policy drop"),
                path: vec![("stops".into(), town.name("iptables-legacy ip filter INPUT: policy drop"))],
            }),
        },
        facts: town.known(FirewallView {
            source: "the save tools of every backend, read 2026-11-22 18:40 UTC".into(),
            doubts: town.list(vec![town.name("ipset-save.txt: ipset failed")]),
            zones: vec![
                ("Internet".into(), town.name("IPv4 by eth0")),
                ("This host".into(), town.name("IPv4 by lo")),
            ],
            services: vec![service(town, "tcp 22", "sshd"), service(town, "tcp 5432", "postgres")],
            boot: vec!["netfilter-persistent is enabled.".into(), "/etc/iptables/rules.v6 is not there.".into()],
            chains: vec![ChainView {
                title: town.name("iptables-legacy ip filter INPUT"),
                rules: vec![RuleView {
                    number: "1".into(),
                    text: town.name("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"),
                    packets: town.text("4711"),
                    owner: "FusionPBX's installer".into(),
                }],
            }],
            rule_words: "1 rules.".into(),
        }),
    }
}

fn service(town: Town, name: &str, holder: &str) -> ServiceView {
    let cell = |zone: &str, mark: Mark, words: &str, note: &str| CellView {
        zone: town.name(zone),
        mark,
        words: words.into(),
        note: town.text(note),
    };
    ServiceView {
        name: name.into(),
        address: town.name("every address"),
        holder: town.name(holder),
        cells: vec![
            cell("Internet, IPv4 by eth0", Mark::NotTested, "depends", "only from some: 203.0.113.0/24"),
            cell("This host, IPv4 by lo", Mark::Plain, "reachable", ""),
        ],
    }
}
