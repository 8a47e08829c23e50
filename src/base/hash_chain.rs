//! A chain of hashes over numbered records: whoever changes, removes, adds or moves one is found out.
//!
//! The hash of a record is SHA-256 over the hash before it (32 bytes), its number (8 bytes, big-endian) and the record
//! itself as canonical JSON: keys sorted, no blanks, everything outside printable ASCII escaped as `\uXXXX`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::base::encoding::hex;

/// A SHA-256; in text, 64 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

/// The text is no SHA-256 in lower-case hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 64 hex digits")]
pub struct NotAHash;

impl Hash {
    /// What stands before the first record: 32 zero bytes.
    pub const BEGINNING: Self = Self([0; 32]);

    /// The hash of these 32 bytes; `None` if there are more or fewer.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex(&self.0))
    }
}

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        });
        pairs.collect::<Option<Vec<u8>>>().and_then(|bytes| Self::from_slice(&bytes)).ok_or(NotAHash)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The last record of a chain, or the place before its first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tip {
    /// Its number; numbers count up by one.
    pub number: i64,
    /// Its hash.
    pub hash: Hash,
}

impl Tip {
    /// Before the first record, which gets number 1.
    pub const BEGINNING: Self = Self { number: 0, hash: Hash::BEGINNING };

    /// The tip once `record` is added.
    #[must_use]
    pub fn then(&self, record: &str) -> Self {
        let number = self.number.saturating_add(1);
        Self { number, hash: link(self.hash, number, record) }
    }
}

/// The hash of `record` with this number after `before`.
#[must_use]
pub fn link(before: Hash, number: i64, record: &str) -> Hash {
    let sum = Sha256::new().chain_update(before.0).chain_update(number.to_be_bytes()).chain_update(record);
    Hash(sum.finalize().into())
}

/// `record` as canonical JSON: what is hashed, and safe to print.
///
/// # Errors
/// It cannot be written as JSON.
pub fn canonical(record: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut value = serde_json::to_value(record)?;
    sort(&mut value);
    Ok(in_ascii(&serde_json::to_string(&value)?))
}

fn sort(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let mut pairs: Vec<(String, Value)> = std::mem::take(map).into_iter().collect();
            pairs.sort_by(|one, other| one.0.cmp(&other.0));
            for (key, mut inner) in pairs {
                sort(&mut inner);
                map.insert(key, inner);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(sort),
        _ => {}
    }
}

/// JSON text with everything outside printable ASCII written as `\uXXXX`: the same value, without a letter that could
/// turn, hide or break a line.
#[must_use]
pub fn in_ascii(json: &str) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        if matches!(letter, ' '..='~') {
            text.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            // Writing to a string does not fail.
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    text
}

/// A record as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number, as it is kept.
    pub number: i64,
    /// The record as canonical JSON.
    pub record: String,
    /// Its hash, as it is kept.
    pub hash: Hash,
}

/// The first bad record of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its number.
    pub number: i64,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not what was written, or the one before it is not.
    Changed,
    /// It is not there.
    Missing,
    /// It stands elsewhere.
    OutOfOrder,
    /// It and everything after it is not there.
    EndMissing,
    /// It stands behind the end.
    BeyondEnd,
    /// Hashes fit each other, but not the end that is known: this record or one before it was written anew.
    Rewritten,
}

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number;
        match self.fault {
            Fault::Changed => write!(out, "record {number} was changed, or does not follow from the one before it"),
            Fault::Missing => write!(out, "record {number} is missing"),
            Fault::OutOfOrder => write!(out, "record {number} is out of order"),
            Fault::EndMissing => write!(out, "record {number} and what came after it are missing"),
            Fault::BeyondEnd => write!(out, "record {number} was added behind the end by somebody else"),
            Fault::Rewritten => write!(
                out,
                "record {number} is not the one that was written: it or one before it was changed, and the hashes after \
                 it made anew"
            ),
        }
    }
}

/// Goes along a chain, record by record.
#[derive(Clone, Debug)]
pub struct Check {
    tip: Tip,
    end: Option<Tip>,
    broken: Option<Broken>,
}

impl Check {
    /// Begins after `start`. Where the `end` is known from elsewhere, it is held against the chain.
    #[must_use]
    pub const fn new(start: Tip, end: Option<Tip>) -> Self {
        Self { tip: start, end, broken: None }
    }

    /// Takes the next record as it is kept. Answers whether it and all before it are good.
    pub fn take(&mut self, next: &Link) -> bool {
        let expected = self.tip.number.saturating_add(1);
        let fits = link(self.tip.hash, expected, &next.record) == next.hash;
        if let Some(broken) = &mut self.broken {
            // Whatever stood in its place: the record that belongs there was found further on.
            if fits && broken.number == expected {
                broken.fault = Fault::OutOfOrder;
            }
            return false;
        }
        let broken = |number, fault| Some(Broken { number, fault });
        let known = self.end.filter(|end| end.number == expected);
        self.broken = if next.number < expected {
            broken(next.number, Fault::OutOfOrder)
        } else if self.end.is_some_and(|end| expected > end.number) {
            broken(next.number, Fault::BeyondEnd)
        } else if next.number > expected {
            broken(expected, if fits { Fault::OutOfOrder } else { Fault::Missing })
        } else if !fits {
            broken(expected, Fault::Changed)
        } else if known.is_some_and(|end| end.hash != next.hash) {
            broken(expected, Fault::Rewritten)
        } else {
            self.tip = Tip { number: expected, hash: next.hash };
            None
        };
        self.broken.is_none()
    }

