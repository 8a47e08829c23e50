//! sshd's effective settings, judged for every kind of visitor: the worst visitor decides.

use crate::audit::check::Check;
use crate::audit::checks::ssh_algorithms;
use crate::audit::facts::{Facts, Untested};
use crate::audit::finding::{Finding, Remedy, Severity, Wall};
use crate::wire::answer::SshContext;

const REFERENCE: &str = "sshd_config(5); CIS Debian 12 v1.1.0";

/// What sshd is asked.
pub(crate) const CHECKS: [Check; 11] = [
    ssh("SSH-01", Severity::High, "whether root may sign in over SSH", WHY_ROOT, root_login),
    ssh("SSH-02", Severity::High, "whether a password opens SSH", WHY_PASSWORD, passwords),
    ssh("SSH-03", Severity::Critical, "whether an empty password opens SSH", WHY_EMPTY, empty_passwords),
    ssh("SSH-04", Severity::Medium, "whether SSH offers weak algorithms", WHY_ALGORITHMS, algorithms),
    ssh("SSH-05", Severity::Low, "how many guesses one SSH connection gets", WHY_GUESSES, guesses),
    ssh("SSH-06", Severity::Low, "how many SSH connections may wait", WHY_WAITING, waiting),
    ssh("SSH-07", Severity::Medium, "whether SSH is kept to named accounts", WHY_NAMED, named_accounts),
    ssh("SSH-08", Severity::Medium, "whether SSH forwards for its visitors", WHY_FORWARDING, forwarding),
    ssh("SSH-09", Severity::Low, "whether SSH logs what fail2ban reads", WHY_LOG, log_level),
    ssh("SSH-10", Severity::Medium, "whether SSH trusts other hosts or users' environments", WHY_TRUST, trust),
    ssh("SSH-11", Severity::Low, "whether SSH drops dead sessions", WHY_DEAD, dead_sessions),
];

const WHY_ROOT: &str = "Root exists on every host, so its name need not be guessed, and its trail names nobody.";
const WHY_PASSWORD: &str = "Passwords are guessed around the clock; a key cannot be guessed.";
const WHY_EMPTY: &str = "An account without a password would be open to everyone.";
const WHY_ALGORITHMS: &str = "A weak algorithm lets who sits on the line read or change a session.";
const WHY_GUESSES: &str =
    "Each connection should get few guesses and little time, so that guessing is slow and seen.";
const WHY_WAITING: &str = "Without a limit a flood of half-open sign-ins keeps administrators out.";
const WHY_NAMED: &str = "Without a list every account that a package makes may try to sign in.";
const WHY_FORWARDING: &str = "A stolen SSH account becomes a door into services that listen on loopback only.";
const WHY_LOG: &str =
    "fail2ban reads failures from this log; quieter, it sees none, louder, it holds private things.";
const WHY_TRUST: &str = "Another host's word, or a variable set by the user, can go round the sign-in.";
const WHY_DEAD: &str = "A session left open on a lost laptop stays open.";

const fn ssh(
    id: &'static str,
    severity: Severity,
    asks: &'static str,
    why: &'static str,
    judge: fn(&Check, &Facts) -> Vec<Finding>,
) -> Check {
    Check { id, wall: Wall::Ssh, asset: "sshd", severity, asks, why, reference: REFERENCE, judge }
}

/// The settings of one visitor, asked by key.
struct Settings<'a>(&'a SshContext);

/// What one visitor gets.
enum Found {
    /// It is as it should be; the lines say how.
    Good(Vec<String>),
    /// It is not: how bad, in which words, shown by which lines.
    Bad(Severity, String, Vec<String>),
    /// sshd did not say: this key is missing or means nothing to us.
    Unsaid(String),
}

