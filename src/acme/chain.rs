//! Which of a CA's chains is used. The one that came first is never lost over one that did not come.

use x509_parser::certificate::X509Certificate;

use crate::tls::leaf;

/// The root that every phone of the last ten years trusts (`docs/operating.md`, *Choices*).
pub const ISRG_ROOT_X1: &str = "ISRG Root X1";

/// The most chains that are looked at.
const MAX_ALTERNATES: usize = 8;

/// The addresses of alternate chains in `Link` headers (RFC 8555 section 7.4.2), in their order. `Link` is read as RFC 8288
/// section 3 writes it, one link in each value or many.
#[must_use]
pub fn alternates(links: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for link in links.iter().flat_map(|value| split(value)) {
        let Some((target, parameters)) = link.trim().strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
            continue;
        };
        let is_alternate = parameters.split(';').any(|parameter| {
            let parameter = parameter.trim().to_ascii_lowercase();
            matches!(parameter.as_str(), "rel=alternate" | "rel=\"alternate\"")
        });
        if is_alternate && found.len() < MAX_ALTERNATES {
            found.push(target.to_owned());
        }
    }
    found
}

/// The links of one header: at commas outside `<…>` and quotes.
fn split(value: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut from, mut parts) = (false, false, 0, Vec::new());
    for (at, letter) in value.char_indices() {
        match letter {
            '<' if !quoted => depth = true,
            '>' if !quoted => depth = false,
            '"' if !depth => quoted = !quoted,
            ',' if !depth && !quoted => {
                parts.extend(value.get(from..at));
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(value.get(from..));
    parts
}

/// Whether the chain leads to the root with this common name: its last certificate is signed by it, or it is in the chain.
#[must_use]
pub fn leads_to(chain_pem: &str, root: &str) -> bool {
    let Ok(chain) = leaf::chain_from_pem(chain_pem) else { return false };
    let parsed: Vec<X509Certificate<'_>> = chain.iter().filter_map(|der| leaf::parse(der).ok()).collect();
    let is_root = |name: &x509_parser::x509::X509Name<'_>| {
        name.iter_common_name().any(|own| own.as_str().is_ok_and(|own| own == root))
    };
    parsed.iter().skip(1).any(|certificate| is_root(certificate.subject()))
        || parsed.last().is_some_and(|last| is_root(last.issuer()))
}

/// The common name of whoever signed the last certificate of the chain.
#[must_use]
pub fn end(chain_pem: &str) -> Option<String> {
    let chain = leaf::chain_from_pem(chain_pem).ok()?;
    let last = leaf::parse(chain.last()?).ok()?;
    let name = last.issuer().iter_common_name().next()?.as_str().ok()?.to_owned();
    Some(crate::base::chain::printable(&name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    use super::*;

    fn links(values: &[&str]) -> Vec<String> {
        alternates(&values.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn alternate_chains_are_found_among_other_links() {
        let found = links(&[
            r#"<https://ca.test/dir>;rel="index""#,
            r#"<https://ca.test/1,a>; title="x, y"; rel="alternate", <https://ca.test/2>;REL=Alternate"#,
            "nonsense",
            "<https://ca.test/3",
        ]);

        assert_eq!(found, ["https://ca.test/1,a", "https://ca.test/2"]);
        assert_eq!(links(&[&"<https://ca.test/x>;rel=alternate,".repeat(50)]).len(), MAX_ALTERNATES);
    }

    #[test]
    fn a_chain_leads_to_who_signed_its_end() {
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.distinguished_name.push(DnType::CommonName, ISRG_ROOT_X1);
        let issuer = Issuer::new(root, KeyPair::generate().unwrap());
        let mut between = CertificateParams::default();
        between.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        between.distinguished_name.push(DnType::CommonName, "YR1");
        let key = KeyPair::generate().unwrap();
        let between_pem = between.signed_by(&key, &issuer).unwrap().pem();
        let between = Issuer::new(between, key);
        let leaf = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &between).unwrap().pem();
        let chain = format!("{leaf}{between_pem}");

        assert!(leads_to(&chain, ISRG_ROOT_X1) && leads_to(&chain, "YR1"));
        assert!(!leads_to(&chain, "ISRG Root X2") && !leads_to("", ISRG_ROOT_X1));
        assert_eq!(end(&chain).as_deref(), Some(ISRG_ROOT_X1));
        assert_eq!(end(&leaf).as_deref(), Some("YR1"));
    }

    proptest! {
        #[test]
        fn no_header_panics(values in prop::collection::vec("\\PC{0,80}", 0..5)) {
            prop_assert!(alternates(&values).len() <= MAX_ALTERNATES);
        }
    }
}
