use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn judge(kind: Kind, secret: &str, numbers: &[&str], names: &[&str], domain: &str) -> Vec<&'static str> {
    let domain = domain_words(domain);
    let subject = Subject { secret, numbers, names, domain: &domain, policy_length: None };
    Judge::default().judge(kind, &subject).iter().map(Reason::name).collect()
}

fn sip(secret: &str) -> Vec<&'static str> {
    judge(Kind::Extension, secret, &["101", "2025550123"], &[], "acme-clinic.example.test")
}

fn pin(secret: &str) -> Vec<&'static str> {
    judge(Kind::Voicemail, secret, &["4711"], &[], "acme-clinic.example.test")
}

#[test]
fn names_are_unlike_and_lead_back() {
    let names: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.name()).collect();

    assert_eq!(names.len(), Reason::ALL.len());
    assert!(Reason::ALL.len() <= 64, "they fit a set of 64 bits");
    for reason in Reason::ALL {
        assert_eq!(Reason::find(reason.name()), Some(reason));
        assert!(reason.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
        assert!(!reason.about().words.is_empty() && !reason.about().remedy.is_empty());
    }
    assert_eq!(Reason::find("nonsense"), None);
}

#[test]
fn a_set_gives_back_what_was_put_in() {
    for reason in Reason::ALL {
        assert_eq!(Reasons::of(reason).iter().collect::<Vec<_>>(), [reason]);
    }
    assert_eq!(Reason::ALL.into_iter().collect::<Reasons>().iter().count(), Reason::ALL.len());
    assert!(Reasons::NONE.is_empty());
}

#[test]
fn a_disabled_row_weighs_less() {
    assert_eq!(Reason::Common.weight(true), Weight::Critical);
    assert_eq!(Reason::Common.weight(false), Weight::Low);
    assert_eq!(Reason::Superadmin.weight(false), Weight::Info);
}

#[test]
fn sip_secrets_are_judged_by_what_anyone_would_try() {
    let cases: [(&str, &[&str]); 26] = [
        ("", &["empty"]),
        ("  \t", &["empty"]),
        ("101", &["common", "equals-extension", "too-short", "one-class"]),
        ("2025550123", &["equals-extension", "too-short", "one-class"]),
        ("x9Qk!mZ101wTr4", &["contains-extension"]),
        ("1234", &["shipped-default", "common", "sequential", "too-short", "one-class"]),
        ("freeswitch", &["shipped-default", "too-short", "one-class"]),
        ("ClueCon", &["shipped-default", "too-short"]),
        ("works", &["shipped-default", "too-short", "one-class"]),
        ("Password123", &["common", "too-short"]),
        ("qwertyuiop", &["common", "keyboard-walk", "too-short", "one-class"]),
        ("1qaz2wsx3edc", &["keyboard-walk"]),
        ("ZAQ12wsxCDE3", &["keyboard-walk"]),
        ("asdfghjkl;", &["keyboard-walk", "too-short"]),
        ("abcdefghijklmnop", &["sequential", "one-class"]),
        ("98765432109876543210", &["sequential", "repeated", "one-class"]),
        ("aaaaaaaaaaaaaaaaaaaa", &["repeated"]),
        ("XyZ7XyZ7XyZ7XyZ7", &["repeated"]),
        ("20240229", &["year", "too-short", "one-class"]),
        ("acme-clinic.example.test", &["equals-domain", "contains-name"]),
        ("Acme2024Acme2024", &["repeated", "contains-name"]),
        ("Summer2024", &["too-short", "guessable"]),
        ("correcthorse", &["one-class", "guessable"]),
        ("kQ7wz!Tr9p2$", &[]),
        ("3gT$9xQz!7Lm2Wv?Rk4p", &[]),
        ("9f3a71c05be284d6aa07c4e1b9d2358f", &[]),
    ];
    for (secret, reasons) in cases {
        // What else stands on the list of common passwords is the list's business.
        let found = sip(secret).into_iter().filter(|reason| *reason != "common" || reasons.contains(reason));
        assert_eq!(found.collect::<Vec<_>>(), reasons, "{secret:?}");
    }
}

#[test]
fn names_of_a_trunk_count_in_any_case() {
    let trunk = |secret| judge(Kind::Gateway, secret, &[], &["Trunk01", "carrier", ""], "acme.example.test");

    assert_eq!(trunk("TRUNK01"), ["equals-username", "too-short"]);
    assert_eq!(trunk("9k!vQm-Carrier-z7T"), ["contains-name"]);
    assert_eq!(trunk("9k!vQm-Carier-z7T"), Vec::<&str>::new());
}

