//! Named sets and maps. Their elements are read the way the rule that asks for them needs, once for each way.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use crate::firewall::model::Entries;
use crate::firewall::ranges::Ranges;

use crate::firewall::nft::field::Reading;
use crate::firewall::nft::{TableName, table_of, value, word};

/// The sets and maps of a rule set.
#[derive(Debug, Default)]
pub(super) struct Named<'a> {
    elements: HashMap<(TableName, String), &'a [Value]>,
    changing: HashSet<(TableName, String)>,
    single: HashMap<(TableName, String, Reading), Option<Arc<Ranges>>>,
    tuples: HashMap<(TableName, String, Vec<Reading>), Option<Entries>>,
}

impl<'a> Named<'a> {
    /// Collects sets and maps, and notes which of them rules change.
    pub(super) fn read(objects: &'a [Value]) -> Self {
        let mut named = Self::default();
        for object in objects {
            if let Some(set) = object.get("set").or_else(|| object.get("map")) {
                let elements = set.get("elem").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                named.elements.insert((table_of(set), word(set, "name")), elements);
            }
            let Some(rule) = object.get("rule") else { continue };
            let expressions = rule.get("expr").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            for changed in expressions.iter().filter_map(|one| one.get("set").or_else(|| one.get("map"))) {
                let name = word(changed, "set") + &word(changed, "map");
                named.changing.insert((table_of(rule), name.trim_start_matches('@').to_owned()));
            }
        }
        named
    }

    /// Whether packets put things into the set.
    pub(super) fn changes(&self, table: &TableName, name: &str) -> bool {
        self.changing.contains(&(table.clone(), name.to_owned()))
    }

    /// The elements, as nft printed them.
    pub(super) fn elements(&self, table: &TableName, name: &str) -> Option<&'a [Value]> {
        self.elements.get(&(table.clone(), name.to_owned())).copied()
    }

    /// A set's numbers.
    pub(super) fn single(&mut self, table: &TableName, name: &str, reading: Reading) -> Option<Arc<Ranges>> {
        let elements = self.elements(table, name)?;
        let read = || value::many(elements, reading).map(Arc::new);
        self.single.entry((table.clone(), name.to_owned(), reading)).or_insert_with(read).clone()
    }

    /// A set's entries of several fields each.
    pub(super) fn tuples(&mut self, table: &TableName, name: &str, readings: &[Reading]) -> Option<Entries> {
        let elements = self.elements(table, name)?;
        let read = || entries(elements, readings).map(Arc::new);
        self.tuples.entry((table.clone(), name.to_owned(), readings.to_vec())).or_insert_with(read).clone()
    }
}

/// Elements of several fields each.
pub(super) fn entries(elements: &[Value], readings: &[Reading]) -> Option<Vec<Vec<Ranges>>> {
    elements.iter().map(|element| entry(element, readings)).collect()
}

/// One element: as many sets of numbers as there are fields.
pub(super) fn entry(element: &Value, readings: &[Reading]) -> Option<Vec<Ranges>> {
    let element = element.get("elem").and_then(|inside| inside.get("val")).unwrap_or(element);
    if let [reading] = readings {
        return Some(vec![value::one(element, *reading)?]);
    }
    let parts = element.get("concat")?.as_array()?;
    if parts.len() != readings.len() {
        return None;
    }
    parts.iter().zip(readings).map(|(part, reading)| value::one(part, *reading)).collect()
}
