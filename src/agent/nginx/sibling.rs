//! A certificate's own server block: FusionPBX's TLS server block again, with other names and another certificate.

use std::collections::BTreeSet;
use std::path::Path;

use crate::agent::nginx::syntax::{Directive, SyntaxError, parse, print};
use crate::base::names::CertificateName;

/// Why there is no such block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::agent) enum SiblingError {
    /// The site file is not understood.
    #[error("the site file is not understood")]
    Site(#[from] SyntaxError),
    /// No server block listens with TLS.
    #[error("no server block of the site file has `listen ... ssl`")]
    NoTls,
    /// A name is served by another server block already.
    #[error("{name} is already served by another server block (server_name {pattern})")]
    Taken {
        /// The name.
        name: String,
        /// The name as that block writes it.
        pattern: String,
    },
    /// A path that nginx would read as something else.
    #[error("a path of the agent's place cannot be written in nginx's language")]
    Path,
    /// What was printed does not read back the same. Never seen; a guard.
    #[error("the new server block does not read back as it was meant")]
    NotTheSame,
}

/// The certificate and key that a block serves.
#[derive(Clone, Copy, Debug)]
pub(in crate::agent) struct Pair<'a> {
    /// The leaf and its intermediates, PEM.
    pub(in crate::agent) chain: &'a Path,
    /// The private key, PEM.
    pub(in crate::agent) key: &'a Path,
}

/// The text of a server block for `names`, modelled on the first TLS server block of `site`.
///
/// # Errors
/// The site is not understood, has no TLS server block, or serves one of the names already.
pub(in crate::agent) fn render(
    site: &str,
    names: &[CertificateName],
    pair: Pair<'_>,
) -> Result<String, SiblingError> {
    let site = parse(site)?;
    refuse_taken(&site, names)?;
    let model = tls_servers(&site).next().ok_or(SiblingError::NoTls)?;
    let block = vec![sibling(model, names, pair)?];
    let text = print(&block);
    // What nginx will read, and not what was meant, is what counts.
    if parse(&text).as_ref() == Ok(&block) { Ok(text) } else { Err(SiblingError::NotTheSame) }
}

/// The names that the server blocks of `text` answer to.
///
/// # Errors
/// The text is not understood.
pub(in crate::agent) fn server_names(text: &str) -> Result<BTreeSet<String>, SyntaxError> {
    Ok(parse(text)?.iter().flat_map(names_of).map(str::to_ascii_lowercase).collect())
}

/// The value of the first `ssl_certificate` in the server blocks of `text`.
///
/// # Errors
/// The text is not understood.
pub(in crate::agent) fn certificate_path(text: &str) -> Result<Option<String>, SyntaxError> {
    let config = parse(text)?;
    let inside = config.iter().filter_map(|server| server.block.as_ref()).flatten();
    let mut paths = inside.filter(|directive| directive.name() == "ssl_certificate");
    Ok(paths.next().and_then(|directive| directive.arguments().next()).map(ToOwned::to_owned))
}

fn tls_servers(site: &[Directive]) -> impl Iterator<Item = &Directive> {
    let has_tls = |server: &&Directive| {
        server
            .block
            .iter()
            .flatten()
            .any(|inner| inner.name() == "listen" && inner.arguments().any(|word| word == "ssl"))
    };
    site.iter().filter(|directive| directive.name() == "server").filter(has_tls)
}

fn names_of(server: &Directive) -> impl Iterator<Item = &str> {
    let inside = server.block.iter().flatten();
    inside.filter(|directive| directive.name() == "server_name").flat_map(Directive::arguments)
}

fn refuse_taken(site: &[Directive], names: &[CertificateName]) -> Result<(), SiblingError> {
    for pattern in tls_servers(site).flat_map(names_of) {
        if let Some(name) = names.iter().find(|name| serves(pattern, name)) {
            return Err(SiblingError::Taken { name: name.to_string(), pattern: pattern.to_owned() });
        }
    }
    Ok(())
}

