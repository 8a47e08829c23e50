//! What nft's text says that its JSON does not: flags of tables, devices of chains, and rules as people read them.

use std::collections::{HashMap, HashSet};

use crate::firewall::nft::TableName;

/// The outline of a rule set.
#[derive(Debug, Default)]
pub(super) struct Outline {
    dormant: HashSet<TableName>,
    devices: HashMap<(TableName, String), Vec<String>>,
    rules: HashMap<(TableName, String), Vec<String>>,
}

impl Outline {
    /// Reads `nft list ruleset`.
    pub(super) fn read(text: &str) -> Self {
        let mut outline = Self::default();
        let mut table: Option<TableName> = None;
        let mut block: Option<(bool, String)> = None;
        let mut open = String::new();
        for line in text.lines().map(str::trim) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match (&table, &block, words.as_slice()) {
                (None, _, ["table", family, name, "{"]) => table = Some(((*family).to_owned(), (*name).to_owned())),
                (Some(_), None, ["}"]) => table = None,
                (Some(of), None, ["flags", flags @ ..]) if flags.iter().any(|flag| is_dormant(flag)) => {
                    outline.dormant.insert(of.clone());
                }
                (Some(_), None, [kind, name, "{"]) => block = Some((*kind == "chain", (*name).to_owned())),
                (Some(_), Some((false, _)), ["}"]) => block = None,
                (Some(_), Some((true, _)), ["}"]) if open.is_empty() => block = None,
                (Some(of), Some((true, name)), [_, ..]) => {
                    // A long anonymous set goes on in the next line.
                    open = if open.is_empty() { line.to_owned() } else { format!("{open} {line}") };
                    if balanced(&open) {
                        outline.line((of.clone(), name.clone()), std::mem::take(&mut open));
                    }
                }
                _ => {}
            }
        }
        outline
    }

    fn line(&mut self, chain: (TableName, String), line: String) {
        if line.starts_with("type ") && line.contains(" hook ") {
            self.devices.insert(chain, devices(&line));
        } else if !line.starts_with("policy ") && !line.starts_with("comment ") {
            self.rules.entry(chain).or_default().push(line);
        }
    }

    /// Whether the table is there but not applied.
    pub(super) fn dormant(&self, table: &TableName) -> bool {
        self.dormant.contains(table)
    }

    /// The devices a chain stands at.
    pub(super) fn devices(&self, table: &TableName, chain: &str) -> Vec<String> {
        self.devices.get(&(table.clone(), chain.to_owned())).cloned().unwrap_or_default()
    }

    /// A rule's text by its place in its chain.
    pub(super) fn rule(&self, table: &TableName, chain: &str, nth: usize) -> Option<&str> {
        self.rules.get(&(table.clone(), chain.to_owned()))?.get(nth).map(String::as_str)
    }
}

fn is_dormant(flag: &str) -> bool {
    flag.trim_matches([',', ';']) == "dormant"
}

/// Whether every brace outside quotes is closed.
fn balanced(line: &str) -> bool {
    let (mut depth, mut quoted) = (0_i32, false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => depth -= 1,
            _ => {}
        }
    }
    depth <= 0
}

/// `... device "eth0" priority ...` or `... devices = { "eth0", "eth1" } priority ...`.
fn devices(line: &str) -> Vec<String> {
    let Some((_, after)) = line.split_once(" device") else { return Vec::new() };
    let listed = after.split(" priority").next().unwrap_or("");
    let parts = listed.trim_start_matches('s').split([',', '{', '}', '=', ' ', '"']);
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::Outline;

    const TEXT: &str = "table netdev edge {\n\tchain ing {\n\t\ttype filter hook ingress device \"eth0\" priority -500; policy accept;\n\
        \t\ttcp dport { 1, 2,\n\t\t\t    3 } drop\n\t\tlog prefix \"{\" accept\n\t}\n\tchain two {\n\
        \t\ttype filter hook ingress devices = { eth1, sip0 } priority 0; policy accept;\n\t}\n}\n\
        table inet off {\n\tflags dormant\n\n\tset s {\n\t\ttype ipv4_addr\n\t\telements = { 1.2.3.4,\n\t\t\t     1.2.3.5 }\n\t}\n}\n";

    #[test]
    fn the_text_gives_devices_flags_and_rules_over_several_lines() {
        let outline = Outline::read(TEXT);
        let edge = ("netdev".to_owned(), "edge".to_owned());

        assert_eq!(outline.devices(&edge, "ing"), ["eth0"]);
        assert_eq!(outline.devices(&edge, "two"), ["eth1", "sip0"]);
        assert_eq!(outline.rule(&edge, "ing", 0), Some("tcp dport { 1, 2, 3 } drop"));
        assert_eq!(outline.rule(&edge, "ing", 1), Some("log prefix \"{\" accept"));
        assert!(outline.dormant(&("inet".to_owned(), "off".to_owned())) && !outline.dormant(&edge));
    }
}
