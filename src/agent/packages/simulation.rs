//! Reads what `apt-get -s upgrade` prints. apt calls its interface unstable, but these lines have not changed since 2005.

use crate::base::chain::printable;
use crate::wire::answer::PendingPackage;

/// The packages of the `Inst` lines: `Inst name [installed] (candidate origin, origin [arch]) [broken]`.
pub(super) fn pending(output: &str) -> Vec<PendingPackage> {
    output.lines().filter_map(|line| line.strip_prefix("Inst ")).filter_map(package).collect()
}

/// The names below "The following packages have been kept back:".
pub(super) fn held_back(output: &str) -> Vec<String> {
    let lines = output.lines().skip_while(|line| *line != "The following packages have been kept back:").skip(1);
    let names = lines.take_while(|line| line.starts_with(' ')).flat_map(str::split_whitespace);
    names.map(printable).collect()
}

fn package(line: &str) -> Option<PendingPackage> {
    let (name, rest) = line.split_once(' ')?;
    let (installed, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once("] ")?,
        None => ("", rest),
    };
    let (inside, _) = rest.strip_prefix('(')?.rsplit_once(')')?;
    let (candidate, origins) = inside.split_once(' ')?;
    Some(PendingPackage {
        name: printable(name),
        installed: printable(installed),
        candidate: printable(candidate),
        // `Label:release/suite`; a label of Debian's security archive is `Debian-Security`.
        security: origins.split(", ").any(|origin| origin.starts_with("Debian-Security:")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
Reading package lists...
Calculating upgrade...
The following packages have been kept back:
  linux-image-amd64 openssh-client
  openssh-server
The following packages will be upgraded:
  libone libtwo
2 upgraded, 1 newly installed, 0 to remove and 3 not upgraded.
Inst libone [1.0-1] (1.0-1+deb12u1 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64]) []
Inst libtwo [2.0-1] (2.0-2 Debian:12.15/oldstable [amd64])
Inst libnew (3.0-1 Debian-Security:12/oldstable-security [all])
Conf libone (1.0-1+deb12u1 Debian:12.15/oldstable [amd64])
Inst broken
";

    #[test]
    fn pending_packages_come_with_both_versions_and_whether_they_are_security() {
        let pending = pending(OUTPUT);

        let plain = |name: &str, installed: &str, candidate: &str, security| PendingPackage {
            name: name.to_owned(),
            installed: installed.to_owned(),
            candidate: candidate.to_owned(),
            security,
        };
        assert_eq!(
            pending,
            [
                plain("libone", "1.0-1", "1.0-1+deb12u1", true),
                plain("libtwo", "2.0-1", "2.0-2", false),
                plain("libnew", "", "3.0-1", true),
            ]
        );
    }

    #[test]
    fn packages_that_are_kept_back_are_listed_over_several_lines() {
        assert_eq!(held_back(OUTPUT), ["linux-image-amd64", "openssh-client", "openssh-server"]);
        assert!(held_back("nothing").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "Inst \\PC{0,80}") {
            drop(pending(&line));
        }
    }
}
