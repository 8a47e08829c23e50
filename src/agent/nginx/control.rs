//! The nginx program: test the configuration, load it again.

use std::time::Duration;

use crate::agent::config::NginxConfig;
use crate::agent::rights::{Capability, NGINX_RELOAD, NGINX_TEST};
use crate::agent::run::Program;
use crate::base::chain::{Chain, printable};
use crate::base::names::CertificateName;

/// How long `nginx -t` or `nginx -s reload` may take: hundreds of certificates are read each time.
const DEADLINE: Duration = Duration::from_secs(20);

/// `nginx -t`: whether nginx could load what now lies in its files.
///
/// # Errors
/// nginx's own words, with file and line.
pub(in crate::agent) async fn test(nginx: &NginxConfig) -> Result<(), String> {
    run(nginx, &["-t"], NGINX_TEST).await.map(drop)
}

/// As [`test`], and none of `names` may be claimed by two server blocks: nginx only warns of that and ignores one.
///
/// # Errors
/// nginx's own words, with file and line.
pub(in crate::agent) async fn test_with(nginx: &NginxConfig, names: &[CertificateName]) -> Result<(), String> {
    let words = run(nginx, &["-t"], NGINX_TEST).await?;
    let twice = |name: &&CertificateName| words.contains(&format!("conflicting server name \"{name}\""));
    match names.iter().find(twice) {
        Some(name) => Err(format!("another server block of nginx already serves {name}")),
        None => Ok(()),
    }
}

/// `nginx -T`: every file of the configuration, one after the other, as nginx reads them.
///
/// # Errors
/// nginx's own words.
pub(in crate::agent) async fn dump(nginx: &NginxConfig) -> Result<String, String> {
    let program =
        Program::at(&nginx.program, DEADLINE).with(NGINX_TEST).arg("-T").arg("-q").arg("-c").arg(&nginx.config);
    let ended = program.run().await.map_err(|error| Chain(&error).to_string())?;
    if ended.success { Ok(ended.stdout) } else { Err(format!("nginx -T failed: {}", printable(&ended.words()))) }
}

/// `nginx -s reload`: tells the running nginx to load its files again. That it did is for a handshake to prove.
///
/// # Errors
/// nginx's own words; mostly that it does not run.
pub(in crate::agent) async fn reload(nginx: &NginxConfig) -> Result<(), String> {
    run(nginx, &["-s", "reload"], NGINX_RELOAD).await.map(drop)
}

async fn run(nginx: &NginxConfig, arguments: &[&str], capabilities: &'static [Capability]) -> Result<String, String> {
    let program = Program::at(&nginx.program, DEADLINE).with(capabilities);
    let program = arguments.iter().fold(program, Program::arg);
    let ended = program.arg("-c").arg(&nginx.config).run().await.map_err(|error| Chain(&error).to_string())?;
    if ended.success {
        return Ok(ended.stderr);
    }
    Err(format!("nginx {} failed: {}", arguments.join(" "), printable(&ended.words())))
}
