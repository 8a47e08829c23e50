//! nginx's configuration language, read as nginx itself reads it (`ngx_conf_read_token` in `src/core/ngx_conf_file.c`),
//! and printed so that it reads back the same.

/// The deepest nesting of blocks; nginx's own grammar needs five.
const MAX_DEPTH: usize = 32;

/// Why a text is no nginx configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub(in crate::agent) struct SyntaxError {
    /// The line, from 1.
    pub(in crate::agent) line: usize,
    /// What is wrong there.
    pub(in crate::agent) reason: &'static str,
}

/// One word of a directive.
#[derive(Clone, Debug)]
pub(in crate::agent) struct Word {
    value: String,
    /// As it stood in the file, with its quotes.
    raw: String,
}

impl Word {
    /// A word with this value, quoted if it holds anything but plain letters.
    pub(in crate::agent) fn new(value: &str) -> Self {
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/' | b':' | b'*');
        if !value.is_empty() && value.bytes().all(plain) {
            return Self { value: value.to_owned(), raw: value.to_owned() };
        }
        let mut raw = String::from("\"");
        for letter in value.chars() {
            match letter {
                '"' => raw.push_str("\\\""),
                '\\' => raw.push_str("\\\\"),
                '\n' => raw.push_str("\\n"),
                '\r' => raw.push_str("\\r"),
                '\t' => raw.push_str("\\t"),
                _ => raw.push(letter),
            }
        }
        raw.push('"');
        Self { value: value.to_owned(), raw }
    }

    /// What nginx understands.
    pub(in crate::agent) fn value(&self) -> &str {
        &self.value
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// A directive: its words, the first of which is its name, and its block if it has one. Two are equal if nginx
/// understands the same.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::agent) struct Directive {
    /// Never empty.
    pub(in crate::agent) words: Vec<Word>,
    /// What stands between its braces.
    pub(in crate::agent) block: Option<Vec<Directive>>,
}

impl Directive {
    /// A simple directive made of these values.
    pub(in crate::agent) fn new(values: &[&str]) -> Self {
        Self { words: values.iter().map(|value| Word::new(value)).collect(), block: None }
    }

    /// Its name.
    pub(in crate::agent) fn name(&self) -> &str {
        self.words.first().map_or("", Word::value)
    }

    /// What follows its name.
    pub(in crate::agent) fn arguments(&self) -> impl Iterator<Item = &str> {
        self.words.iter().skip(1).map(Word::value)
    }
}

/// Understands `text`.
///
/// # Errors
/// The first line that nginx would not understand either, or that holds a foreign language (`…_by_lua_block`).
pub(in crate::agent) fn parse(text: &str) -> Result<Vec<Directive>, SyntaxError> {
    let mut lexer = Lexer { text, at: 0, line: 1 };
    // The directive whose block is being read, with its siblings so far; outermost first.
    let mut open: Vec<(Vec<Directive>, Vec<Word>)> = Vec::new();
    let mut here = Vec::new();
    let mut words: Vec<Word> = Vec::new();
    while let Some(token) = lexer.next()? {
        let line = lexer.line;
        let wrong = |reason| Err(SyntaxError { line, reason });
        match token {
            Token::Word(word) => words.push(word),
            Token::End if words.is_empty() => return wrong("unexpected \";\""),
            Token::End => here.push(Directive { words: std::mem::take(&mut words), block: None }),
            Token::Open if words.is_empty() => return wrong("unexpected \"{\""),
            Token::Open if open.len() == MAX_DEPTH => return wrong("too many blocks inside each other"),
            Token::Open if words.first().is_some_and(|word| word.value.ends_with("_by_lua_block")) => {
                return wrong("a block in another language is not understood");
            }
            Token::Open => open.push((std::mem::take(&mut here), std::mem::take(&mut words))),
            Token::Close if !words.is_empty() => return wrong("unexpected \"}\""),
            Token::Close => {
                let Some((siblings, words)) = open.pop() else {
                    return wrong("unexpected \"}\"");
                };
                let block = Some(std::mem::replace(&mut here, siblings));
                here.push(Directive { words, block });
            }
        }
    }
    if open.is_empty() && words.is_empty() {
        return Ok(here);
    }
    Err(SyntaxError { line: lexer.line, reason: "unexpected end of file" })
}

/// `directives` as text that reads back the same. Comments are gone; each word stands as it stood.
pub(in crate::agent) fn print(directives: &[Directive]) -> String {
    let mut text = String::new();
    print_at(&mut text, directives, 0);
    text
}

fn print_at(text: &mut String, directives: &[Directive], depth: usize) {
    let indent = "    ".repeat(depth);
    for directive in directives {
        let words: Vec<&str> = directive.words.iter().map(|word| word.raw.as_str()).collect();
        text.push_str(&indent);
        text.push_str(&words.join(" "));
        if let Some(block) = &directive.block {
            text.push_str(" {\n");
            print_at(text, block, depth + 1);
            text.push_str(&indent);
            text.push_str("}\n");
        } else {
            text.push_str(";\n");
        }
    }
}

enum Token {
    Word(Word),
    End,
    Open,
    Close,
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<Option<Token>, SyntaxError> {
        self.skip_space();
        let Some(first) = self.peek() else {
            return Ok(None);
        };
        let token = match first {
            ';' => Token::End,
            '{' => Token::Open,
            '}' => Token::Close,
            quote @ ('"' | '\'') => return self.quoted(quote).map(Some),
            _ => return self.bare().map(Some),
        };
        self.take();
        Ok(Some(token))
    }

