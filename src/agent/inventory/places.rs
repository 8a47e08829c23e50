//! Where servers keep their certificates: what nginx's own configuration names, FreeSWITCH's directory, PostgreSQL's and the
//! mail servers' settings, Debian's own pair, and what Rampart keeps.

use std::path::{Path, PathBuf};

use crate::agent::inventory::files::{self, Pair};
use crate::agent::place::Place;

/// The most directories of one kind that are entered.
const MOST: usize = 2000;

/// Settings of servers that name a certificate, below the root: the file, its owner, the keys of chain and key.
const SETTINGS: [(&str, &str, &str, &str); 3] = [
    ("etc/postfix/main.cf", "Postfix", "smtpd_tls_cert_file", "smtpd_tls_key_file"),
    ("etc/dovecot/conf.d/10-ssl.conf", "Dovecot", "ssl_cert", "ssl_key"),
    ("etc/mysql/mariadb.conf.d/50-server.cnf", "MariaDB", "ssl-cert", "ssl-key"),
];

/// The pairs that nginx is told to serve, from what `nginx -T` prints.
pub(super) fn of_nginx(dump: &str, config: &Path) -> Vec<Pair> {
    let base = config.parent().unwrap_or(Path::new("/etc/nginx"));
    let (mut pairs, mut chain): (Vec<Pair>, Option<PathBuf>) = (Vec::new(), None);
    for line in dump.lines() {
        if let Some(path) = value(line, "ssl_certificate") {
            chain = path_in(base, path);
            pairs.extend(chain.clone().map(|chain| Pair::new(chain, None, "nginx")));
        } else if let Some(path) = value(line, "ssl_certificate_key")
            && let (Some(chain), Some(key)) = (chain.take(), path_in(base, path))
        {
            // nginx pairs the n-th chain of a block with its n-th key; they stand one after the other.
            pairs.push(Pair::new(chain, Some(key), "nginx"));
        }
    }
    pairs
}

/// The `ssl_protocols` lines, each once.
pub(super) fn protocols(dump: &str) -> Vec<String> {
    let mut lines: Vec<String> =
        dump.lines().filter_map(|line| value(line, "ssl_protocols")).map(str::to_owned).collect();
    lines.sort();
    lines.dedup();
    lines.truncate(20);
    lines
}

/// What Rampart keeps.
pub(super) fn of_rampart(place: &Place) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for certificate in place.list("certificates").unwrap_or_default().into_iter().take(MOST) {
        let directory = format!("certificates/{certificate}");
        let newest = place.list(&directory).unwrap_or_default();
        let newest = newest.iter().filter_map(|name| name.parse::<u32>().ok()).max();
        if let Some(newest) = newest {
            let spot = |name: &str| place.absolute(&format!("{directory}/{newest}/{name}"));
            if spot("fullchain.pem").exists() {
                pairs.push(Pair::new(spot("fullchain.pem"), Some(spot("privkey.pem")), "Rampart"));
            }
        }
    }
    pairs
}

/// The plain files in FreeSWITCH's directory; links to one of them are the same file.
pub(super) fn of_freeswitch(conf: &Path) -> Vec<Pair> {
    let names = ["all.pem", "agent.pem", "tls.pem", "wss.pem", "dtls-srtp.pem", "cafile.pem"];
    let paths = names.map(|name| conf.join("tls").join(name));
    let plain = paths.into_iter().filter(|path| path.symlink_metadata().is_ok_and(|lies| lies.is_file()));
    plain.map(|path| Pair::new(path.clone(), Some(path), "FreeSWITCH")).collect()
}

/// PostgreSQL, mail servers, Debian's own pair.
pub(super) fn of_others(root: &Path) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for version in entries(&root.join("etc/postgresql")) {
        for cluster in entries(&version) {
            pairs.extend(of_settings(
                root,
                &cluster.join("postgresql.conf"),
                ("PostgreSQL", "ssl_cert_file", "ssl_key_file"),
            ));
        }
    }
    for (file, who, chain, key) in SETTINGS {
        pairs.extend(of_settings(root, &root.join(file), (who, chain, key)));
    }
    let fixed = [
        ("etc/exim4/exim.crt", "etc/exim4/exim.key", "Exim"),
        ("etc/ssl/certs/ssl-cert-snakeoil.pem", "etc/ssl/private/ssl-cert-snakeoil.key", "Debian"),
    ];
    for (chain, key, who) in fixed {
        if root.join(chain).exists() {
            pairs.push(Pair::new(root.join(chain), Some(root.join(key)), who));
        }
    }
    pairs
}

