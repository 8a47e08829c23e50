//! `sshd -T`: the settings in force, asked of sshd itself (sshd(8)), since the first value of many files wins and a
//! `Match` changes it for some visitors.

use std::time::Duration;

use crate::agent::config::SshConfig;
use crate::agent::run::{Ended, Program};
use crate::base::chain::{Chain, printable};
use crate::wire::answer::{Refusal, SshContext, SshFacts};

/// How long one question may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// The visitors asked for besides everyone: root from the world (RFC 5737) and root from a private network (RFC 1918).
const VISITORS: [(&str, &str); 2] = [
    ("root from 203.0.113.5", "user=root,host=visitor.invalid,addr=203.0.113.5"),
    ("root from 10.0.0.5", "user=root,host=visitor.invalid,addr=10.0.0.5"),
];

/// Asks sshd for its version and its settings.
///
/// # Errors
/// sshd is not there or cannot say; the refusal holds its own words.
pub(in crate::agent) async fn read(config: &SshConfig) -> Result<SshFacts, Refusal> {
    let version = version(config).await?;
    let mut contexts = vec![context(config, "everyone", None).await?];
    for (visitor, question) in VISITORS {
        contexts.push(context(config, visitor, Some(question)).await?);
    }
    Ok(SshFacts { version, contexts })
}

/// `sshd -V` prints to standard error; before OpenSSH 9.2 it is an unknown option whose usage holds the same line.
async fn version(config: &SshConfig) -> Result<String, Refusal> {
    let ended = ask(config, &["-V"]).await?;
    let line = ended.stderr.lines().chain(ended.stdout.lines()).find(|line| line.starts_with("OpenSSH_"));
    line.map(|line| printable(line.trim())).ok_or_else(|| Refusal::Unable {
        reason: format!("{} did not say its version: {}", config.program.display(), ended.words()),
    })
}

async fn context(config: &SshConfig, visitor: &str, question: Option<&str>) -> Result<SshContext, Refusal> {
    let file = config.config.to_string_lossy();
    let mut arguments = vec!["-T", "-f", &file];
    if let Some(question) = question {
        arguments.extend(["-C", question]);
    }
    let ended = ask(config, &arguments).await?;
    if !ended.success {
        return Err(Refusal::Unable { reason: explain(&ended) });
    }
    Ok(SshContext { visitor: visitor.to_owned(), settings: settings(&ended.stdout) })
}

async fn ask(config: &SshConfig, arguments: &[&str]) -> Result<Ended, Refusal> {
    let mut program = Program::at(&config.program, DEADLINE);
    if config.private_run {
        program = program.with_private_run("sshd");
    }
    let program = arguments.iter().fold(program, Program::arg);
    program.run().await.map_err(|error| Refusal::Unable { reason: Chain(&error).to_string() })
}

fn explain(ended: &Ended) -> String {
    let words = printable(&ended.words());
    if words.contains("Missing privilege separation directory") {
        return "sshd -T needs the directory /run/sshd, which is missing: sshd has not been started since the last \
                boot, or does not run at all"
            .to_owned();
    }
    if words.contains("no hostkeys available") {
        return format!("sshd cannot read its host keys; the agent has to run as root for that ({words})");
    }
    format!("sshd -T failed: {words}")
}

/// `key value` lines, as `sshd -T` prints them.
fn settings(output: &str) -> Vec<(String, String)> {
    let pair = |line: &str| {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        (printable(key), printable(value.trim()))
    };
    output.lines().map(str::trim).filter(|line| !line.is_empty()).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_keep_their_order_and_may_repeat() {
        let output = "port 22\nlistenaddress [::]:22\nlistenaddress 0.0.0.0:22\nbanner none\nallowusers\n";

        let settings = settings(output);

        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(settings[1], pair("listenaddress", "[::]:22"));
        assert_eq!(settings[2], pair("listenaddress", "0.0.0.0:22"));
        assert_eq!(settings[4], pair("allowusers", ""));
    }

    #[test]
    fn a_missing_run_directory_is_said_plainly() {
        let stderr = "Missing privilege separation directory: /run/sshd\n".to_owned();

        let words = explain(&Ended { success: false, stdout: String::new(), stderr });

        assert!(words.contains("/run/sshd") && words.contains("missing"), "{words}");
    }
}