impl<'a> Settings<'a> {
    /// All values of `key`, in order; a key may stand on several lines.
    fn all(&self, key: &str) -> impl Iterator<Item = &'a str> {
        self.0.settings.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.trim())
    }

    /// The value of `key`; as everywhere in sshd, the first one.
    fn value(&self, key: &str) -> Result<&'a str, String> {
        self.all(key).next().ok_or_else(|| format!("sshd -T printed no {key}"))
    }

    /// The flag `key`.
    fn flag(&self, key: &str) -> Result<bool, String> {
        match self.value(key)? {
            "yes" => Ok(true),
            "no" => Ok(false),
            other => Err(format!("sshd -T printed {key} {other}, neither yes nor no")),
        }
    }

    /// The number `key`.
    fn number(&self, key: &str) -> Result<u64, String> {
        let value = self.value(key)?;
        value.parse().map_err(|_| format!("sshd -T printed {key} {value}, which is no number"))
    }

    /// `key value`, as sshd prints it.
    fn line(&self, key: &str) -> String {
        format!("{key} {}", self.value(key).unwrap_or("(not printed)"))
    }

    fn lines(&self, keys: &[&str]) -> Vec<String> {
        keys.iter().map(|key| self.line(key)).collect()
    }

    /// The ways in which a password alone lets this visitor in.
    fn password_ways(&self) -> Result<Vec<&'static str>, String> {
        let methods = self.all("authenticationmethods").next().unwrap_or("any");
        // `publickey,password publickey,keyboard-interactive`: where every way begins with a key, no password is enough.
        let key_always = methods != "any"
            && methods.split_whitespace().all(|way| way.split(',').any(|method| method.starts_with("publickey")));
        let mut ways = Vec::new();
        if self.flag("passwordauthentication")? {
            ways.push("passwordauthentication");
        }
        // Without PAM keyboard-interactive has nothing to ask on Linux.
        if self.flag("kbdinteractiveauthentication")? && self.flag("usepam")? {
            ways.push("kbdinteractiveauthentication");
        }
        Ok(if key_always { Vec::new() } else { ways })
    }
}

