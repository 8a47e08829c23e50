//! sshd's effective settings, judged for every kind of visitor: the worst visitor decides.

use crate::audit::check::Check;
use crate::audit::checks::ssh_algorithms;
use crate::audit::checks::ssh_settings::{Found, drop_in, worst};
use crate::audit::facts::Facts;
use crate::audit::finding::{Finding, Severity, Wall};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::facts::Source;
    use crate::audit::finding::Outcome;
    use crate::base::clock::Timestamp;
    use crate::wire::answer::{SshContext, SshFacts};

    const DEFAULT: &str = include_str!("../../../tests/fixtures/host/debian-12/sshd-T-default.txt");
    const HARDENED: &str = include_str!("../../../tests/fixtures/host/debian-12/sshd-T-hardened.txt");
    const MATCHED: &str =
        include_str!("../../../tests/fixtures/host/debian-12/sshd-T-hardened-root-from-the-match.txt");
    const WEAK: &str = include_str!("../../../tests/fixtures/host/debian-12/sshd-T-weak.txt");
    const NOW: Timestamp = Timestamp::from_unix(1_795_371_696);

    fn context(visitor: &str, text: &str) -> SshContext {
        let settings =
            text.lines().filter_map(|line| line.split_once(' ')).map(|(key, value)| (key.into(), value.into()));
        SshContext { visitor: visitor.to_owned(), settings: settings.collect() }
    }

    fn facts(contexts: Vec<SshContext>) -> Facts {
        let value = SshFacts { version: "OpenSSH_9.2p1 Debian-2+deb12u10".to_owned(), contexts };
        Facts { ssh: Source::Known { at: NOW, value }, ..Facts::none(NOW) }
    }

    fn answer(id: &str, facts: &Facts) -> Finding {
        let check = CHECKS.iter().find(|check| check.id == id).unwrap();
        let mut findings = check.judge(facts);
        assert_eq!(findings.len(), 1, "{id}");
        findings.remove(0)
    }

    /// `text` with one line changed, or left out where `line` is only a key.
    fn with(text: &str, line: &str) -> Facts {
        let key = line.split(' ').next().unwrap();
        let kept = text.lines().filter(|known| known.split(' ').next() != Some(key));
        let changed: Vec<&str> = kept.chain(line.contains(' ').then_some(line)).collect();
        facts(vec![context("everyone", &changed.join("\n"))])
    }

    #[test]
    fn a_hardened_server_passes_every_question() {
        let facts = facts(vec![context("everyone", HARDENED)]);

        for check in &CHECKS {
            assert_eq!(answer(check.id, &facts).outcome, Outcome::Pass, "{}", check.id);
        }
    }

    #[test]
    fn a_weak_server_fails_every_question() {
        let facts = facts(vec![context("everyone", WEAK)]);

        for check in &CHECKS {
            let finding = answer(check.id, &facts);
            assert_eq!(finding.outcome, Outcome::Fail, "{}", check.id);
            assert_eq!(finding.severity, check.severity, "{}", check.id);
            assert!(!finding.evidence[0].lines.is_empty() && finding.remedy.is_some(), "{}", check.id);
        }
    }

    #[test]
    fn debian_as_installed_fails_where_debian_is_lax() {
        let facts = facts(vec![context("everyone", DEFAULT)]);
        let failing: Vec<(&str, Severity)> = CHECKS
            .iter()
            .map(|check| answer(check.id, &facts))
            .filter(Finding::is_open)
            .map(|finding| {
                (CHECKS.iter().find(|check| finding.id.as_str() == check.id).unwrap().id, finding.severity)
            })
            .collect();

        assert_eq!(
            failing,
            [
                ("SSH-01", Severity::Medium),
                ("SSH-02", Severity::High),
                ("SSH-04", Severity::Low),
                ("SSH-05", Severity::Low),
                ("SSH-06", Severity::Low),
                ("SSH-07", Severity::Medium),
                ("SSH-08", Severity::Medium),
                ("SSH-11", Severity::Low),
            ]
        );
    }

    #[test]
    fn what_was_not_read_or_not_said_is_not_tested() {
        let silent = Source::Unknown { at: NOW, reason: "the agent is not running".to_owned() };
        let unknown = Facts { ssh: silent, ..Facts::none(NOW) };

        for check in &CHECKS {
            let unread = answer(check.id, &unknown);
            assert_eq!(unread.outcome, Outcome::NotTested, "{}", check.id);
            assert_eq!(unread.evidence[0].lines, ["the agent is not running"]);
            for empty in [facts(vec![]), facts(vec![context("everyone", "port 22")])] {
                assert_eq!(answer(check.id, &empty).outcome, Outcome::NotTested, "{}", check.id);
            }
        }
    }

    #[test]
    fn the_worst_visitor_decides_and_is_named() {
        let facts = facts(vec![context("everyone", HARDENED), context("root from 203.0.113.5", MATCHED)]);

        let finding = answer("SSH-01", &facts);

        assert_eq!((finding.outcome, finding.severity), (Outcome::Fail, Severity::High));
        assert_eq!(finding.title, "Root may sign in over SSH with a password (root from 203.0.113.5)");
        assert_eq!(finding.evidence[0].lines, ["root from 203.0.113.5: permitrootlogin yes"]);
        assert!(finding.remedy.unwrap().words.contains("Match block"));
    }

    #[test]
    fn one_visitor_whose_settings_were_cut_off_keeps_the_answer_open() {
        let facts = facts(vec![context("everyone", HARDENED), context("root from 203.0.113.5", "port 22")]);

        assert_eq!(answer("SSH-01", &facts).outcome, Outcome::NotTested);
    }

    #[test]
    fn passwords_count_by_what_they_open() {
        let pam = with(HARDENED, "kbdinteractiveauthentication yes");
        let key_too = with(DEFAULT, "authenticationmethods publickey,password publickey,keyboard-interactive");
        let either = with(DEFAULT, "authenticationmethods publickey password");

        assert_eq!(answer("SSH-02", &pam).outcome, Outcome::Fail);
        assert_eq!(answer("SSH-02", &key_too).outcome, Outcome::Pass);
        assert_eq!(answer("SSH-02", &either).outcome, Outcome::Fail);
    }

    #[test]
    fn words_and_numbers_we_do_not_know_are_not_tested() {
        let cases = [
            ("SSH-01", "permitrootlogin perhaps"),
            ("SSH-03", "permitemptypasswords maybe"),
            ("SSH-05", "maxauthtries many"),
            ("SSH-06", "maxstartups 10"),
        ];
        for (id, line) in cases {
            assert_eq!(answer(id, &with(HARDENED, line)).outcome, Outcome::NotTested, "{line}");
        }
    }

    #[test]
    fn weak_algorithms_are_named_with_their_reason() {
        let finding = answer("SSH-04", &with(HARDENED, "ciphers aes128-ctr,3des-cbc"));

        assert_eq!(finding.title, "SSH offers 1 weak algorithm");
        assert_eq!(finding.evidence[0].lines, ["everyone: ciphers 3des-cbc: 64-bit blocks (Sweet32), CBC"]);
    }
}
