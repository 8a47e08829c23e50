//! UP-04: whether the operating system still gets security updates.

use time::{Date, Month};

use crate::audit::check::Check;
use crate::audit::facts::{Facts, Reading, Untested};
use crate::audit::finding::{Finding, Remedy, Severity, Wall};
use crate::base::clock::Timestamp;
use crate::wire::answer::PackageFacts;

/// The question.
pub(crate) const CHECKS: [Check; 1] = [Check {
    id: "UP-04",
    wall: Wall::Upgrades,
    asset: "operating system",
    severity: Severity::High,
    asks: "whether the operating system still gets security updates",
    why: "After the end of support every new hole stays open.",
    reference: "debian.org, LTS schedule; distro-info-data",
    judge: supported,
}];

/// When the table below was last compared with distro-info-data.
const TABLE_OF: &str = "2026-11-22";

/// Days before an end that count as soon.
const SOON_DAYS: i64 = 90;

/// How `PRETTY_NAME` begins; when the security team stops; when the long-term support team stops.
struct Release {
    name: &'static str,
    security: (i32, Month, u8),
    long_term: (i32, Month, u8),
}

const RELEASES: [Release; 5] = [
    release("Debian GNU/Linux 9 ", (2020, Month::July, 18), (2022, Month::June, 30)),
    release("Debian GNU/Linux 10 ", (2022, Month::September, 10), (2024, Month::June, 30)),
    release("Debian GNU/Linux 11 ", (2024, Month::August, 14), (2026, Month::August, 31)),
    release("Debian GNU/Linux 12 ", (2026, Month::July, 11), (2028, Month::June, 30)),
    release("Debian GNU/Linux 13 ", (2028, Month::August, 9), (2030, Month::June, 30)),
];

const fn release(name: &'static str, security: (i32, Month, u8), long_term: (i32, Month, u8)) -> Release {
    Release { name, security, long_term }
}

/// The end of that day in UTC; `None` if there is no such day.
fn end_of((year, month, day): (i32, Month, u8)) -> Option<Timestamp> {
    let last_second = Date::from_calendar_date(year, month, day).ok()?.with_hms(23, 59, 59).ok()?;
    Some(Timestamp::from(last_second.assume_utc()))
}

fn supported(check: &Check, facts: &Facts) -> Vec<Finding> {
    let answer = facts.packages().and_then(|reading| judge(check, &reading, facts.now));
    vec![answer.unwrap_or_else(|untested| check.not_tested(&untested))]
}

fn judge(check: &Check, reading: &Reading<'_, PackageFacts>, now: Timestamp) -> Result<Finding, Untested> {
    let name = &reading.value.release;
    let ends = RELEASES
        .iter()
        .find(|release| format!("{name} ").starts_with(release.name))
        .and_then(|release| Some((end_of(release.security)?, end_of(release.long_term)?)));
    let Some((security, long_term)) = ends else {
        let reason = format!("\"{name}\" is not in the table of {TABLE_OF}");
        return Err(Untested { source: "/etc/os-release", at: reading.at, reason });
    };
    let day = |moment: Timestamp| moment.rfc3339().get(..10).unwrap_or_default().to_owned();
    let evidence = reading.evidence(
        "/etc/os-release",
        [
            name.clone(),
            format!("security team until {}, long-term support until {}", day(security), day(long_term)),
            format!("table of {TABLE_OF}"),
        ],
    );
    let remedy = Remedy::words(
        "Plan the upgrade to the next Debian release. FusionPBX and FreeSWITCH must support it first; take a snapshot.",
    )
    .risky();
    let left_days = (long_term.unix() - now.unix()) / 86_400;
    Ok(if now > long_term {
        let title = format!("The operating system has had no security updates since {}", day(long_term));
        check.fail(check.severity, title, vec![evidence], remedy)
    } else if left_days <= SOON_DAYS {
        let title = format!("Security updates for the operating system end on {}", day(long_term));
        check.fail(Severity::Medium, title, vec![evidence], remedy)
    } else if now > security {
        let title = format!("The operating system gets long-term support until {}", day(long_term));
        check.pass(title, vec![evidence])
    } else {
        check.pass(format!("The operating system gets security updates until {}", day(security)), vec![evidence])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::packages::tests::facts_with;
    use crate::audit::finding::Outcome;

    fn answer(release: &str) -> Finding {
        let facts = facts_with(|packages| release.clone_into(&mut packages.release));
        supported(&CHECKS[0], &facts).remove(0)
    }

    #[test]
    fn a_supported_release_passes_and_the_table_shows_its_date() {
        let twelve = answer("Debian GNU/Linux 12 (bookworm)");

        assert_eq!(twelve.outcome, Outcome::Pass);
        assert_eq!(twelve.title, "The operating system gets long-term support until 2028-06-30");
        assert!(twelve.evidence[0].lines.contains(&"table of 2026-11-22".to_owned()));
        assert!(answer("Debian GNU/Linux 13 (trixie)").title.contains("security updates until 2028-08-09"));
    }

    #[test]
    fn a_release_past_its_end_fails() {
        let eleven = answer("Debian GNU/Linux 11 (bullseye)");

        assert_eq!((eleven.outcome, eleven.severity), (Outcome::Fail, Severity::High));
        assert!(eleven.title.contains("no security updates since 2026-08-31"));
    }

    #[test]
    fn a_release_that_the_table_does_not_know_is_not_tested() {
        for name in ["Debian GNU/Linux 130 (later)", "Debian GNU/Linux 1", "Debian GNU/Linux forky/sid", "", "Ubuntu"]
        {
            assert_eq!(answer(name).outcome, Outcome::NotTested, "{name}");
        }
        assert_eq!(supported(&CHECKS[0], &Facts::none(Timestamp::from_unix(0)))[0].outcome, Outcome::NotTested);
    }
}
