//! FusionPBX's `config.conf`: lines of `key = value`, `#` before a comment.

use crate::base::secret::Secret;

/// The keys under which FusionPBX looks for the event socket's password, the first one first
/// (`resources/classes/event_socket.php`).
const KEYS: [&str; 2] = ["switch.event_socket.password", "event_socket.password"];

/// The value of `switch.event_socket.<key>`, else of `event_socket.<key>`.
pub(super) fn event_socket(text: &str, key: &str) -> Option<String> {
    let find = |key: String| value(text, &key).map(str::to_owned);
    find(format!("switch.event_socket.{key}"))
        .or_else(|| find(format!("event_socket.{key}")))
        .filter(|value| !value.is_empty())
}

/// The value of `key`: the last one.
pub(super) fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().rev().filter_map(pair).find(|(own, _)| *own == key).map(|(_, value)| value)
}

fn pair(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let (key, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
    Some((key.trim(), value.trim()))
}

/// The same file with another password of the event socket, wherever it stands; where it does not, in a line at the end.
/// Every other byte is kept.
pub(super) fn with_password(bytes: &Secret<Vec<u8>>, password: &Secret<String>) -> Secret<Vec<u8>> {
    let bytes = bytes.expose();
    let mut new = Vec::with_capacity(bytes.len() + 200);
    let mut is_set = false;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let own =
            std::str::from_utf8(line).ok().filter(|text| pair(text).is_some_and(|(key, _)| KEYS.contains(&key)));
        let Some((before, after)) = own.and_then(|text| text.split_once('=')) else {
            new.extend_from_slice(line);
            continue;
        };
        let space = after.len() - after.trim_start_matches([' ', '\t']).len();
        let end = after.trim_end().len().max(space);
        new.extend_from_slice(before.as_bytes());
        new.push(b'=');
        new.extend_from_slice(after.get(..space).unwrap_or_default().as_bytes());
        new.extend_from_slice(password.expose().as_bytes());
        new.extend_from_slice(after.get(end..).unwrap_or_default().as_bytes());
        is_set = true;
    }
    if !is_set {
        let line_break: &[u8] = if bytes.windows(2).any(|pair| pair == b"\r\n") { b"\r\n" } else { b"\n" };
        if new.last().is_some_and(|last| *last != b'\n') {
            new.extend_from_slice(line_break);
        }
        new.extend_from_slice(KEYS[0].as_bytes());
        new.extend_from_slice(b" = ");
        new.extend_from_slice(password.expose().as_bytes());
        new.extend_from_slice(line_break);
    }
    Secret::new(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str) -> String {
        let new = with_password(&Secret::new(text.as_bytes().to_vec()), &Secret::new("new".to_owned()));
        String::from_utf8(new.expose().clone()).unwrap()
    }

    #[test]
    fn a_password_is_replaced_where_it_stands_and_added_where_it_does_not() {
        let file = "#switch.event_socket.password = no\r\ndatabase.0.password = a=b\r\n";

        assert_eq!(
            changed(&format!("{file} switch.event_socket.password =\told \r\nx = y")),
            format!("{file} switch.event_socket.password =\tnew \r\nx = y")
        );
        assert_eq!(changed("event_socket.password=\n"), "event_socket.password=new\n");
        assert_eq!(changed(file), format!("{file}switch.event_socket.password = new\r\n"));
        assert_eq!(changed("a = b"), "a = b\nswitch.event_socket.password = new\n");
        assert_eq!(event_socket(&changed(file), "password").as_deref(), Some("new"));
        assert_eq!(value(file, "database.0.password"), Some("a=b"));
    }
}
