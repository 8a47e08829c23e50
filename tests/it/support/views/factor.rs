//! The data of the second factor, and of the last step before what reaches root.

use rampart::web::frame::Frame;
use rampart::web::pages::second_factor::{SecondFactorPage, SeedView, Stage};
use rampart::web::pages::sign_in_code::SignInCodePage;
use rampart::web::pages::step_up::StepUpPage;
use rampart::web::qr::QrDrawing;

use super::Town;

/// Every stage of setting one up.
pub(super) fn pages(town: Town) -> Vec<(&'static str, SecondFactorPage)> {
    let seed = SeedView {
        qr: QrDrawing::of(
            "otpauth://totp/Rampart:maria%40pbx?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Rampart",
        ),
        text: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP".into(),
    };
    let codes = (0..10).map(|nth| format!("abcd-efgh-ijkl-mno{nth}")).collect();
    let stages = [
        ("second_factor_unread", Stage::Unread { reason: town.text("the agent is not running") }),
        ("second_factor_none", Stage::None { command: town.name("rampart-agent enrol maria") }),
        ("second_factor", Stage::Enrolled { since: "2026-11-22 18:40 UTC".into(), recovery_left: 3 }),
        ("second_factor_prove", Stage::Prove { seed: Some(seed) }),
        ("second_factor_prove_again", Stage::Prove { seed: None }),
        ("second_factor_codes", Stage::Codes { codes }),
    ];
    let page = |(name, stage)| {
        let fault = town.fault("the code is not right; wait for the next one");
        (name, SecondFactorPage { frame: town.frame("Second factor", "account"), stage, fault })
    };
    stages.into_iter().map(page).collect()
}

pub(super) fn sign_in_code(town: Town) -> SignInCodePage {
    SignInCodePage {
        frame: Frame { operator: None, ..town.frame("Second factor", "") },
        name: town.name("maria"),
        fault: town.fault("the code is not right; wait for the next one"),
    }
}

pub(super) fn step_up(town: Town, enrolled: bool) -> StepUpPage {
    StepUpPage {
        frame: town.frame("Order a certificate", "certificates"),
        title: town.name("Order a certificate for *.north.example.test, north.example.test"),
        plan: vec![
            town.name("From now on the agent may make private keys for *.north.example.test, north.example.test."),
            "It may have nginx serve what the CA signs for them: tested, reloaded, proved, or rolled back.".into(),
        ],
        action: "/certificates/orders".into(),
        fields: vec![("name".into(), town.text("north.example.test")), ("cover".into(), "wildcard".into())],
        button: "Allow this and order".into(),
        enrolled,
        wants_secret: town == Town::Hostile,
        secret_fault: town.fault("a new password has 12 to 64 letters"),
        fault: town.fault("the code is not right; wait for the next one"),
        back: "/certificates".into(),
    }
}
