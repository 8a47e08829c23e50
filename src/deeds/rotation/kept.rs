//! What is sealed in our store while a batch can still be taken back.

use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::base::secret::Secret;
use crate::fusionpbx::rotation::{FormerSecret, NewSecret, Target};

/// The secrets of a batch.
#[derive(Deserialize, Serialize)]
pub(super) struct Kept {
    pub(super) secrets: Vec<KeptSecret>,
}

/// One of them.
#[derive(Deserialize, Serialize)]
pub(super) struct KeptSecret {
    pub(super) target: Target,
    #[serde(serialize_with = "expose")]
    former: Option<Secret<String>>,
    lines: Vec<KeptLine>,
    /// Until it was shown.
    #[serde(serialize_with = "expose")]
    pub(super) new: Option<Secret<String>>,
}

#[derive(Deserialize, Serialize)]
struct KeptLine {
    id: Uuid,
    #[serde(serialize_with = "expose")]
    former: Option<Secret<String>>,
}

/// Only into the text that is sealed at once.
#[expect(clippy::ref_option, reason = "serde hands the field over as it is")]
fn expose<S: Serializer>(secret: &Option<Secret<String>>, to: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::expose).serialize(to)
}

impl Kept {
    /// Of a batch that is about to be changed.
    pub(super) fn of(former: &[FormerSecret], batch: &[NewSecret]) -> Self {
        let new =
            |target: Target| batch.iter().find(|new| new.planned.target == target).map(|new| new.secret.clone());
        let kept = |one: &FormerSecret| KeptSecret {
            target: one.target,
            former: one.secret.clone(),
            lines: one.lines.iter().map(|(id, former)| KeptLine { id: *id, former: former.clone() }).collect(),
            new: new(one.target),
        };
        Self { secrets: former.iter().map(kept).collect() }
    }

    /// The text that is sealed.
    pub(super) fn text(&self) -> Option<Secret<String>> {
        serde_json::to_string(self).ok().map(Secret::new)
    }

    /// Reads it back.
    pub(super) fn read(text: &Secret<String>) -> Option<Self> {
        serde_json::from_str(text.expose()).ok()
    }

    /// What takes the batch back.
    pub(super) fn former(&self) -> Vec<FormerSecret> {
        let line = |line: &KeptLine| (line.id, line.former.clone());
        let former = |one: &KeptSecret| FormerSecret {
            target: one.target,
            secret: one.former.clone(),
            lines: one.lines.iter().map(line).collect(),
        };
        self.secrets.iter().map(former).collect()
    }

    /// The new secrets, which are then no longer kept.
    pub(super) fn take_new(&mut self) -> Vec<(Target, Secret<String>)> {
        self.secrets.iter_mut().filter_map(|one| Some((one.target, one.new.take()?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fusionpbx::rotation::SecretKind;

    #[test]
    fn what_is_kept_reads_back_and_new_secrets_are_taken_once() {
        let target = Target { kind: SecretKind::Extension, id: Uuid::new_v4() };
        let secret = |text: &str| Some(Secret::new(text.to_owned()));
        let line = KeptLine { id: Uuid::new_v4(), former: None };
        let one = KeptSecret { target, former: secret("old"), lines: vec![line], new: secret("new") };
        let mut kept = Kept::read(&Kept { secrets: vec![one] }.text().unwrap()).unwrap();

        let new = kept.take_new();
        let rest = Kept::read(&kept.text().unwrap()).unwrap();

        assert_eq!(new[0].1.expose(), "new");
        assert!(rest.secrets[0].new.is_none());
        assert_eq!(rest.former()[0].secret.as_ref().unwrap().expose(), "old");
        assert_eq!(rest.former()[0].lines.len(), 1);
        assert!(kept.take_new().is_empty());
    }
}
