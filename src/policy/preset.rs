//! Whole policies to choose from. What one would change is shown before it is saved.

use crate::policy::era::Era;
use crate::policy::settings::Key;
use crate::policy::value::Value;

/// A whole policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// What FusionPBX of this generation ships.
    FusionPbx,
    /// NIST SP 800-63B-4, section 3.1.1.2: people's passwords are long and follow no rules of letters.
    Nist,
    /// The most that FusionPBX can ask for and phones and people still bear.
    Strict,
}

/// What a preset wants of one setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which setting.
    pub key: Key,
    /// The value.
    pub value: Value,
    /// Whether the row counts: FusionPBX ships some with a value and switched off.
    pub enabled: bool,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 3] = [Self::FusionPbx, Self::Nist, Self::Strict];

    /// Parses `fusionpbx`, `nist` or `strict`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.word() == text)
    }

    /// `fusionpbx`, `nist`, `strict`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::FusionPbx => "fusionpbx",
            Self::Nist => "nist",
            Self::Strict => "strict",
        }
    }

    /// Its name.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::FusionPbx => "FusionPBX's defaults",
            Self::Nist => "NIST SP 800-63B-4",
            Self::Strict => "Strict",
        }
    }

    /// What it is about.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::FusionPbx => "What this generation of FusionPBX ships, switched off where it ships it so.",
            Self::Nist => {
                "People's passwords have 15 characters or more and no rules of letters, which only make them guessable in \
                 another way (section 3.1.1.2). It also asks for a list of passwords that are never taken; FusionPBX has \
                 none. PINs have 6 digits or more. SIP passwords are drawn at random, with more than 112 bits."
            }
            Self::Strict => {
                "Longer than NIST asks for, with every rule that FusionPBX checks: for those who must show such rules to an \
                 auditor. People will write these passwords down."
            }
        }
    }

    /// Whether a value that counts is as `target` wants it. Only FusionPBX's defaults take a length back down; but one that
    /// nobody may save (a billion, and no password is long enough any more) is never right.
    #[must_use]
    pub fn is_met(self, target: &Target, value: Option<Value>) -> bool {
        match (value, target.value) {
            (Some(Value::Number(now)), Value::Number(least)) if self != Self::FusionPbx => {
                now >= least && target.key.setting().parse(&now.to_string()).is_ok()
            }
            (now, wanted) => now == Some(wanted),
        }
    }

    /// What it wants of each setting of this generation; nothing where the generation is not known.
    #[must_use]
    pub fn targets(self, era: Era) -> Vec<Target> {
        let (numbers, flags) = match self {
            Self::FusionPbx => shipped(era),
            Self::Nist => asked(era, [20, 15, 8, 6], false),
            Self::Strict => asked(era, [32, 20, 10, 8], true),
        };
        let number = |(name, number, enabled): (String, u32, bool)| (name, Value::Number(number), enabled);
        let flag = |(name, flag, enabled): (String, bool, bool)| (name, Value::Flag(flag), enabled);
        let all = numbers.into_iter().map(number).chain(flags.into_iter().map(flag));
        all.filter_map(|(name, value, enabled)| Some(Target { key: Key::parse(&name)?, value, enabled })).collect()
    }
}

type Numbers = Vec<(String, u32, bool)>;
type Flags = Vec<(String, bool, bool)>;

const RULES: [&str; 4] = ["number", "lowercase", "uppercase", "special"];

/// The categories of generated passwords and of users.
const fn categories(era: Era) -> (&'static str, &'static str) {
    match era {
        Era::V4_4 => ("security", "user"),
        _ => ("extension", "users"),
    }
}

