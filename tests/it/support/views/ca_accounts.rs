//! The data of the accounts at CAs, and of a plan.

use rampart::web::pages::ca_accounts::{CaAccountForm, CaAccountRow, CaAccountsPage};
use rampart::web::pages::coverage_plan::{CoveragePlanPage, CoveragePlanView, PlannedRow};
use rampart::web::parts::Mark;

use super::Town;

pub(super) fn accounts(town: Town) -> CaAccountsPage {
    let row = |id: &str, mark: Mark, words: &str| CaAccountRow {
        id: id.into(),
        directory: town.name("https://acme-v02.api.letsencrypt.org/directory"),
        url: town.name("https://acme-v02.api.letsencrypt.org/acme/acct/1"),
        mark,
        words: words.into(),
        contact: town.text("ops@example.test"),
        binding: town.text("kid-1"),
        can_change: mark == Mark::Pass,
    };
    CaAccountsPage {
        frame: town.frame("Accounts at certificate authorities", "certificates"),
        accounts: town.list(vec![
            row("1", Mark::Pass, "in use since 2026-11-22 18:40 UTC"),
            row("2", Mark::NotTested, "ended 2026-11-24 10:00 UTC"),
        ]),
        form: Some(CaAccountForm {
            directory: town.text("https://acme.zerossl.com/v2/DV90"),
            contact: town.text("ops@example.test"),
            kid: town.text("kid-1"),
            root: town.text("-----BEGIN CERTIFICATE-----"),
            fault: town.fault("The CA did not make an account."),
        }),
    }
}

pub(super) fn plan(town: Town) -> CoveragePlanPage {
    CoveragePlanPage {
        frame: town.frame("What to order", "certificates"),
        plan: town.known(CoveragePlanView {
            words: "2 orders cover 4 tenants, the last one not before 2026-11-25 04:00 UTC.".into(),
            orders: vec![
                PlannedRow {
                    names: town.name("*.pbx.example.test pbx.example.test"),
                    tenants: "3 tenants".into(),
                    at: "2026-11-25 03:59 UTC".into(),
                },
                PlannedRow {
                    names: town.name("voice.customer.test"),
                    tenants: "1 tenants".into(),
                    at: "2026-11-25 04:00 UTC".into(),
                },
            ],
            more: 7,
            not_possible: vec![(town.name("elsewhere.test"), "it lies in no approved zone".into())],
            can_order: true,
        }),
    }
}
