//! Password settings, read through the restricted role from both generations.

use rampart::app::demo::fusionpbx::Generation;
use rampart::app::demo::town::HOSTILE_NAME;
use rampart::fusionpbx::overrides::OverridesWanted;
use rampart::fusionpbx::settings::Level;
use rampart::fusionpbx::tenants::TenantsWanted;
use rampart::fusionpbx::{FusionPbx, Winner};
use rampart::policy::Key;
use uuid::Uuid;

use crate::support::fusionpbx::Database;

const GENERATIONS: [Generation; 2] = [Generation::V5_0, Generation::V5_5];

async fn global(fusionpbx: &FusionPbx, key: &str) -> Option<String> {
    let key = Key::parse(key).unwrap();
    let readings = fusionpbx.global_policy().await.unwrap();
    readings.iter().find(|reading| reading.key == key).unwrap().value().map(str::to_owned)
}

#[tokio::test]
async fn the_shipped_settings_are_read_in_both_generations() {
    for generation in GENERATIONS {
        let database = Database::shipped(generation).await;
        let fusionpbx = database.fusionpbx().await;

        assert_eq!(global(&fusionpbx, "extension.password_length").await.as_deref(), Some("20"), "{generation:?}");
        assert_eq!(global(&fusionpbx, "users.password_length").await.as_deref(), Some("12"), "{generation:?}");
        // Shipped with a value, and not enabled.
        assert_eq!(global(&fusionpbx, "voicemail.password_min_length").await, None, "{generation:?}");
    }
}
