//! What a browser says of itself, in a few words that its owner recognises. Anybody can claim anything in it: it is for
//! reading, and nothing is decided by it.

/// In the order in which they are looked for: most name others, too.
const BROWSERS: [(&str, &str); 6] = [
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
    ("curl/", "curl"),
];

const SYSTEMS: [(&str, &str); 6] = [
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// `Firefox 128 on Linux`; what it said itself where nothing in it is known.
pub(super) fn browser_words(said: &str) -> String {
    let browser = BROWSERS.iter().find_map(|(sign, name)| {
        let (_, version) = said.split_once(sign)?;
        let major: String = version.chars().take_while(char::is_ascii_digit).take(6).collect();
        Some(if major.is_empty() { (*name).to_owned() } else { format!("{name} {major}") })
    });
    let system = SYSTEMS.iter().find(|(sign, _)| said.contains(sign)).map(|(_, name)| *name);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser,
        (None, _) if said.is_empty() => "a browser without a name".to_owned(),
        (None, _) => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_called_what_its_owner_calls_it() {
        let cases = [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox 128 on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 \
                 Safari/537.36 Edg/131.0.0.0",
                "Edge 131 on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari 18 on iPhone",
            ),
            ("curl/8.5.0", "curl 8"),
            ("my own thing", "my own thing"),
            ("", "a browser without a name"),
        ];
        for (said, words) in cases {
            assert_eq!(browser_words(said), words);
        }
    }
}
