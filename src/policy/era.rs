//! How old FusionPBX is, as far as its tables show it. Its version number is never asked: it is only as fresh as the last
//! upgrade run, and says nothing of what was left behind.

/// What the catalogue says. Each of these came or went with one generation.
#[expect(clippy::struct_excessive_bools, reason = "six tables and columns that are there or not")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Table `v_user_groups`: from 5.0; 4.4 has `v_group_users`.
    pub user_groups: bool,
    /// Column `v_users.user_totp_secret`: from 5.1.
    pub second_factor: bool,
    /// Table `v_event_guard_logs`: from 5.1.
    pub event_guard: bool,
    /// Column `v_user_logs.session_id`: from 5.3.
    pub session_ids: bool,
    /// Column `v_devices.device_serial_number`: from 5.4.
    pub serial_numbers: bool,
    /// Column `v_users.user_enabled` is boolean: from 5.5; text before.
    pub boolean_flags: bool,
}

/// A generation of FusionPBX, told apart by its tables. `V5_1` stands for 5.1 and 5.2, `V5_5` for all later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Era {
    /// Settings in the categories `user` and `security`.
    V4_4,
    /// Settings in `users` and `extension`; pages read them from the session.
    V5_0,
    /// 5.1 or 5.2.
    V5_1,
    /// Pages read the session or the database.
    V5_3,
    /// Pages read the database, through `APCu` where PHP has it.
    V5_4,
    /// 5.5 or later.
    V5_5,
    /// The tables fit no generation that we know.
    Unclear,
}

impl Evidence {
    /// The generation that these tables are of.
    #[must_use]
    pub const fn era(self) -> Era {
        let Self { user_groups, second_factor, event_guard, session_ids, serial_numbers, boolean_flags } = self;
        match (user_groups, second_factor, event_guard) {
            (false, false, false) if !boolean_flags => Era::V4_4,
            (true, false, false) if !boolean_flags => Era::V5_0,
            (true, true, true) if boolean_flags => Era::V5_5,
            (true, true, true) if serial_numbers => Era::V5_4,
            (true, true, true) if session_ids => Era::V5_3,
            (true, true, true) => Era::V5_1,
            _ => Era::Unclear,
        }
    }

    /// What it was told by, in a sentence for the page.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self.era() {
            Era::V4_4 => "The tables are those of FusionPBX 4.4: there is no v_user_groups.",
            Era::V5_0 => "The tables are those of FusionPBX 5.0: no v_event_guard_logs, no v_users.user_totp_secret.",
            Era::V5_1 => {
                "The tables are those of FusionPBX 5.1 or 5.2: v_event_guard_logs is there, v_user_logs.session_id is not."
            }
            Era::V5_3 => {
                "The tables are those of FusionPBX 5.3: v_user_logs.session_id is there, v_devices.device_serial_number \
                 is not."
            }
            Era::V5_4 => {
                "The tables are those of FusionPBX 5.4: v_devices.device_serial_number is there, v_users.user_enabled is \
                 text."
            }
            Era::V5_5 => "The tables are those of FusionPBX 5.5 or later: v_users.user_enabled is boolean.",
            Era::Unclear => "The tables fit no generation of FusionPBX that Rampart knows.",
        }
    }
}

impl Era {
    /// What has to happen so that FusionPBX sees a setting that was changed in its database.
    /// (`resources/classes/settings.php`, `core/default_settings/default_settings_reload.php`.)
    #[must_use]
    pub const fn to_be_seen(self) -> &'static str {
        match self {
            Self::V4_4 | Self::V5_0 | Self::V5_1 => {
                "This FusionPBX reads settings when someone signs in. Whoever is signed in goes on with the old values until \
                 they sign in again, or choose Advanced > Default Settings > Reload for their own session."
            }
            Self::V5_3 => {
                "This FusionPBX reads some settings with each request and others when someone signs in. To be sure, sign in \
                 again, or choose Advanced > Default Settings > Reload for your own session."
            }
            Self::V5_4 | Self::V5_5 => {
                "This FusionPBX reads a change with its next request. Only where PHP has the APCu extension (the installer \
                 does not install it) does the old value stay: then choose Advanced > Default Settings > Reload. The cache \
                 belongs to the web server's PHP, and nothing outside can clear it."
            }
            Self::Unclear => {
                "FusionPBX 5.4 and later reads a change with its next request, unless PHP has APCu; earlier ones when \
                 someone signs in. Advanced > Default Settings > Reload is right in both cases."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINCE_5_1: Evidence = Evidence {
        user_groups: true,
        second_factor: true,
        event_guard: true,
        session_ids: false,
        serial_numbers: false,
        boolean_flags: false,
    };

    #[test]
    fn each_generation_is_told_by_its_tables() {
        let eras = [
            (Evidence::default(), Era::V4_4),
            (Evidence { user_groups: true, ..Evidence::default() }, Era::V5_0),
            (SINCE_5_1, Era::V5_1),
            (Evidence { session_ids: true, ..SINCE_5_1 }, Era::V5_3),
            (Evidence { session_ids: true, serial_numbers: true, ..SINCE_5_1 }, Era::V5_4),
            (Evidence { boolean_flags: true, ..SINCE_5_1 }, Era::V5_5),
        ];
        for (evidence, era) in eras {
            assert_eq!(evidence.era(), era, "{evidence:?}");
        }
    }

    #[test]
    fn tables_that_contradict_each_other_are_not_guessed_at() {
        for evidence in [
            Evidence { boolean_flags: true, ..Evidence::default() },
            Evidence { second_factor: false, ..SINCE_5_1 },
            Evidence { user_groups: false, ..SINCE_5_1 },
        ] {
            assert_eq!(evidence.era(), Era::Unclear, "{evidence:?}");
        }
    }
}