/// Whether a block with this `server_name` gets requests for `name` today (nginx's "Server names" page). A regular
/// expression is not evaluated: it counts as serving every name, since nobody knows.
fn serves(pattern: &str, name: &CertificateName) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let wildcard = CertificateName::parse(pattern.strip_prefix('.').map_or(&pattern, |_| "")).ok();
    if let Some(same) = wildcard {
        return same == *name || (!name.is_wildcard() && same.covers(name.base()));
    }
    if let Some(base) = pattern.strip_prefix('.') {
        // `.example.com` is `example.com` and all that lies below it.
        let host = name.base().as_str();
        return host == base || host.strip_suffix(base).is_some_and(|front| front.ends_with('.'));
    }
    if let Some(front) = pattern.strip_suffix(".*") {
        return name.base().as_str().strip_prefix(front).is_some_and(|rest| rest.starts_with('.'));
    }
    pattern.starts_with('~')
}

fn sibling(model: &Directive, names: &[CertificateName], pair: Pair<'_>) -> Result<Directive, SiblingError> {
    let text = |path: &'_ Path| -> Result<String, SiblingError> {
        let text = path.to_str().filter(|text| !text.contains(['$', '"', '\'', '\\']));
        text.map(ToOwned::to_owned).ok_or(SiblingError::Path)
    };
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let names: Vec<&str> = std::iter::once("server_name").chain(names.iter().map(String::as_str)).collect();
    let mut block = Vec::new();
    for directive in model.block.iter().flatten() {
        match directive.name() {
            "listen" => block.push(listen(directive)),
            "server_name" | "ssl_certificate" | "ssl_certificate_key" => {}
            _ => block.push(directive.clone()),
        }
    }
    let after_listens = block.iter().rposition(|directive| directive.name() == "listen").map_or(0, |last| last + 1);
    let ours = [
        Directive::new(&names),
        Directive::new(&["ssl_certificate", &text(pair.chain)?]),
        Directive::new(&["ssl_certificate_key", &text(pair.key)?]),
    ];
    block.splice(after_listens..after_listens, ours);
    Ok(Directive { words: model.words.clone(), block: Some(block) })
}

