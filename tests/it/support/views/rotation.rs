//! Example data for new secrets.

use rampart::web::pages::rotate::{EarlierRotation, PlanRow, RotateAsk, RotatePage, RotatePlan};
use rampart::web::pages::rotation::{BatchView, RotationPage, ShownSecret};
use rampart::web::parts::{Choice, Mark};

use super::Town;

pub(super) fn rotate(town: Town, has_plan: bool) -> RotatePage {
    let choice = |value: &str, label: &str, chosen| Choice { value: value.into(), label: label.into(), chosen };
    RotatePage {
        frame: town.frame("New secrets", "passwords"),
        ask: RotateAsk {
            kinds: vec![
                choice("extension", "Extensions: SIP passwords", true),
                choice("mailbox", "Mailboxes: PINs", false),
                choice("device", "Devices: provisioning passwords", false),
            ],
            tenant: town.text("north.example.test"),
            tenant_fault: town.fault("There is no enabled tenant of that name."),
            places: town.text("101, 105-110"),
            places_fault: town.fault("110-105 counts down; write 105-110"),
            tenants: town.list(vec![town.text("north.example.test"), "south.example.test".into()]),
            fault: town.fault("Nothing was changed: something changed since the plan was shown: look at it again."),
        },
        plan: (has_plan && town != Town::Empty).then(|| plan(town)),
        earlier: town.list(vec![EarlierRotation {
            href: "/passwords/rotations/6".into(),
            words: "Rotation 6".into(),
            made: format!("2026-11-22 18:31 UTC by {}", town.text("maria")),
            state: "2 of 3 batches done".into(),
        }]),
    }
}

fn plan(town: Town) -> RotatePlan {
    let row = |number: &str, phones: Vec<String>, note: &str| PlanRow {
        what: town.text(&format!("extension {number}")),
        tenant: town.text("north.example.test"),
        phones,
        note: note.into(),
    };
    RotatePlan {
        title: format!("7 extensions of {} get new secrets", town.text("north.example.test")),
        recipes: vec![
            "Each new one: 20 digits, letters and special characters, by the policy in force for north.example.test.".into(),
        ],
        notes: vec![
            (Mark::Plain, "5 devices are registered with these now; they stay so until they register again.".into()),
            (
                Mark::Fail,
                "Many devices share an address: 203.0.113.9 (41). Phones there that still try the former secret get all of \
                 them banned, by the SIP jails or by event guard."
                    .into(),
            ),
        ],
        rows: vec![
            row("101", vec![town.text("00156511aa01 line 1"), "00156511aa02 line 2".into()], ""),
            row("105", vec![], "switched off; one line at another server stays as it is"),
        ],
        phones: vec![
            (town.text("yealink"), "https".into(), "4".into()),
            ("grandstream".into(), "never fetched here".into(), "1".into()),
        ],
        sources: vec![
            ("203.0.113.9".into(), "4".into(), "41".into()),
            ("not told by the switch".into(), "1".into(), "1".into()),
        ],
        pass: Some(town.text("60")),
        kind: "extension".into(),
        tenant: town.text("north.example.test"),
        places: town.text("101, 105-110"),
        digest: "0f".repeat(32),
        size: "20".into(),
        refusal: town.fault("The database role fusionpbx is a superuser. Rampart does not write with such a role."),
    }
}

pub(super) fn rotation(town: Town, is_shown: bool) -> RotationPage {
    let button =
        |act: &str, label: &str, is_main: bool| (format!("/passwords/rotations/7/{act}"), label.into(), is_main);
    let batch = |position: u8, mark, state: &str, next: &str, buttons| BatchView {
        anchor: format!("batch-{position}"),
        title: format!("Batch {position}"),
        mark,
        state: state.into(),
        items: vec![town.text("extension 101 of north.example.test"), "extension 102 of north.example.test".into()],
        next: next.into(),
        id: position.to_string(),
        buttons,
    };
    let batches = vec![
        batch(
            1,
            Mark::Busy,
            "new secrets hold, not confirmed, 2026-11-22 18:31 UTC",
            "See whether the phones come back, then confirm. Until then the former secrets can be put back.",
            vec![
                button("confirm", "Confirm: forget the former secrets", true),
                button("show", "Show the new secrets, once", false),
                button("resync", "Tell the phones to fetch their settings", false),
                button("undo", "Put the former secrets back", false),
            ],
        ),
        batch(2, Mark::Plain, "waiting", "", vec![button("run", "Give new secrets to this batch", true)]),
        batch(3, Mark::Plain, "waiting", "", vec![]),
    ];
    RotationPage {
        frame: town.frame("Rotation 7", "passwords"),
        id: "7".into(),
        made: format!("Begun 2026-11-22 18:31 UTC by {}.", town.text("maria")),
        batches: town.list(batches),
        shown: if is_shown {
            town.list(vec![ShownSecret {
                what: town.text("extension 101"),
                tenant: town.text("north.example.test"),
                secret: "k7!Gm2pXw9?sTz4$Qb8n".into(),
            }])
        } else {
            Vec::new()
        },
    }
}
