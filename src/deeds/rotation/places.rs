//! Numbers as people write them: `101, 105-110`, one per line, or all.

/// The most that one field names.
const MOST: usize = 500;

/// The places that `text` names, without doubles; empty where it names none, which stands for all. A range of numbers counts
/// up; everything else is taken as it stands, since a device's address has hyphens too.
///
/// # Errors
/// In words, what is wrong with it.
pub fn parse(text: &str) -> Result<Vec<String>, String> {
    let mut places: Vec<String> = Vec::new();
    let words = text.split(|letter: char| letter == ',' || letter == ';' || letter.is_whitespace());
    for word in words.filter(|word| !word.is_empty()) {
        let range = word.split_once('-').and_then(|(first, last)| Some((number(first)?, number(last)?, first)));
        match range {
            Some((first, last, _)) if last < first => {
                return Err(format!("{word} counts down; write {last}-{first}"));
            }
            Some((first, last, _)) if last - first >= MOST as u64 => {
                return Err(format!("{word} is too many at once; at most {MOST} are changed by one plan"));
            }
            // 007-012 keeps its zeros.
            Some((first, last, written)) => {
                places.extend((first..=last).map(|number| format!("{number:0width$}", width = written.len())));
            }
            None => places.push(word.to_owned()),
        }
        if places.len() > MOST {
            return Err(format!("at most {MOST} are changed by one plan"));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    places.retain(|place| seen.insert(place.clone()));
    Ok(places)
}

fn number(text: &str) -> Option<u64> {
    (!text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        let cases: [(&str, &[&str]); 6] = [
            ("", &[]),
            (" 101 ", &["101"]),
            ("101, 105-107;101\n200", &["101", "105", "106", "107", "200"]),
            ("007-009", &["007", "008", "009"]),
            ("00-15-65-aa-bb-cc", &["00-15-65-aa-bb-cc"]),
            ("front-desk", &["front-desk"]),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_too_many_or_runs_backwards_is_refused_in_words() {
        for text in ["110-105", "1-1000", "1-400 500-900"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