    /// The last good record.
    #[must_use]
    pub const fn tip(&self) -> Tip {
        self.tip
    }

    /// There are no more records.
    ///
    /// # Errors
    /// The first bad record.
    pub fn finish(self) -> Result<Tip, Broken> {
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        match self.end {
            Some(end) if end.number > self.tip.number => {
                Err(Broken { number: self.tip.number.saturating_add(1), fault: Fault::EndMissing })
            }
            _ => Ok(self.tip),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chain(records: &[String]) -> (Vec<Link>, Tip) {
        let mut tip = Tip::BEGINNING;
        let links = records.iter().map(|record| {
            let record = canonical(record).unwrap();
            tip = tip.then(&record);
            Link { number: tip.number, record, hash: tip.hash }
        });
        (links.collect(), tip)
    }

    fn judge(links: &[Link], end: Tip) -> Result<Tip, Broken> {
        let mut check = Check::new(Tip::BEGINNING, Some(end));
        for link in links {
            check.take(link);
        }
        check.finish()
    }

    /// What somebody does to a chain.
    #[derive(Clone, Debug)]
    enum Crime {
        EditRecord,
        EditHash,
        EditNumber(i64),
        Delete,
        SwapInPlace(usize),
        SwapNumbers(usize),
        Truncate,
        Repeat,
        Append,
    }

    fn crimes() -> impl Strategy<Value = Crime> {
        prop_oneof![
            Just(Crime::EditRecord),
            Just(Crime::EditHash),
            (1..99_i64).prop_map(Crime::EditNumber),
            Just(Crime::Delete),
            any::<usize>().prop_map(Crime::SwapInPlace),
            any::<usize>().prop_map(Crime::SwapNumbers),
            Just(Crime::Truncate),
            Just(Crime::Repeat),
            Just(Crime::Append),
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_done_to_a_chain_is_found_at_the_first_bad_record(
            records in proptest::collection::vec(".{0,12}", 2..24), place in any::<usize>(), crime in crimes(),
        ) {
            let (mut links, end) = chain(&records);
            prop_assert_eq!(judge(&links, end), Ok(end));
            let at = place % links.len();
            let is_last = at + 1 == links.len();
            let number = links[at].number;

            let (first, faults): (i64, &[Fault]) = match crime {
                Crime::EditRecord => {
                    links[at].record.push(' ');
                    (number, &[Fault::Changed])
                }
                Crime::EditHash => {
                    links[at].hash.0[place % 32] ^= 1;
                    (number, &[Fault::Changed])
                }
                Crime::EditNumber(by) => {
                    links[at].number += by;
                    (number, &[Fault::OutOfOrder])
                }
                Crime::Delete => {
                    links.remove(at);
                    (number, if is_last { &[Fault::EndMissing] } else { &[Fault::Missing] })
                }
                Crime::SwapInPlace(other) | Crime::SwapNumbers(other) => {
                    let other = other % links.len();
                    prop_assume!(other != at);
                    links.swap(at, other);
                    if matches!(crime, Crime::SwapNumbers(_)) {
                        let (one, two) = (links[at].number, links[other].number);
                        (links[at].number, links[other].number) = (two, one);
                    }
                    ((at.min(other) + 1).try_into().unwrap(), &[Fault::OutOfOrder])
                }
                Crime::Truncate => {
                    links.truncate(at);
                    (number, &[Fault::EndMissing])
                }
                Crime::Repeat => {
                    let again = links[at].clone();
                    links.push(again);
                    (number, &[Fault::OutOfOrder])
                }
                Crime::Append => {
                    let tip = end.then("\"more\"");
                    links.push(Link { number: tip.number, record: "\"more\"".to_owned(), hash: tip.hash });
                    (tip.number, &[Fault::BeyondEnd])
                }
            };

            let broken = judge(&links, end).unwrap_err();
            prop_assert_eq!(broken.number, first);
            prop_assert!(faults.contains(&broken.fault), "{:?}", broken);
        }
    }

    #[test]
    fn a_chain_that_was_written_anew_does_not_fit_the_known_end() {
        let (_, end) = chain(&["a".to_owned(), "b".to_owned()]);
        let (forged, _) = chain(&["a".to_owned(), "c".to_owned()]);

        assert_eq!(judge(&forged, end), Err(Broken { number: 2, fault: Fault::Rewritten }));
    }

    #[test]
    fn canonical_json_is_sorted_printable_and_the_same_value() {
        let record = serde_json::json!({"z": "a\n\u{7f}\u{202e}\u{1f600}", "b": {"d": 1, "c": null}});

        let text = canonical(&record).unwrap();

        assert_eq!(text, r#"{"b":{"c":null,"d":1},"z":"a\n\u007f\u202e\ud83d\ude00"}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), record);
    }

    #[test]
    fn a_hash_reads_back() {
        let hash = link(Hash::BEGINNING, 1, "{}");

        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!("00".repeat(31).parse::<Hash>(), Err(NotAHash));
        assert_eq!("A0".repeat(32).parse::<Hash>(), Err(NotAHash));
    }
}
