//! The table of ASVS rows in docs/security.md says what the tests say.

use std::collections::BTreeSet;
use std::path::Path;

/// Every `ASVS …` that a comment of a test names.
fn named(directory: &Path, ids: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            named(&path, ids);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("asvs.rs") {
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                let comment = line.trim_start().strip_prefix("///");
                let Some((_, after)) = comment.and_then(|comment| comment.split_once("ASVS ")) else { continue };
                let is_id = |word: &&str| {
                    word.split('.').count() == 3 && word.split('.').all(|part| part.parse::<u8>().is_ok())
                };
                let words = after.split([' ', ',']).map(|word| word.trim_end_matches(['.', ':']));
                ids.extend(words.filter(is_id).map(ToOwned::to_owned));
            }
        }
    }
}

#[test]
fn the_table_of_rows_is_the_one_that_the_tests_hold() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut held = BTreeSet::new();
    named(&own.join("tests"), &mut held);
    named(&own.join("src"), &mut held);

    let text = std::fs::read_to_string(own.join("docs/security.md")).unwrap();

    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    let rows: Vec<(&str, &str)> =
        rows.filter(|(id, _)| id.chars().next().is_some_and(|first| first.is_ascii_digit())).collect();
    let promised: BTreeSet<String> =
        rows.iter().filter(|(_, words)| !words.starts_with("not a test: ")).map(|(id, _)| (*id).to_owned()).collect();
    assert!(rows.len() > 75, "only {} rows", rows.len());
    assert_eq!(promised, held);
}