#[test]
fn pins_are_judged_by_what_a_stranger_tries_by_hand() {
    let cases: [(&str, &[&str]); 18] = [
        ("", &["empty"]),
        ("4711", &["equals-extension", "too-short"]),
        ("1174", &["reversed-extension", "too-short"]),
        ("471199", &["contains-extension"]),
        ("0000", &["shipped-default", "common", "repeated", "too-short"]),
        ("9999", &["repeated", "too-short"]),
        ("1234", &["common", "sequential", "too-short"]),
        ("987654", &["sequential"]),
        ("890123", &["sequential"]),
        ("2580", &["common", "too-short"]),
        ("159753", &["common"]),
        ("121212", &["common", "repeated"]),
        ("1987", &["year", "too-short"]),
        ("24121987", &["year"]),
        ("19871224", &["year"]),
        ("83920174", &[]),
        ("602918", &[]),
        ("74711903", &[]),
    ];
    for (secret, reasons) in cases {
        assert_eq!(pin(secret), reasons, "{secret:?}");
    }
}

#[test]
fn what_is_shorter_than_the_policy_is_said_to_be() {
    let subject = |length| Subject { secret: "kQ7wz!Tr9p2$4x", policy_length: length, ..Subject::default() };
    let mut judge = Judge::default();

    assert!(judge.judge(Kind::Extension, &subject(Some(20))).has(Reason::WeakerThanPolicy));
    assert!(judge.judge(Kind::Extension, &subject(Some(14))).is_empty());
    assert!(judge.judge(Kind::Extension, &subject(None)).is_empty());
}

#[test]
fn the_words_of_a_domain_say_something() {
    assert_eq!(
        domain_words("PBX.Acme-Clinic.example.test"),
        ["pbx.acme-clinic.example.test", "acme", "clinic", "example"]
    );
    assert_eq!(domain_words("10.0.0.1"), ["10.0.0.1"]);
    assert_eq!(domain_words(""), Vec::<String>::new());
    assert_eq!(
        domain_words("\u{202e}\"><script>alert(1)</script>"),
        ["\u{202e}\"><script>alert(1)</script>", "script", "alert"]
    );
}

#[test]
fn every_reason_of_a_secret_belongs_to_a_check() {
    for kind in
        [Kind::Extension, Kind::Line, Kind::Gateway, Kind::Device, Kind::Provisioning, Kind::Voicemail, Kind::Pin]
    {
        for secret in ["", "101", "qwertyuiop", "Summer2024", "1234"] {
            let subject = Subject { secret, numbers: &["101"], ..Subject::default() };
            for reason in Judge::default().judge(kind, &subject).iter() {
                assert!(reason.check(kind).is_some_and(|check| check.starts_with("CR-")), "{kind:?} {reason:?}");
            }
        }
    }
}

/// Secrets as FusionPBX's generator makes them at each strength, from a seed.
fn generated(strength: usize, length: usize) -> impl Iterator<Item = String> {
    const DIGITS: &str = "0123456789";
    const LOWER: &str = "abcdefghijkmnopqrstuvwxyz";
    const UPPER: &str = "ABCDEFGHIJKLMNPQRSTUVWXYZ";
    const SPECIAL: &str = "!^$%*?.";
    let alphabet: Vec<char> =
        [DIGITS, LOWER, UPPER, SPECIAL].iter().take(strength).flat_map(|set| set.chars()).collect();
    let random = crate::base::rng::SeededRandom::new(strength as u64);
    std::iter::repeat_with(move || {
        let bound = u32::try_from(alphabet.len()).unwrap();
        (0..length).map(|_| alphabet[crate::base::rng::below(&random, bound) as usize]).collect()
    })
}

#[test]
fn what_fusionpbx_generates_is_not_called_guessable() {
    for strength in 2..=4 {
        let mut judge = Judge::default();
        let wrong = generated(strength, 20).take(2_000).filter(|secret| {
            let subject = Subject { secret, numbers: &["1017"], ..Subject::default() };
            !judge.judge(Kind::Extension, &subject).is_empty()
        });
        assert_eq!(wrong.count(), 0, "strength {strength}");
    }
    let pins = generated(1, 8).take(2_000).filter(|secret| !pin(secret).is_empty());
    assert!(pins.count() < 10, "chance makes a few patterns");
}

proptest! {
    #[test]
    fn judging_never_panics(text in any::<String>(), number in any::<String>(), name in "\\PC{0,40}") {
        for kind in [Kind::Extension, Kind::Gateway, Kind::Voicemail, Kind::Pin] {
            let _ = judge(kind, &text, &[&number, &text], &[&name], &name);
        }
    }

    #[test]
    fn hostile_letters_are_judged_like_others(letter in "[\u{202e}\u{0}\u{1f512}\u{feff}a]", times in 12_usize..40) {
        let secret = letter.repeat(times);
        prop_assert!(sip(&secret).contains(&"repeated"));
    }
}
