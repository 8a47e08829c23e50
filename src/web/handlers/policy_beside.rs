//! What stands beside the settings: what others changed since, and the secrets of phones.

use crate::base::chain::printable;
use crate::base::clock::Timestamp;
use crate::deeds::policy::spoken;
use crate::deeds::policy_drift::Drifted;
use crate::fusionpbx::Stored;
use crate::fusionpbx::phone_secrets::SecretReading;
use crate::policy::provisioning::SecretState;
use crate::web::pages::passwords::{DriftRow, SecretRow};
use crate::web::parts::Mark;

/// What is no longer as it was left here.
pub(super) fn drifted(all: &[Drifted]) -> Vec<DriftRow> {
    all.iter().map(drift_row).collect()
}

fn drift_row(Drifted { mark, note }: &Drifted) -> DriftRow {
    let subject = match mark.tenant {
        None => mark.key.clone(),
        Some(_) => format!("{} of {}", mark.key, mark.place),
    };
    let left = Stored { value: mark.value.clone(), enabled: mark.enabled };
    let noticed = Timestamp::from_unix(note.noticed).minutes();
    let words = match (&note.changed, &note.user) {
        (Some(at), Some(user)) => {
            format!("Noticed {noticed}. FusionPBX notes a change at {at} by its account {user}.")
        }
        (Some(at), None) => format!("Noticed {noticed}. FusionPBX notes a change at {at}, and not by whom."),
        (None, _) => format!("Noticed {noticed}. FusionPBX does not note by whom or when."),
    };
    DriftRow {
        subject: printable(&subject),
        left: printable(&spoken(&left)),
        now: note.now.as_ref().map_or_else(|| "the row is gone".to_owned(), |now| printable(&spoken(now))),
        words: printable(&words),
    }
}

/// What is known of the secrets of phones.
pub(super) fn secrets(all: &[SecretReading]) -> Vec<SecretRow> {
    all.iter().map(secret_row).collect()
}

fn secret_row(reading: &SecretReading) -> SecretRow {
    let state = reading.state();
    let tenants = match (reading.tenants, reading.weak_tenants) {
        (0, _) => String::new(),
        (all, 0) => format!("Tenants with their own: {all}."),
        (all, weak) => format!("Tenants with their own: {all}, weak or shipped in {weak} of them."),
    };
    SecretRow {
        title: reading.secret.title.to_owned(),
        key: format!("provision.{}", reading.secret.subcategory),
        mark: match state {
            bad if bad.is_bad() => Mark::Fail,
            _ if reading.weak_tenants > 0 => Mark::Fail,
            SecretState::Set => Mark::Pass,
            _ => Mark::Plain,
        },
        state: state.words().to_owned(),
        rows: match reading.values() {
            0 | 1 => String::new(),
            several => format!("{several} rows count."),
        },
        tenants,
        words: reading.secret.words.to_owned(),
    }
}
