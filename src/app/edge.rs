//! Who stands in front of the console, from the settings.

use anyhow::{Result, bail};

use crate::config::{self, Console};
use crate::web::client_address::InFront;

/// The shortest secret that is taken, in letters: 128 bits as hex.
const SHORTEST: usize = 32;

/// nginx, if the settings name its secret; nobody else.
///
/// # Errors
/// The secret's file cannot be read, others may read it, or the secret could be guessed.
pub fn in_front(console: &Console) -> Result<InFront> {
    let Some(file) = &console.proxy_secret_file else { return Ok(InFront::Nobody) };
    let secret = config::secret_file(file)?;
    if secret.expose().len() < SHORTEST || !secret.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!("{} must hold one line of at least {SHORTEST} letters without blanks", file.display());
    }
    Ok(InFront::Nginx(secret))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_that_others_may_read_or_guess_stops_the_start() {
        let file = std::env::temp_dir().join(format!("rampart-edge-{}", std::process::id()));
        let console = Console { proxy_secret_file: Some(file.clone()), ..Console::default() };
        let with = |text: &str, mode: u32| {
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            in_front(&console)
        };
        let good = "0123456789abcdef0123456789abcdef\n";

        assert!(matches!(with(good, 0o600), Ok(InFront::Nginx(secret)) if secret.expose() == good.trim()));
        for (text, mode) in
            [(good, 0o640), (good, 0o604), ("short\n", 0o600), ("", 0o600), (&*format!("a {good}"), 0o600)]
        {
            assert!(with(text, mode).is_err(), "{text:?} {mode:o}");
        }
        std::fs::remove_file(&file).unwrap();
        assert!(in_front(&console).is_err());
        assert!(matches!(in_front(&Console::default()), Ok(InFront::Nobody)));
    }
}
