use super::read;
use crate::firewall::model::{Action, CauseKind, Condition, Firewall, Hook, Marked, Step};

fn chain(rules: &[&str]) -> String {
    let rules: Vec<String> = rules
        .iter()
        .map(|expr| format!(r#",{{"rule":{{"family":"inet","table":"t","chain":"c","expr":[{expr}]}}}}"#))
        .collect();
    format!(
        r#"{{"nftables":[{{"table":{{"family":"inet","name":"t"}}}},
        {{"set":{{"family":"inet","name":"dyn","table":"t","type":"ipv4_addr"}}}},
        {{"set":{{"family":"inet","name":"adm","table":"t","type":"ipv4_addr","elem":[{{"prefix":{{"addr":"10.8.0.0","len":24}}}}]}}}},
        {{"chain":{{"family":"inet","table":"t","name":"c","type":"filter","hook":"input","prio":-5,"policy":"drop"}}}},
        {{"chain":{{"family":"inet","table":"t","name":"u"}}}}{}]}}"#,
        rules.concat()
    )
}

fn parsed(json: &str, text: &str) -> Firewall {
    let mut firewall = Firewall::default();
    read(&mut firewall, json, text);
    firewall
}

fn steps(expr: &str) -> Vec<Step> {
    let firewall = parsed(&chain(&[expr]), "");
    assert!(firewall.doubts.is_empty(), "{:?}", firewall.doubts);
    firewall.chains[0].rules[0].steps.clone()
}

#[test]
fn a_base_chain_knows_its_hook_priority_and_policy() {
    let firewall = parsed(&chain(&[]), "");

    let base = firewall.chains[0].base.as_ref().expect("a base chain");
    assert_eq!((base.hook, base.priority, base.drops), (Hook::Input, -5, true));
    assert!(firewall.chains[1].base.is_none());
}

#[test]
fn a_dormant_table_is_left_out_although_the_json_hides_it() {
    let text = "table inet t {\n\tflags dormant\n\n\tchain c {\n\t\ttype filter hook input priority -5; policy drop;\n\t}\n}\n";

    let firewall = parsed(&chain(&[]), text);

    assert!(firewall.chains.is_empty());
    assert_eq!(firewall.notes.len(), 2);
}

#[test]
fn a_port_implies_its_protocol_and_an_address_its_family() {
    let port = steps(
        r#"{"match":{"op":"!=","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":22}},{"drop":null}"#,
    );
    let set = steps(
        r#"{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":"@adm"}},{"accept":null}"#,
    );

    assert!(matches!(
        port.as_slice(),
        [Step::If(Condition::In(..)), Step::If(Condition::Not(_)), Step::Do(Action::Drop)]
    ));
    assert!(matches!(
        set.as_slice(),
        [Step::If(Condition::In(..)), Step::If(Condition::In(..)), Step::Do(Action::Accept)]
    ));
}

#[test]
fn a_set_that_packets_fill_leaves_doubt() {
    let json = chain(&[
        r#"{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":"@dyn"}},{"drop":null}"#,
        r#"{"set":{"op":"add","elem":{"payload":{"protocol":"ip","field":"saddr"}},"set":"@dyn"}}"#,
        r#"{"set":{"op":"add","elem":{"payload":{"protocol":"ip","field":"saddr"}},"set":"@dyn","stmt":[{"limit":{"rate":3}}]}},{"accept":null}"#,
    ]);

    let rules = parsed(&json, "").chains[0].rules.clone();

    assert!(
        rules[0]
            .steps
            .iter()
            .any(|step| matches!(step, Step::If(Condition::Unsure(cause)) if cause.kind == CauseKind::Changing))
    );
    assert!(rules[1].steps.is_empty());
    assert!(matches!(&rules[2].steps[0], Step::If(Condition::Unsure(cause)) if cause.kind == CauseKind::Rate));
}

#[test]
fn matches_and_verdicts_that_are_not_known_are_never_left_out() {
    for (expr, kind) in [
        (
            r#"{"match":{"op":"==","left":{"socket":{"key":"transparent"}},"right":1}},{"accept":null}"#,
            CauseKind::Unknown,
        ),
        (r#"{"match":{"op":"==","left":{"meta":{"key":"hour"}},"right":"08:00"}},{"accept":null}"#, CauseKind::Time),
        (
            r#"{"match":{"op":"<","left":{"payload":{"protocol":"ip","field":"ttl"}},"right":5}},{"drop":null}"#,
            CauseKind::Header,
        ),
        (r#"{"limit":{"rate":3,"per":"second"}},{"accept":null}"#, CauseKind::Rate),
        (r#"{"xt":{"type":"match","name":"string"}},{"drop":null}"#, CauseKind::Unknown),
    ] {
        assert!(matches!(&steps(expr)[0], Step::If(Condition::Unsure(cause)) if cause.kind == kind), "{expr}");
    }
    assert!(matches!(steps(r#"{"tproxy":{"port":3000}}"#).as_slice(), [Step::Do(Action::Unsure(_))]));
    assert!(matches!(steps(r#"{"xt":{"type":"target","name":"X"}}"#).as_slice(), [Step::Do(Action::Unsure(_))]));
}

#[test]
fn marks_are_followed_through_and_or_and_xor() {
    let set = |value: &str| {
        steps(&format!(r#"{{"mangle":{{"key":{{"meta":{{"key":"mark"}}}},"value":{value}}}}}"#)).remove(0)
    };
    let is = |step: Step, action: &Action| matches!(&step, Step::Do(done) if done == action);

    assert!(is(set("7"), &Action::Mark(Marked::Packet, u32::MAX, 7)));
    assert!(is(set(r#"{"|":[{"meta":{"key":"mark"}},16]}"#), &Action::Mark(Marked::Packet, 16, 16)));
    assert!(is(set(r#"{"ct":{"key":"mark"}}"#), &Action::CopyMark { to: Marked::Packet }));
    assert!(is(set(r#"{"map":{"key":1,"data":"@x"}}"#), &Action::MarkUnknown(Marked::Packet)));
}

#[test]
fn text_that_is_no_json_leaves_every_answer_in_doubt() {
    assert_eq!(parsed("{", "table inet t {\n}\n").doubts.len(), 1);
    assert!(parsed("", "").doubts.is_empty());
}
