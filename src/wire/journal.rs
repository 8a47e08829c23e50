//! The agent's journal as it crosses the socket: lines of canonical JSON, each chained to the one before it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::hash_chain::{Hash, Link, Tip, canonical};

/// What one line says. What does not apply is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JournalRecord {
    /// When, in UTC (RFC 3339).
    pub time: String,
    /// Who asked; absent for the agent itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// With which process, if the kernel says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// Of a request that changes something: whether this line was written before or after the act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Of a line written after the act: the number of the one written before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<i64>,
    /// The entry of the console's trail that it belongs to, as the console said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<i64>,
    /// What was asked.
    pub verb: String,
    /// What it was about, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// `done`, or how it failed; absent before the act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The end of the console's trail, as the console said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trail: Option<Tip>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
}

/// Whether a line was written before or after the act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Before.
    Open,
    /// After.
    Close,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalLine {
    /// Its number, its record and its hash.
    pub link: Link,
    /// The hash of the line before it, as it says.
    pub prev: Hash,
    /// What it says.
    pub record: JournalRecord,
}

/// Some lines, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalPage {
    /// The last line of the journal at that moment.
    pub end: Tip,
    /// The lines as they are kept.
    pub lines: Vec<String>,
}

impl JournalLine {
    /// `record` as the line after `before`.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn after(before: Tip, record: JournalRecord) -> Result<Self, serde_json::Error> {
        let text = canonical(&record)?;
        let tip = before.then(&text);
        Ok(Self { link: Link { number: tip.number, record: text, hash: tip.hash }, prev: before.hash, record })
    }

    /// The line as it is kept, without its line break.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        let mut value: Value = serde_json::from_str(&self.link.record)?;
        if let Value::Object(map) = &mut value {
            map.insert("seq".to_owned(), self.link.number.into());
            map.insert("prev".to_owned(), self.prev.to_string().into());
            map.insert("hash".to_owned(), self.link.hash.to_string().into());
        }
        canonical(&value)
    }

    /// Reads a line back; `None` if it is not exactly what [`text`](Self::text) writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut value: Value = serde_json::from_str(text).ok()?;
        if canonical(&value).ok()? != text {
            return None;
        }
        let map = value.as_object_mut()?;
        let number = map.remove("seq")?.as_i64()?;
        let prev = map.remove("prev")?.as_str()?.parse().ok()?;
        let hash = map.remove("hash")?.as_str()?.parse().ok()?;
        let link = Link { number, record: canonical(&value).ok()?, hash };
        let record = serde_json::from_value(value).ok()?;
        Some(Self { link, prev, record })
    }

    /// Where the chain ends with this line.
    #[must_use]
    pub const fn tip(&self) -> Tip {
        Tip { number: self.link.number, hash: self.link.hash }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_and_one_that_was_touched_does_not_fit() {
        let record =
            JournalRecord { verb: "install".to_owned(), reason: Some("é\n".to_owned()), ..Default::default() };
        let line = JournalLine::after(Tip::BEGINNING, record).unwrap();

        let text = line.text().unwrap();

        assert_eq!(JournalLine::parse(&text), Some(line.clone()));
        assert!(text.is_ascii() && !text.contains('\n'));
        assert_eq!(JournalLine::parse(&text.replace(',', ", ")), None);
        assert_eq!(JournalLine::parse(&text.replacen('{', r#"{"a":1,"a":2,"#, 1)), None);
        let changed = JournalLine::parse(&text.replace("install", "instill")).unwrap();
        assert_ne!(Tip::BEGINNING.then(&changed.link.record).hash, changed.link.hash);
    }
}
