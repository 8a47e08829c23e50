//! DB-03: what FusionPBX's database role may do to the whole cluster.

use crate::audit::check::Check;
use crate::audit::facts::Facts;
use crate::audit::finding::{Finding, Remedy, Severity, Wall};

/// The question.
pub(crate) const CHECKS: [Check; 1] = [Check {
    id: "DB-03",
    wall: Wall::Passwords,
    asset: "PostgreSQL roles",
    severity: Severity::High,
    asks: "whether an application's database role is a superuser",
    why: "A superuser of PostgreSQL reads every database and runs programs on the host: one hole in PHP becomes all of it.",
    reference: "fusionpbx-install.sh debian/resources/postgresql.sh; OWASP ASVS 5.0 V13.2.2",
    judge: no_superusers,
}];

fn no_superusers(check: &Check, facts: &Facts) -> Vec<Finding> {
    let reading = match facts.survey() {
        Ok(reading) => reading,
        Err(untested) => return vec![check.not_tested(&untested)],
    };
    let role = &reading.value.role;
    let mut superusers: Vec<&str> = role.superusers.iter().map(String::as_str).collect();
    if role.superuser && !superusers.contains(&role.name.as_str()) {
        superusers.push(&role.name);
    }
    let own = format!("Rampart reads as {}, superuser: {}", role.name, if role.superuser { "yes" } else { "no" });
    let named = superusers.iter().map(|name| format!("{name} may log in and is a superuser"));
    let evidence = vec![reading.evidence("pg_roles", [own].into_iter().chain(named))];
    if superusers.is_empty() {
        return vec![check.pass("Only postgres is a superuser of the database", evidence)];
    }
    let remedy = Remedy::words(
        "Give FusionPBX's role its own tables, then take superuser away, and look whether FusionPBX still works. \
         Give Rampart the role of packaging/fusionpbx-role.sql.",
    )
    .commands(["sudo -u postgres psql -c 'ALTER ROLE fusionpbx NOSUPERUSER'"])
    .risky();
    let title = format!("Superusers of the database that programs use: {}", superusers.join(", "));
    vec![check.fail(check.severity, title, evidence, remedy)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::accounts::tests::{NOW, facts_with};
    use crate::audit::finding::Outcome;

    fn answer(facts: &Facts) -> Finding {
        CHECKS[0].judge(facts).remove(0)
    }

    #[test]
    fn a_plain_role_passes() {
        assert_eq!(answer(&facts_with(|_| {})).outcome, Outcome::Pass);
    }

    #[test]
    fn the_installers_superuser_fails_and_is_named() {
        let facts = facts_with(|survey| survey.role.superusers = vec!["fusionpbx".to_owned()]);

        let finding = answer(&facts);

        assert_eq!(finding.outcome, Outcome::Fail);
        assert_eq!(finding.title, "Superusers of the database that programs use: fusionpbx");
    }

    #[test]
    fn our_own_role_counts_even_where_the_list_could_not_be_read() {
        assert_eq!(answer(&facts_with(|survey| survey.role.superuser = true)).outcome, Outcome::Fail);
    }

    #[test]
    fn what_was_not_read_is_not_tested() {
        assert_eq!(answer(&Facts::none(NOW)).outcome, Outcome::NotTested);
    }
}
