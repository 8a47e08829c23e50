//! Splits a saved line into words. iptables quotes what holds other letters than plain ones, and escapes quotes,
//! backslashes and the like within (`xtables_save_string`).

/// The words of a line.
pub(super) fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let (mut quoted, mut letters) = (false, line.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if quoted => word.get_or_insert_default().extend(letters.next()),
            letter if letter.is_whitespace() && !quoted => words.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_quoted_word_keeps_its_blanks_and_its_escaped_quotes() {
        let words = split(r#"-A INPUT --comment "web \"quoted\" -j DROP" --string "" -j ACCEPT"#);

        assert_eq!(words, ["-A", "INPUT", "--comment", "web \"quoted\" -j DROP", "--string", "", "-j", "ACCEPT"]);
    }
}