/// The same address, without what only one block may say (`default_server`, `reuseport`, `ipv6only` and so on): it holds
/// for every block on that address anyway.
fn listen(directive: &Directive) -> Directive {
    let keeps = |value: &str| matches!(value, "ssl" | "http2" | "proxy_protocol");
    let kept = directive.words.iter().enumerate().filter(|(place, word)| *place < 2 || keeps(word.value()));
    Directive { words: kept.map(|(_, word)| word.clone()).collect(), block: None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SITE: &str = r#"
server {
    listen 80;
    server_name plain.example.com;
}
server {
    listen 127.0.0.1:443 ssl http2 default_server reuseport;
    listen [::]:443 ssl default_server ipv6only=on;
    server_name fusionpbx;
    ssl_certificate /etc/ssl/certs/nginx.crt;
    ssl_certificate_key /etc/ssl/private/nginx.key; # the old key
    ssl_certificate /etc/ssl/certs/second.crt;
    rewrite "^/provision/([a-f0-9]{12})\.cfg$" /index.php?mac=$1 last;
    if ($uri ~* "^.*(provision|xml_cdr).*$") {
        rewrite ^(.*) https://$host$1 permanent;
        break;
    }
    location ~ \.php$ {
        include fastcgi_params;
    }
}
server { listen 8443 ssl; server_name .taken.example other.example.org *.wild.example www.left.* ; }
"#;

    fn names(texts: &[&str]) -> Vec<CertificateName> {
        texts.iter().map(|text| CertificateName::parse(text).unwrap()).collect()
    }

    fn rendered(site: &str, texts: &[&str]) -> Result<String, SiblingError> {
        let pair = Pair {
            chain: Path::new("/var/lib/rampart-agent/certificates/7/3/fullchain.pem"),
            key: Path::new("/var/lib/rampart-agent/certificates/7/3/privkey.pem"),
        };
        render(site, &names(texts), pair)
    }

    #[test]
    fn a_sibling_has_the_same_directives_with_other_names_and_another_certificate() {
        let text = rendered(SITE, &["*.tenant.example.com", "tenant.example.com"]).unwrap();

        insta::assert_snapshot!(text, @r#"
        server {
            listen 127.0.0.1:443 ssl http2;
            listen [::]:443 ssl;
            server_name *.tenant.example.com tenant.example.com;
            ssl_certificate /var/lib/rampart-agent/certificates/7/3/fullchain.pem;
            ssl_certificate_key /var/lib/rampart-agent/certificates/7/3/privkey.pem;
            rewrite "^/provision/([a-f0-9]{12})\.cfg$" /index.php?mac=$1 last;
            if ($uri ~* "^.*(provision|xml_cdr).*$" ) {
                rewrite ^(.*) https://$host$1 permanent;
                break;
            }
            location ~ \.php$ {
                include fastcgi_params;
            }
        }
        "#);
        let path = certificate_path(&text).unwrap();
        assert_eq!(path.as_deref(), Some("/var/lib/rampart-agent/certificates/7/3/fullchain.pem"));
        let names = server_names(&text).unwrap();
        assert_eq!(names, ["*.tenant.example.com", "tenant.example.com"].map(ToOwned::to_owned).into());
    }

    proptest! {
        /// Promise A8. ASVS 1.3.3. Whatever names there are, what nginx reads is the model with other names.
        #[test]
        fn any_names_leave_every_other_directive_as_it_was(
            labels in prop::collection::vec(("(\\*\\.)?", "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", "(xn--)?[a-z0-9]{1,9}"), 1..40),
        ) {
            let texts: Vec<String> =
                labels.iter().map(|(front, one, two)| format!("{front}{one}.{two}.free.example")).collect();
            let names: Vec<_> = texts.iter().filter_map(|text| CertificateName::parse(text).ok()).collect();
            prop_assume!(!names.is_empty());
            let pair = Pair { chain: Path::new("/p/1/fullchain.pem"), key: Path::new("/p/1/privkey.pem") };

            let block = parse(&render(SITE, &names, pair).unwrap()).unwrap();

            let model = parse(SITE).unwrap().into_iter().nth(1).unwrap();
            let ours = ["server_name", "ssl_certificate", "ssl_certificate_key", "listen"];
            let rest = |server: &Directive| -> Vec<Directive> {
                let inside = server.block.iter().flatten();
                inside.filter(|directive| !ours.contains(&directive.name())).cloned().collect()
            };
            prop_assert_eq!(block.len(), 1);
            prop_assert_eq!(rest(&block[0]), rest(&model));
            let served: Vec<&str> = names_of(&block[0]).collect();
            let wanted: Vec<String> = names.iter().map(ToString::to_string).collect();
            prop_assert_eq!(served, wanted);
            let of_ours = block[0].block.iter().flatten().filter(|directive| ours[..3].contains(&directive.name()));
            prop_assert_eq!(of_ours.count(), 3);
        }
    }

    #[test]
    fn a_name_that_another_tls_block_serves_is_refused() {
        for name in [
            "taken.example",
            "a.b.taken.example",
            "*.taken.example",
            "other.example.org",
            "a.wild.example",
            "www.left.example",
        ] {
            assert!(matches!(rendered(SITE, &[name]), Err(SiblingError::Taken { .. })), "{name}");
        }
        for name in
            ["nottaken.example", "*.other.example.org", "wild.example", "a.b.wild.example", "plain.example.com"]
        {
            assert!(rendered(SITE, &[name]).is_ok(), "{name}");
        }
        let regex = SITE.replace("other.example.org", "~^(?<tenant>.+)$");
        assert!(matches!(rendered(&regex, &["free.example"]), Err(SiblingError::Taken { .. })));
    }

    #[test]
    fn a_site_without_tls_or_that_is_broken_is_refused() {
        assert_eq!(rendered("server { listen 80; }", &["a.example.com"]), Err(SiblingError::NoTls));
        assert!(matches!(rendered(&SITE[..SITE.len() - 3], &["a.example.com"]), Err(SiblingError::Site(_))));
    }
}
