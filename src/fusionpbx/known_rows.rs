//! The default settings that FusionPBX ships, under the keys it ships them with: an upgrade of FusionPBX looks for these
//! keys, and would make a row of its own beside one that has another.
//!
//! Measured in databases that FusionPBX 5.0.1 and 5.5.7 made; both have the same ones. None is known of the categories of
//! 4.4.

use uuid::{Uuid, uuid};

use crate::policy::Key;

/// A row as FusionPBX ships it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownRow {
    /// `default_setting_uuid`.
    pub id: Uuid,
    /// `app_uuid`: the application that the setting belongs to.
    pub app: Uuid,
}

const EXTENSIONS: Uuid = uuid!("e68d9689-2769-e013-28fa-6214bf47fca3");
const USERS: Uuid = uuid!("112124b3-95c2-5352-7e9d-d14c0b88f207");
const VOICEMAILS: Uuid = uuid!("b523c2d2-64cd-46f1-9520-ca4b4098e044");
const PROVISION: Uuid = uuid!("abf28ead-92ef-3de6-ebbb-023fbc2b6dd3");

const ROWS: [(&str, Uuid, Uuid); 16] = [
    ("extension.password_length", uuid!("57d81b35-bc24-4e92-8436-4335ab5e9d0b"), EXTENSIONS),
    ("extension.password_strength", uuid!("718b1641-fa3c-4861-b1f3-40635c951888"), EXTENSIONS),
    ("extension.password_number", uuid!("0fa21a56-7515-4c65-b5f8-270cc24ea375"), EXTENSIONS),
    ("extension.password_lowercase", uuid!("d5f9acbd-857c-42eb-9e9a-92a850fcb734"), EXTENSIONS),
    ("extension.password_uppercase", uuid!("256b0d87-a43e-4618-b96b-541e191879c7"), EXTENSIONS),
    ("extension.password_special", uuid!("4209ff1f-6ea8-4b77-81be-bd75e8670785"), EXTENSIONS),
    ("users.password_length", uuid!("e3f5f4cd-0f17-428a-b788-2f2db91b6dc7"), USERS),
    ("users.password_number", uuid!("51c106d9-9aba-436b-b9b1-ff4937cef706"), USERS),
    ("users.password_lowercase", uuid!("f0e601b9-b619-4247-9624-c33605e96fd8"), USERS),
    ("users.password_uppercase", uuid!("973b6773-dac0-4041-844e-71c48fc9542c"), USERS),
    ("users.password_special", uuid!("a6b6d9cc-fb25-4bc3-ad85-fa530d9b334d"), USERS),
    ("voicemail.password_length", uuid!("bfe802b1-fcad-41a3-9da2-6b0efdb0c05f"), VOICEMAILS),
    ("voicemail.password_min_length", uuid!("95f9d770-0fb0-4e2c-93b1-d2a140568058"), VOICEMAILS),
    ("voicemail.password_complexity", uuid!("b31bcf2d-cb43-41c3-8fb3-36ef74d079b0"), VOICEMAILS),
    ("provision.http_auth_enabled", uuid!("c998c762-6a43-4911-a465-a9653eeb793d"), PROVISION),
    ("provision.http_auth_type", uuid!("27b7ccfd-58d7-409c-80ff-cca014349d70"), PROVISION),
];

/// The row that FusionPBX ships for `key`, if it is known.
#[must_use]
pub fn known_row(key: Key) -> Option<KnownRow> {
    let name = key.to_string();
    ROWS.iter().find(|row| row.0 == name).map(|(_, id, app)| KnownRow { id: *id, app: *app })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Home, SETTINGS};

    #[test]
    fn every_setting_of_today_has_a_key_of_its_own_and_those_of_4_4_have_none() {
        let mut seen = Vec::new();
        for setting in &SETTINGS {
            let row = known_row(setting.key);
            assert_eq!(row.is_some(), matches!(setting.home, Home::Always | Home::Since5), "{}", setting.key);
            if let Some(row) = row {
                assert!(!seen.contains(&row.id), "{}", setting.key);
                seen.push(row.id);
            }
        }
        assert_eq!(seen.len(), ROWS.len());
    }
}