/// What FusionPBX ships (measured in 4.4.1, 5.0.1, 5.1.0 to 5.5.7).
fn shipped(era: Era) -> (Numbers, Flags) {
    if era == Era::Unclear {
        return (Vec::new(), Vec::new());
    }
    let (made, users) = categories(era);
    let (made_length, user_length) = if era == Era::V4_4 { (10, 10) } else { (20, 12) };
    let numbers = vec![
        (format!("{made}.password_length"), made_length, true),
        (format!("{made}.password_strength"), 4, true),
        (format!("{users}.password_length"), user_length, true),
        ("voicemail.password_length".to_owned(), 8, true),
        ("voicemail.password_min_length".to_owned(), 4, false),
    ];
    let mut flags = vec![("voicemail.password_complexity".to_owned(), true, false)];
    for rule in RULES {
        // Switched on for digits from 5.5, for lower case ever since; users need no special character from 5.1.
        let is_counted = rule == "lowercase" || (rule == "number" && era >= Era::V5_5);
        flags.push((format!("{made}.password_{rule}"), true, is_counted));
        let is_asked = rule != "special" || matches!(era, Era::V4_4 | Era::V5_0);
        flags.push((format!("{users}.password_{rule}"), is_asked, true));
    }
    if era != Era::V4_4 {
        flags.push(("provision.http_auth_enabled".to_owned(), true, true));
    }
    (numbers, flags)
}

fn asked(era: Era, [made_length, user_length, pin, least_pin]: [u32; 4], rules: bool) -> (Numbers, Flags) {
    if era == Era::Unclear {
        return (Vec::new(), Vec::new());
    }
    let (made, users) = categories(era);
    let numbers = vec![
        (format!("{made}.password_length"), made_length, true),
        (format!("{made}.password_strength"), 4, true),
        (format!("{users}.password_length"), user_length, true),
        ("voicemail.password_length".to_owned(), pin, true),
        ("voicemail.password_min_length".to_owned(), least_pin, true),
    ];
    let mut flags = vec![("voicemail.password_complexity".to_owned(), true, true)];
    flags.extend(RULES.map(|rule| (format!("{users}.password_{rule}"), rules, true)));
    if era != Era::V4_4 {
        flags.push(("provision.http_auth_enabled".to_owned(), true, true));
    }
    (numbers, flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERAS: [Era; 6] = [Era::V4_4, Era::V5_0, Era::V5_1, Era::V5_3, Era::V5_4, Era::V5_5];

    #[test]
    fn a_preset_wants_only_what_may_be_saved_and_is_at_home() {
        for preset in Preset::ALL {
            assert_eq!(Preset::parse(preset.word()), Some(preset));
            assert!(preset.targets(Era::Unclear).is_empty());
            for era in ERAS {
                let targets = preset.targets(era);
                assert!(targets.len() >= 10, "{preset:?} {era:?}");
                for Target { key, value, .. } in targets {
                    assert!(key.setting().home.includes(era), "{preset:?} {era:?} {key}");
                    assert_eq!(key.setting().parse(&value.to_string()), Ok(value), "{preset:?} {era:?} {key}");
                }
            }
        }
        assert_eq!(Preset::parse("NIST"), None);
    }

    #[test]
    fn only_the_defaults_take_a_length_back_down() {
        let length = |preset: Preset| {
            let targets = preset.targets(Era::V5_5);
            targets.into_iter().find(|target| target.key.to_string() == "users.password_length").unwrap()
        };

        assert!(Preset::Nist.is_met(&length(Preset::Nist), Some(Value::Number(16))));
        assert!(!Preset::Nist.is_met(&length(Preset::Nist), Some(Value::Number(14))));
        assert!(!Preset::Nist.is_met(&length(Preset::Nist), Some(Value::Number(1_000_000_000))));
        assert!(!Preset::FusionPbx.is_met(&length(Preset::FusionPbx), Some(Value::Number(16))));
        assert!(!Preset::Nist.is_met(&length(Preset::Nist), None));
    }

    #[test]
    fn nist_and_strict_reach_every_floor() {
        for preset in [Preset::Nist, Preset::Strict] {
            for era in ERAS {
                for target in preset.targets(era) {
                    let value = target.value.to_string();
                    assert!(!target.key.setting().is_below_floor(Some(&value)), "{preset:?} {era:?} {}", target.key);
                }
            }
        }
    }
}