fn of_settings(root: &Path, file: &Path, (who, chain, key): (&str, &str, &str)) -> Option<Pair> {
    let (text, _) = files::bytes(file).ok()?;
    let text = String::from_utf8_lossy(text.expose()).into_owned();
    let get = |wanted: &str| {
        let mut set = text.lines().filter_map(|line| {
            let (name, value) = line.split('#').next()?.split_once('=')?;
            (name.trim() == wanted).then(|| value.trim().trim_matches(['\'', '"', '<']).trim().to_owned())
        });
        set.next_back().filter(|value| value.starts_with('/')).map(|value| root.join(value.trim_start_matches('/')))
    };
    Some(Pair::new(get(chain)?, get(key), who))
}

/// The directories and files in `directory`, sorted.
pub(super) fn entries(directory: &Path) -> Vec<PathBuf> {
    let Ok(read) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut found: Vec<PathBuf> = read.take(MOST).filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.sort();
    found
}

/// The value of `name` on a line of its own: `ssl_certificate /etc/ssl/certs/nginx.crt;`.
fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.trim().strip_prefix(name)?;
    let value = rest.strip_prefix([' ', '\t'])?.split(';').next()?.trim().trim_matches(['"', '\'']);
    (!value.is_empty() && !value.contains('$')).then_some(value)
}

fn path_in(base: &Path, text: &str) -> Option<PathBuf> {
    let is_path = !text.starts_with("data:") && !text.starts_with("engine:");
    is_path.then(|| base.join(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::place::tests::Scratch;

    #[test]
    fn nginx_names_its_pairs_and_protocols() {
        let dump = "# configuration file /etc/nginx/nginx.conf:\n  ssl_protocols TLSv1 TLSv1.2; # old\nserver {\n\
                    ssl_certificate /etc/ssl/certs/nginx.crt;\n\tssl_certificate_key \"/etc/ssl/private/nginx.key\";\n\
                    ssl_certificate $ssl_server_name.crt;\n ssl_certificate_key relative.key;\nssl_certificate own.crt;\n}\n\
                    # ssl_certificate /no.crt;\n ssl_protocols TLSv1 TLSv1.2;\n";

        let pairs = of_nginx(dump, Path::new("/etc/nginx/nginx.conf"));

        let words: Vec<String> = pairs
            .iter()
            .map(|pair| {
                format!("{} {}", pair.chain.display(), pair.key.as_ref().map_or("-", |key| key.to_str().unwrap()))
            })
            .collect();
        assert_eq!(
            words,
            [
                "/etc/ssl/certs/nginx.crt -",
                "/etc/ssl/certs/nginx.crt /etc/ssl/private/nginx.key",
                "/etc/nginx/own.crt -"
            ]
        );
        assert_eq!(protocols(dump), ["TLSv1 TLSv1.2"]);
    }

    #[test]
    fn settings_of_servers_are_read_with_their_last_word() {
        let scratch = Scratch::new("inventory");
        let cluster = scratch.path().join("etc/postgresql/15/main");
        std::fs::create_dir_all(&cluster).unwrap();
        let text =
            "#ssl_cert_file = '/old'\nssl_cert_file = '/etc/ssl/one.pem' # why\nssl_key_file = '/etc/ssl/one.key'\n";
        std::fs::write(cluster.join("postgresql.conf"), text).unwrap();

        let pairs = of_others(scratch.path());

        assert_eq!(pairs.len(), 1);
        assert_eq!(pairs[0].chain, scratch.path().join("etc/ssl/one.pem"));
        assert_eq!(pairs[0].key, Some(scratch.path().join("etc/ssl/one.key")));
    }
}
