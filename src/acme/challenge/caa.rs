//! Which CAs a name's owner allows (CAA, RFC 8659), for which accounts and by which proof (RFC 8657). Pure.

use crate::base::chain::printable;
use crate::base::names::CertificateName;

/// One property, as DNS has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// Whether a CA that does not know the tag must refuse.
    pub is_critical: bool,
    /// `issue`, `issuewild`, `iodef`, and what is still to come.
    pub tag: String,
    /// Its value.
    pub value: String,
}

/// Who would ask for the certificate, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The names that the CA goes by, from its directory (`caaIdentities`).
    pub identities: Vec<String>,
    /// The account's address at the CA.
    pub account: String,
}

/// Whether the properties that hold for `name` let the CA issue to `asker`, proved by `method`.
///
/// # Errors
/// Why not, in words that name what stands there.
pub fn judge(set: &[Property], name: &CertificateName, asker: &Asker, method: &str) -> Result<(), String> {
    let is = |property: &&Property, tag: &str| property.tag.eq_ignore_ascii_case(tag);
    let known = ["issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"];
    if let Some(unknown) = set.iter().find(|one| one.is_critical && !known.iter().any(|tag| is(one, tag))) {
        return Err(format!("it has the critical property {:?}, which no CA may pass over", printable(&unknown.tag)));
    }
    let of = |tag: &str| set.iter().filter(|one| is(one, tag)).collect::<Vec<_>>();
    let wild = of("issuewild");
    let rules = if name.is_wildcard() && !wild.is_empty() { wild } else { of("issue") };
    if rules.is_empty() || rules.iter().any(|rule| allows(&rule.value, asker, method)) {
        return Ok(());
    }
    let said: Vec<String> = rules.iter().map(|rule| format!("{} {:?}", rule.tag, printable(&rule.value))).collect();
    Err(format!(
        "it allows only {}; this CA goes by {}, the account is {}, and the proof is {method}",
        said.join(" and "),
        printable(&asker.identities.join(" or ")),
        printable(&asker.account)
    ))
}

/// `ca.example; accounturi=https://…; validationmethods=dns-01,http-01`.
fn allows(value: &str, asker: &Asker, method: &str) -> bool {
    let mut parts = value.split(';').map(str::trim);
    let issuer = parts.next().unwrap_or_default().trim_end_matches('.');
    if !asker.identities.iter().any(|own| own.trim_end_matches('.').eq_ignore_ascii_case(issuer)) {
        return false;
    }
    parts.filter(|part| !part.is_empty()).all(|part| match part.split_once('=') {
        Some((key, value)) if key.trim().eq_ignore_ascii_case("accounturi") => value.trim() == asker.account,
        Some((key, value)) if key.trim().eq_ignore_ascii_case("validationmethods") => {
            value.split(',').any(|one| one.trim().eq_ignore_ascii_case(method))
        }
        Some(_) => true,
        // Broken: a CA takes it for a rule that nobody fulfils.
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(properties: &[(&str, &str)]) -> Vec<Property> {
        let property = |(tag, value): &(&str, &str)| Property {
            is_critical: tag.starts_with('!'),
            tag: tag.trim_start_matches('!').to_owned(),
            value: (*value).to_owned(),
        };
        properties.iter().map(property).collect()
    }

    fn is_allowed(properties: &[(&str, &str)], name: &str) -> bool {
        let asker = Asker {
            identities: vec!["ca.example".to_owned(), "other-name.example".to_owned()],
            account: "https://ca.example/acct/7".to_owned(),
        };
        let name = CertificateName::parse(name).unwrap();
        judge(&set(properties), &name, &asker, "dns-01").is_ok()
    }

    #[test]
    fn where_nothing_stands_everyone_may() {
        assert!(is_allowed(&[], "a.example.com"));
        assert!(is_allowed(&[("iodef", "mailto:x@example.com")], "a.example.com"));
        assert!(is_allowed(&[("issuewild", "nobody.example")], "a.example.com"));
    }

    #[test]
    fn one_rule_that_names_the_ca_is_enough() {
        assert!(is_allowed(&[("issue", "nobody.example"), ("ISSUE", "CA.example.")], "a.example.com"));
        assert!(is_allowed(&[("issue", "other-name.example")], "*.example.com"));
        assert!(!is_allowed(&[("issue", "nobody.example")], "a.example.com"));
        assert!(!is_allowed(&[("issue", ";")], "a.example.com"));
        assert!(!is_allowed(&[("issue", "")], "a.example.com"));
    }

    #[test]
    fn a_wildcard_has_rules_of_its_own() {
        let rules = [("issue", "ca.example"), ("issuewild", "nobody.example")];

        assert!(is_allowed(&rules, "a.example.com"));
        assert!(!is_allowed(&rules, "*.example.com"));
        assert!(is_allowed(&[("issue", "nobody.example"), ("issuewild", "ca.example")], "*.example.com"));
    }

    #[test]
    fn a_rule_may_be_for_one_account_and_some_ways_of_proof_only() {
        assert!(is_allowed(&[("issue", "ca.example; accounturi=https://ca.example/acct/7")], "a.example.com"));
        assert!(!is_allowed(&[("issue", "ca.example; accounturi=https://ca.example/acct/8")], "a.example.com"));
        assert!(is_allowed(&[("issue", "ca.example;validationmethods=http-01, dns-01")], "a.example.com"));
        assert!(!is_allowed(&[("issue", "ca.example; validationmethods=http-01")], "a.example.com"));
        assert!(!is_allowed(&[("issue", "ca.example; nonsense")], "a.example.com"));
        assert!(is_allowed(&[("issue", "ca.example; policy=ev")], "a.example.com"));
    }

    #[test]
    fn a_critical_property_that_nobody_knows_forbids_all() {
        assert!(!is_allowed(&[("!tbs", "unknown"), ("issue", "ca.example")], "a.example.com"));
        assert!(is_allowed(&[("tbs", "unknown"), ("!issue", "ca.example")], "a.example.com"));
    }
}