    fn skip_space(&mut self) {
        while let Some(letter) = self.peek() {
            if letter == '#' {
                while self.peek().is_some_and(|letter| letter != '\n') {
                    self.take();
                }
            } else if is_space(letter) {
                self.take();
            } else {
                return;
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Result<Token, SyntaxError> {
        let (start, line) = (self.at, self.line);
        self.take();
        loop {
            match self.take() {
                None => return Err(SyntaxError { line, reason: "a quote is not closed" }),
                Some('\\') => drop(self.take()),
                Some(letter) if letter == quote => break,
                Some(_) => {}
            }
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        let inside = raw.get(1..raw.len() - 1).unwrap_or_default();
        match self.peek() {
            Some(';' | '{' | ')') => {}
            Some(letter) if is_space(letter) => {}
            _ => return Err(SyntaxError { line: self.line, reason: "something follows a closing quote" }),
        }
        Ok(Token::Word(Word { value: unescape(inside), raw: raw.to_owned() }))
    }

    fn bare(&mut self) -> Result<Token, SyntaxError> {
        let start = self.at;
        let mut after_dollar = false;
        loop {
            match self.peek() {
                None => return Err(SyntaxError { line: self.line, reason: "unexpected end of file" }),
                // `${name}` does not open a block.
                Some('{') if after_dollar => after_dollar = false,
                Some(';' | '{') => break,
                Some(letter) if is_space(letter) => break,
                Some('\\') => {
                    after_dollar = false;
                    self.take();
                }
                Some(letter) => after_dollar = letter == '$',
            }
            self.take();
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        Ok(Token::Word(Word { value: unescape(raw), raw: raw.to_owned() }))
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += letter.len_utf8();
        if letter == '\n' {
            self.line += 1;
        }
        Some(letter)
    }
}

const fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\n')
}

/// nginx keeps a backslash that stands before any other letter: regular expressions need it.
fn unescape(raw: &str) -> String {
    let mut value = String::with_capacity(raw.len());
    let mut letters = raw.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            value.push(letter);
            continue;
        }
        match letters.next() {
            Some(same @ ('"' | '\'' | '\\')) => value.push(same),
            Some('t') => value.push('\t'),
            Some('r') => value.push('\r'),
            Some('n') => value.push('\n'),
            Some(other) => value.extend(['\\', other]),
            None => value.push('\\'),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(directive: &Directive) -> Vec<&str> {
        directive.words.iter().map(Word::value).collect()
    }

    #[test]
    fn words_are_understood_as_nginx_does() {
        let text = r#"
            # a comment; with { and "
            rewrite "^/provision/([0-9]{3})\.cfg$" /index.php?mac=$1 last; # another
            set $x "a\"b\\c\td";
            add_header X 'it''s';
        "#;

        assert_eq!(parse(text), Err(SyntaxError { line: 5, reason: "something follows a closing quote" }));
        let config = parse(&text.replace("'it''s'", r"'it\'s' a#b ${y}z \;")).unwrap();

        assert_eq!(values(&config[0]), ["rewrite", r"^/provision/([0-9]{3})\.cfg$", "/index.php?mac=$1", "last"]);
        assert_eq!(values(&config[1]), ["set", "$x", "a\"b\\c\td"]);
        assert_eq!(values(&config[2]), ["add_header", "X", "it's", "a#b", "${y}z", r"\;"]);
    }

    #[test]
    fn blocks_nest_and_print_back_the_same() {
        let text = "server {\n    if ($uri ~* \"^/[a-z]{2}$\") {\n        rewrite ^ /x;\n    }\n    location ~ \\.php$ {\n    }\n}\n";

        let config = parse(text).unwrap();

        assert_eq!(print(&config), text.replace("\"^/[a-z]{2}$\")", "\"^/[a-z]{2}$\" )"));
        assert_eq!(parse(&print(&config)).unwrap(), config);
    }

    #[test]
    fn what_nginx_refuses_is_refused_with_its_line() {
        let cases = [
            ("a {\n b c;\n", 3, "unexpected end of file"),
            ("a b;\n}\n", 2, "unexpected \"}\""),
            (";", 1, "unexpected \";\""),
            ("\n{ }", 2, "unexpected \"{\""),
            ("a {\nb }", 2, "unexpected \"}\""),
            ("a \"b;\nc;", 1, "a quote is not closed"),
            ("a b", 1, "unexpected end of file"),
            (
                "location / { content_by_lua_block { ngx.say('}') } }",
                1,
                "a block in another language is not understood",
            ),
        ];
        for (text, line, reason) in cases {
            assert_eq!(parse(text), Err(SyntaxError { line, reason }), "{text}");
        }
        let deep = "a {".repeat(40);
        assert!(parse(&deep).is_err());
    }

    proptest! {
        #[test]
        fn any_word_survives_printing(value in "\\PC{0,40}|[ \\t\\r\\n;{}\"'\\\\#$]{0,10}") {
            let directive = Directive { words: vec![Word::new("set"), Word::new(&value)], block: None };
            let parsed = parse(&print(std::slice::from_ref(&directive))).unwrap();
            prop_assert_eq!(parsed, vec![directive]);
        }

        #[test]
        fn any_text_that_parses_survives_printing(text in "[ab$;{}\"'\\\\# \\n)]{0,40}") {
            if let Ok(config) = parse(&text) {
                prop_assert_eq!(parse(&print(&config)).unwrap(), config);
            }
        }
    }
}
