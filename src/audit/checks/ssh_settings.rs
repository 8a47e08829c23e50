//! One visitor's settings as `sshd -T` prints them, and the rule that the worst visitor decides.

use crate::audit::check::Check;
use crate::audit::facts::{Facts, Untested};
use crate::audit::finding::{Finding, Remedy, Severity, Wall};
use crate::wire::answer::SshContext;

/// The settings of one visitor, asked by key.
pub(crate) struct Settings<'a>(&'a SshContext);

/// What one visitor gets.
pub(crate) enum Found {
    /// It is as it should be; the lines say how.
    Good(Vec<String>),
    /// It is not: how bad, in which words, shown by which lines.
    Bad(Severity, String, Vec<String>),
    /// sshd did not say: this key is missing or means nothing to us.
    Unsaid(String),
}

impl<'a> Settings<'a> {
    /// All values of `key`, in order; a key may stand on several lines.
    pub(crate) fn all(&self, key: &str) -> impl Iterator<Item = &'a str> {
        self.0.settings.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.trim())
    }

    /// The value of `key`; as everywhere in sshd, the first one.
    pub(crate) fn value(&self, key: &str) -> Result<&'a str, String> {
        self.all(key).next().ok_or_else(|| format!("sshd -T printed no {key}"))
    }

    /// The flag `key`.
    pub(crate) fn flag(&self, key: &str) -> Result<bool, String> {
        match self.value(key)? {
            "yes" => Ok(true),
            "no" => Ok(false),
            other => Err(format!("sshd -T printed {key} {other}, neither yes nor no")),
        }
    }

    /// The number `key`.
    pub(crate) fn number(&self, key: &str) -> Result<u64, String> {
        let value = self.value(key)?;
        value.parse().map_err(|_| format!("sshd -T printed {key} {value}, which is no number"))
    }

    /// `key value`, as sshd prints it.
    pub(crate) fn line(&self, key: &str) -> String {
        format!("{key} {}", self.value(key).unwrap_or("(not printed)"))
    }

    /// The same for each of `keys`.
    pub(crate) fn lines(&self, keys: &[&str]) -> Vec<String> {
        keys.iter().map(|key| self.line(key)).collect()
    }

    /// The ways in which a password alone lets this visitor in.
    pub(crate) fn password_ways(&self) -> Result<Vec<&'static str>, String> {
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
pub(crate) fn worst(
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
                    let title = if place == 0 { words } else { format!("{words} ({visitor})") };
                    bad = Some((severity, title));
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
pub(crate) fn drop_in(words: &str, settings: &[&str]) -> Remedy {
    let write = settings.iter().map(|setting| format!("echo '{setting}' >> /etc/ssh/sshd_config.d/00-rampart.conf"));
    Remedy::words(words).commands(write.chain(["sshd -t && systemctl reload ssh".to_owned()])).on(Wall::Ssh).risky()
}
