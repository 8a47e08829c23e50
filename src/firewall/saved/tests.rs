use super::read;
use crate::firewall::address::Family;
use crate::firewall::model::{Action, Backend, CauseKind, Condition, Field, Firewall, Step};
use crate::firewall::sets::Sets;

fn parsed(text: &str) -> Firewall {
    let mut firewall = Firewall::default();
    read(&mut firewall, Backend::Legacy, Family::V4, text, &Sets::default());
    firewall
}

fn one(rule: &str) -> Vec<Step> {
    let firewall = parsed(&format!("*filter\n:INPUT DROP [0:0]\n:own - [0:0]\n{rule}\nCOMMIT\n"));
    assert!(firewall.doubts.is_empty(), "{:?}", firewall.doubts);
    firewall.chains[0].rules[0].steps.clone()
}

#[test]
fn chains_know_where_the_kernel_calls_them_and_what_becomes_of_the_rest() {
    let firewall = parsed(
        "*raw\n:PREROUTING ACCEPT [1:2]\n*nat\n:POSTROUTING ACCEPT [0:0]\n*filter\n:INPUT DROP [0:0]\n:mine - [0:0]\n",
    );

    let base: Vec<_> =
        firewall.chains.iter().map(|chain| chain.base.as_ref().map(|base| (base.priority, base.drops))).collect();
    assert_eq!(base, [Some((-300, false)), Some((100, false)), Some((0, true)), None]);
    assert!(firewall.chains[1].base.as_ref().is_some_and(|base| base.translates));
}

#[test]
fn counters_comment_and_text_of_a_rule_are_kept() {
    let firewall = parsed("*filter\n:INPUT DROP [0:0]\n[7:420] -A INPUT -m comment --comment \"a -j b\" -j ACCEPT\n");

    let rule = &firewall.chains[0].rules[0];
    assert_eq!(rule.counters, Some((7, 420)));
    assert_eq!(rule.comment.as_deref(), Some("a -j b"));
    assert!(matches!(rule.steps.as_slice(), [Step::Do(Action::Accept)]));
    assert_eq!(rule.text, "-A INPUT -m comment --comment \"a -j b\" -j ACCEPT");
}

#[test]
fn a_match_that_is_not_known_stays_in_its_rule_with_its_text() {
    for (rule, kind) in [
        ("-A INPUT -m geoip --source-country DE -j ACCEPT", CauseKind::Unknown),
        ("-A INPUT -p tcp -m tcp --dport 22 --new-option 7 -j ACCEPT", CauseKind::Unknown),
        ("-A INPUT -m limit --limit 3/min -j ACCEPT", CauseKind::Rate),
        ("-A INPUT -m time --timestart 08:00:00 -j ACCEPT", CauseKind::Time),
        ("-A INPUT -m mac --mac-source 02:00:00:00:00:01 -j ACCEPT", CauseKind::Header),
        ("-A INPUT -m set --match-set gone src -j ACCEPT", CauseKind::Unknown),
    ] {
        let steps = one(rule);

        let unsure =
            steps.iter().any(|step| matches!(step, Step::If(Condition::Unsure(cause)) if cause.kind == kind));
        assert!(unsure, "{rule}: {steps:?}");
        assert!(matches!(steps.last(), Some(Step::Do(Action::Accept))), "{rule}");
    }
}

#[test]
fn a_target_that_is_not_known_may_do_anything() {
    assert!(matches!(one("-A INPUT -j TARPIT --tarpit").as_slice(), [Step::Do(Action::Unsure(_))]));
    assert!(
        matches!(one("-A INPUT -j NFQUEUE --queue-num 3").as_slice(), [Step::Do(Action::Unsure(cause))] if cause.kind == CauseKind::Program)
    );
    assert!(matches!(one("-A INPUT -j own").as_slice(), [Step::Do(Action::Jump(1))]));
    assert!(matches!(one("-A INPUT -g own").as_slice(), [Step::Do(Action::Goto(1))]));
    assert!(matches!(one("-A INPUT -j LOG --log-prefix \"x \"").as_slice(), [Step::Do(Action::Continue)]));
}

#[test]
fn negation_stands_before_what_it_negates() {
    let steps = one("-A INPUT ! -s 192.0.2.0/24 -p tcp -m tcp ! --dport 1:100 -j DROP");

    let negated = |field: Field| {
        steps.iter().any(|step| {
            let Step::If(Condition::Not(inner)) = step else { return false };
            matches!(inner.as_ref(), Condition::In(of, _) if *of == field)
        })
    };
    assert!(negated(Field::Source) && negated(Field::DestinationPort) && !negated(Field::Protocol));
}

#[test]
fn a_line_that_is_no_rule_leaves_every_answer_in_doubt() {
    assert_eq!(parsed("*filter\n:INPUT DROP [0:0]\n-A INPUT -j ACCEPT\n-A gone -j DROP\nhello\n").doubts.len(), 2);
}