/// Asks `judge` for every visitor; the worst answer stands, and says whose it is.
fn worst(
    check: &Check,
    facts: &Facts,
    holds: &str,
    remedy: Remedy,
    judge: impl Fn(&Settings<'_>) -> Result<Found, String>,
) -> Vec<Finding> {
    let reading = match facts.ssh() {
        Ok(reading) => reading,
        Err(untested) => return vec![check.not_tested(&untested)],
    };
    let mut good = Vec::new();
    let mut unsaid: Option<String> = None;
    let mut bad: Option<(Severity, String)> = None;
    let mut bad_lines = Vec::new();
    let mut only_some = true;
    for (place, context) in reading.value.contexts.iter().enumerate() {
        let visitor = &context.visitor;
        match judge(&Settings(context)).unwrap_or_else(Found::Unsaid) {
            Found::Good(lines) => good.extend(lines.into_iter().map(|line| format!("{visitor}: {line}"))),
            Found::Unsaid(reason) => unsaid = unsaid.or_else(|| Some(format!("{visitor}: {reason}"))),
            Found::Bad(severity, words, lines) => {
                only_some &= place > 0;
                if bad.as_ref().is_none_or(|(worst, _)| severity < *worst) {
                    bad = Some((severity, format!("{words} ({visitor})")));
                }
                bad_lines.extend(lines.into_iter().map(|line| format!("{visitor}: {line}")));
            }
        }
    }
    if let Some((severity, title)) = bad {
        let remedy = if only_some { in_match_block(remedy) } else { remedy };
        return vec![check.fail(severity, title, vec![reading.evidence("sshd -T", bad_lines)], remedy)];
    }
    if let Some(reason) = unsaid.or_else(|| good.is_empty().then(|| "sshd -T printed nothing".to_owned())) {
        return vec![check.not_tested(&Untested { source: "sshd -T", at: reading.at, reason })];
    }
    vec![check.pass(holds, vec![reading.evidence("sshd -T", good)])]
}

fn in_match_block(mut remedy: Remedy) -> Remedy {
    remedy.words.push_str(" A Match block gives this to the visitor named above, so change it there.");
    remedy.commands.insert(0, "grep -rn -A8 '^Match' /etc/ssh/sshd_config /etc/ssh/sshd_config.d/".to_owned());
    remedy
}

/// A drop-in that sorts before all others, since sshd keeps the first value it reads.
fn drop_in(words: &str, settings: &[&str]) -> Remedy {
    let write = settings.iter().map(|setting| format!("echo '{setting}' >> /etc/ssh/sshd_config.d/00-rampart.conf"));
    Remedy::words(words).commands(write.chain(["sshd -t && systemctl reload ssh".to_owned()])).on(Wall::Ssh).risky()
}

fn root_login(check: &Check, facts: &Facts) -> Vec<Finding> {
    let remedy = drop_in(
        "Give an administrator's own account a key and sudo, try it in a second session, then shut root out.",
        &["PermitRootLogin no"],
    );
    worst(check, facts, "Root cannot sign in over SSH", remedy, |settings| {
        let lines = settings.lines(&["permitrootlogin"]);
        Ok(match settings.value("permitrootlogin")? {
            "no" => Found::Good(lines),
            "yes" if !settings.password_ways()?.is_empty() => {
                Found::Bad(Severity::High, "Root may sign in over SSH with a password".to_owned(), lines)
            }
            "yes" | "without-password" | "prohibit-password" | "forced-commands-only" => {
                Found::Bad(Severity::Medium, "Root may sign in over SSH with a key".to_owned(), lines)
            }
            other => Found::Unsaid(format!("permitrootlogin {other} is not known")),
        })
    })
}

fn passwords(check: &Check, facts: &Facts) -> Vec<Finding> {
    let remedy = drop_in(
        "First put a key in place and sign in with it. Then turn passwords off, and keep the second session open.",
        &["PasswordAuthentication no", "KbdInteractiveAuthentication no"],
    );
    worst(check, facts, "No password opens SSH", remedy, |settings| {
        let ways = settings.password_ways()?;
        let keys = ["passwordauthentication", "kbdinteractiveauthentication", "usepam"];
        Ok(if ways.is_empty() {
            Found::Good(settings.lines(&keys))
        } else {
            Found::Bad(check.severity, "A password alone opens SSH".to_owned(), settings.lines(&keys))
        })
    })
}

fn empty_passwords(check: &Check, facts: &Facts) -> Vec<Finding> {
    let remedy = drop_in("Refuse empty passwords.", &["PermitEmptyPasswords no"]);
    worst(check, facts, "No empty password opens SSH", remedy, |settings| {
        let lines = settings.lines(&["permitemptypasswords", "passwordauthentication"]);
        Ok(if !settings.flag("permitemptypasswords")? {
            Found::Good(settings.lines(&["permitemptypasswords"]))
        } else if settings.password_ways()?.is_empty() {
            Found::Bad(
                Severity::Medium,
                "Empty passwords are allowed, though no password opens SSH".to_owned(),
                lines,
            )
        } else {
            Found::Bad(check.severity, "An account without a password is open over SSH".to_owned(), lines)
        })
    })
}

fn algorithms(check: &Check, facts: &Facts) -> Vec<Finding> {
    let remedy = drop_in(
        "Take the weak algorithms away. Very old clients then fail to connect: try yours in a second session.",
        &ssh_algorithms::TAKEN_AWAY,
    );
    worst(check, facts, "SSH offers no weak algorithm", remedy, |settings| {
        let mut weak = Vec::new();
        let mut offered = 0;
        let mut kinds = vec!["kexalgorithms", "hostkeyalgorithms", "ciphers", "macs"];
        // Debian's sshd lists these even where GSSAPI is off; other builds do not know the key.
        if settings.all("gssapikeyexchange").next() == Some("yes") {
            kinds.push("gssapikexalgorithms");
        }
        for kind in kinds {
            for name in settings.value(kind)?.split(',').filter(|name| !name.is_empty()) {
                offered += 1;
                weak.extend(ssh_algorithms::weakness(name).map(|weakness| (kind, name, weakness)));
            }
        }
        let Some(severity) = weak.iter().map(|(_, _, weakness)| weakness.severity).min() else {
            return Ok(Found::Good(vec![format!("{offered} algorithms offered, none of them known to be weak")]));
        };
        let lines = weak.iter().map(|(kind, name, weakness)| format!("{kind} {name}: {}", weakness.reason)).collect();
        let plural = if weak.len() == 1 { "algorithm" } else { "algorithms" };
        Ok(Found::Bad(severity, format!("SSH offers {} weak {plural}", weak.len()), lines))
    })
}

fn guesses(check: &Check, facts: &Facts) -> Vec<Finding> {
    let remedy = drop_in("Allow four guesses and one minute.", &["MaxAuthTries 4", "LoginGraceTime 60"]);
    worst(check, facts, "One SSH connection gets at most 4 guesses and 60 s", remedy, |settings| {
        let lines = settings.lines(&["maxauthtries", "logingracetime"]);
        let (tries, grace) = (settings.number("maxauthtries")?, settings.number("logingracetime")?);
        Ok(if tries <= 4 && (1..=60).contains(&grace) {
            Found::Good(lines)
        } else {
            let time = if grace == 0 { "endless time".to_owned() } else { format!("{grace} s") };
            Found::Bad(check.severity, format!("One SSH connection gets {tries} guesses and {time}"), lines)
        })
    })
}

fn waiting(check: &Check, facts: &Facts) -> Vec<Finding> {
    let remedy = drop_in("Limit waiting connections and sessions.", &["MaxStartups 10:30:60", "MaxSessions 10"]);
    worst(check, facts, "Waiting SSH connections are limited", remedy, |settings| {
        let lines = settings.lines(&["maxstartups", "maxsessions"]);
        let startups = settings.value("maxstartups")?;
        let limits: Option<Vec<u64>> = startups.split(':').map(|part| part.parse().ok()).collect();
        let Some([start, rate, full]) = limits.as_deref() else {
            return Ok(Found::Unsaid(format!("maxstartups {startups} is not start:rate:full")));
        };
        let limited = *start <= 10 && *rate >= 30 && *full <= 60 && settings.number("maxsessions")? <= 10;
        Ok(if limited {
            Found::Good(lines)
        } else {
            Found::Bad(check.severity, "Many unfinished SSH sign-ins may wait at once".to_owned(), lines)
        })
    })
}

fn named_accounts(check: &Check, facts: &Facts) -> Vec<Finding> {
    let remedy = drop_in(
        "Name the group of the administrators, after putting yourself in it.",
        &["AllowGroups ssh-administrators"],
    );
    worst(check, facts, "Only named accounts or groups may use SSH", remedy, |settings| {
        settings.value("permitrootlogin")?;
        let named: Vec<String> = ["allowusers", "allowgroups"]
            .into_iter()
            .flat_map(|key| settings.all(key).map(move |value| format!("{key} {value}")))
            .collect();
        Ok(if named.is_empty() {
            let lines = vec!["no allowusers, no allowgroups".to_owned()];
            Found::Bad(check.severity, "Every account of the host may try to use SSH".to_owned(), lines)
        } else {
            Found::Good(named)
        })
    })
}

fn forwarding(check: &Check, facts: &Facts) -> Vec<Finding> {
    let remedy =
        drop_in("Turn forwarding off; give it back in a Match block to who needs it.", &["DisableForwarding yes"]);
    worst(check, facts, "SSH forwards nothing", remedy, |settings| {
        if settings.flag("disableforwarding")? {
            return Ok(Found::Good(settings.lines(&["disableforwarding"])));
        }
        let keys = ["x11forwarding", "allowagentforwarding", "allowtcpforwarding"];
        let mut open = Vec::new();
        for key in keys {
            // `local` and `remote` are half open, and `all` is an old word for `yes`.
            if settings.value(key)? != "no" {
                open.push(settings.line(key));
            }
        }
        Ok(if open.is_empty() {
            Found::Good(settings.lines(&keys))
        } else {
            Found::Bad(check.severity, "SSH forwards connections for who signs in".to_owned(), open)
        })
    })
}

fn log_level(check: &Check, facts: &Facts) -> Vec<Finding> {
    let remedy = drop_in("Log at INFO, which is what fail2ban's filter expects.", &["LogLevel INFO"]);
    worst(check, facts, "SSH logs at the level that fail2ban reads", remedy, |settings| {
        let lines = settings.lines(&["loglevel"]);
        Ok(match settings.value("loglevel")? {
            "INFO" | "VERBOSE" => Found::Good(lines),
            other if other.starts_with("DEBUG") => {
                Found::Bad(check.severity, "SSH logs what should stay private".to_owned(), lines)
            }
            _ => Found::Bad(check.severity, "SSH does not log failed sign-ins".to_owned(), lines),
        })
    })
}

fn trust(check: &Check, facts: &Facts) -> Vec<Finding> {
    let wanted = [
        ("hostbasedauthentication", "no"),
        ("ignorerhosts", "yes"),
        ("permituserenvironment", "no"),
        ("gssapiauthentication", "no"),
    ];
    let remedy = drop_in(
        "Take back what OpenSSH does not grant by itself.",
        &["HostbasedAuthentication no", "IgnoreRhosts yes", "PermitUserEnvironment no", "GSSAPIAuthentication no"],
    );
    worst(check, facts, "SSH trusts no other host and no user's environment", remedy, |settings| {
        let mut wrong = Vec::new();
        for (key, want) in wanted {
            if settings.value(key)? != want {
                wrong.push(format!("{} (should be {want})", settings.line(key)));
            }
        }
        Ok(if wrong.is_empty() {
            Found::Good(settings.lines(&wanted.map(|(key, _)| key)))
        } else {
            Found::Bad(check.severity, "SSH trusts other hosts or users' environments".to_owned(), wrong)
        })
    })
}

fn dead_sessions(check: &Check, facts: &Facts) -> Vec<Finding> {
    let remedy =
        drop_in("Ask silent clients for a sign of life.", &["ClientAliveInterval 15", "ClientAliveCountMax 3"]);
    worst(check, facts, "SSH drops sessions that died", remedy, |settings| {
        let lines = settings.lines(&["clientaliveinterval", "clientalivecountmax"]);
        let alive = settings.number("clientaliveinterval")? > 0 && settings.number("clientalivecountmax")? > 0;
        Ok(if alive {
            Found::Good(lines)
        } else {
            Found::Bad(check.severity, "SSH never drops a session that died".to_owned(), lines)
        })
    })
}
