//! The data of *Phones*.

use rampart::web::pages::phones::{Fleet, MissingPhone, PhoneGroup, PhonesPage};
use rampart::web::parts::Mark;

use super::Town;

pub(super) fn page(town: Town) -> PhonesPage {
    let missing = MissingPhone {
        address: town.name("0015651234ab"),
        tenant: town.name("north.example.test"),
        model: town.name("yealink yealink/t46s"),
        fetched: "2026-11-20 10:00 UTC".into(),
    };
    let group = PhoneGroup {
        vendor: town.name("yealink"),
        templates: town.name("yealink/t46s"),
        count: "31".into(),
        methods: "30 https, 1 http, 0 never".into(),
        mark: Mark::Pass,
        words: "goes on".into(),
        grade: "a report".into(),
        note: town.name("many held Let's Encrypt's root in 2021"),
    };
    PhonesPage {
        frame: town.frame("Phones", "certificates"),
        offered: "Each phone is judged against the certificate of its tenant's name.".into(),
        fleet: town.known(Fleet {
            summary: "Of 40 phones 3 would stop fetching their settings over TLS; of 2 nobody knows".into(),
            mark: Mark::Fail,
            back: "9 of 40 have not come back".into(),
            missing: vec![missing],
            groups: vec![group],
        }),
    }
}
