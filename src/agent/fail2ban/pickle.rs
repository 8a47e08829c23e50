//! The part of Python's pickle that fail2ban speaks: a request is a list of texts, an answer holds plain values and
//! exceptions. Nothing is ever called: of the objects that an answer may ask to have made, only texts and exceptions are
//! taken, as data, and everything else is refused (Python's pickletools.py describes each instruction).

/// The most instructions of one answer.
const MOST_STEPS: usize = 4_000_000;

/// The most values of one answer. A value can be named again instead of written again, so that a short answer could
/// stand for endless ones.
const MOST_VALUES: usize = 2_000_000;

/// How deep values may lie inside each other.
const DEEPEST: usize = 32;

/// A value of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Python's `None`.
    None,
    /// `True` or `False`.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A number with a fraction.
    Fraction(f64),
    /// A text.
    Text(String),
    /// A list or tuple.
    List(Vec<Self>),
    /// A dictionary, in its order.
    Map(Vec<(Self, Self)>),
    /// An exception: its class without the module, and what it was made with.
    Raised {
        /// Such as `UnknownJailException`.
        class: String,
        /// Such as the jail's name.
        with: Vec<Self>,
    },
}

/// Why bytes are no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PickleError {
    /// They end too early.
    #[error("it is cut off")]
    CutOff,
    /// An instruction that fail2ban has no use for, or that would have something called.
    #[error("the instruction {code:#04x} at byte {at} is not expected there")]
    Unexpected {
        /// The instruction.
        code: u8,
        /// Where it stands.
        at: usize,
    },
    /// An object of another class is to be made.
    #[error("it asks for an object that is neither a text nor an error")]
    Foreign,
    /// It stands for more than is read.
    #[error("it is too large")]
    TooLarge,
}

/// `words` as a request: a list of texts.
pub(super) fn request(words: &[&str]) -> Vec<u8> {
    let mut bytes = vec![0x80, 2, b']', b'('];
    for word in words {
        bytes.push(b'X');
        bytes.extend(u32::try_from(word.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(word.as_bytes());
    }
    bytes.extend(b"e.");
    bytes
}

/// The value that `bytes` stand for.
///
/// # Errors
/// See [`PickleError`].
pub(super) fn read(bytes: &[u8]) -> Result<Value, PickleError> {
    let mut machine = Machine { bytes, ..Machine::default() };
    for _ in 0..MOST_STEPS {
        if let Some(top) = machine.step()? {
            let mut left = MOST_VALUES;
            return machine.value(top, DEEPEST, &mut left);
        }
    }
    Err(PickleError::TooLarge)
}

/// A value while it is being made; others are named by their place among the nodes.
#[derive(Clone, Debug)]
enum Node {
    Plain(Value),
    List(Vec<usize>),
    Map(Vec<(usize, usize)>),
    /// A class: of a module, by its name.
    Class(String, String),
    Raised(String, usize),
}

/// What stands on the stack.
#[derive(Clone, Copy)]
enum Slot {
    Node(usize),
    Mark,
}

#[derive(Default)]
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    stack: Vec<Slot>,
    memo: Vec<usize>,
}

impl Machine<'_> {
    /// One instruction; the node of the answer once it is whole.
    fn step(&mut self) -> Result<Option<usize>, PickleError> {
        let at = self.at;
        let code = self.take(1)?[0];
        let refused = PickleError::Unexpected { code, at };
        match code {
            // PROTO, FRAME
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'.' => return self.pop().ok_or(refused).map(Some),
            b'N' => self.push(Node::Plain(Value::None)),
            0x88 | 0x89 => self.push(Node::Plain(Value::Flag(code == 0x88))),
            b'J' | b'K' | b'M' | 0x8a => {
                let number = self.number(code)?.ok_or(refused)?;
                self.push(Node::Plain(Value::Number(number)));
            }
            b'G' => {
                let bytes = self.array::<8>()?;
                self.push(Node::Plain(Value::Fraction(f64::from_be_bytes(bytes))));
            }
            0x8c | b'X' => {
                let text = self.text(code)?;
                self.push(Node::Plain(Value::Text(text)));
            }
            b']' | b')' => self.push(Node::List(Vec::new())),
            b'}' => self.push(Node::Map(Vec::new())),
            b'(' => self.stack.push(Slot::Mark),
            0x85..=0x87 | b't' => {
                let items = if code == b't' { self.since_mark() } else { self.last(usize::from(code - 0x84)) };
                let items = items.ok_or(refused)?;
                self.push(Node::List(items));
            }
            b'a' | b'e' | b's' | b'u' => self.fill(code).ok_or(refused)?,
            0x94 | b'q' | b'h' | b'j' => self.remember(code, refused)?,
            0x93 => self.class().ok_or(refused)?,
            b'R' => self.make().ok_or(refused)??,
            _ => return Err(refused),
        }
        Ok(None)
    }

    fn take(&mut self, count: usize) -> Result<&[u8], PickleError> {
        let end = self.at.checked_add(count).ok_or(PickleError::CutOff)?;
        let taken = self.bytes.get(self.at..end).ok_or(PickleError::CutOff)?;
        self.at = end;
        Ok(taken)
    }

    fn array<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], PickleError> {
        self.take(COUNT)?.try_into().map_err(|_| PickleError::CutOff)
    }

    /// BININT, BININT1, BININT2, LONG1; `None` if it does not fit.
    fn number(&mut self, code: u8) -> Result<Option<i64>, PickleError> {
        Ok(match code {
            b'J' => Some(i64::from(i32::from_le_bytes(self.array()?))),
            b'K' => Some(i64::from(self.take(1)?[0])),
            b'M' => Some(i64::from(u16::from_le_bytes(self.array()?))),
            _ => {
                let count = usize::from(self.take(1)?[0]);
                let bytes = self.take(count)?;
                let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
                let mut whole = [if negative { 0xff } else { 0 }; 8];
                match whole.get_mut(..count) {
                    Some(part) => {
                        part.copy_from_slice(bytes);
                        Some(i64::from_le_bytes(whole))
                    }
                    None => None,
                }
            }
        })
    }

    /// `SHORT_BINUNICODE`, BINUNICODE. Log lines may hold anything, so what is no UTF-8 is replaced.
    fn text(&mut self, code: u8) -> Result<String, PickleError> {
        let count = if code == 0x8c { u32::from(self.take(1)?[0]) } else { u32::from_le_bytes(self.array()?) };
        let bytes = self.take(usize::try_from(count).map_err(|_| PickleError::CutOff)?)?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    fn push(&mut self, node: Node) {
        self.nodes.push(node);
        self.stack.push(Slot::Node(self.nodes.len() - 1));
    }

    fn pop(&mut self) -> Option<usize> {
        match self.stack.pop()? {
            Slot::Node(node) => Some(node),
            Slot::Mark => None,
        }
    }

    /// The last `count` values, oldest first.
    fn last(&mut self, count: usize) -> Option<Vec<usize>> {
        let mut items = (0..count).map(|_| self.pop()).collect::<Option<Vec<_>>>()?;
        items.reverse();
        Some(items)
    }

    /// What was put down since the last mark, oldest first; the mark goes too.
    fn since_mark(&mut self) -> Option<Vec<usize>> {
        let mut items = Vec::new();
        loop {
            match self.stack.pop()? {
                Slot::Mark => break,
                Slot::Node(node) => items.push(node),
            }
        }
        items.reverse();
        Some(items)
    }

    /// APPEND, APPENDS, SETITEM, SETITEMS: into the list or dictionary below.
    fn fill(&mut self, code: u8) -> Option<()> {
        let items = match code {
            b'a' => self.last(1)?,
            b's' => self.last(2)?,
            _ => self.since_mark()?,
        };
        let Some(Slot::Node(into)) = self.stack.last().copied() else { return None };
        match (self.nodes.get_mut(into)?, code) {
            (Node::List(list), b'a' | b'e') => list.extend(items),
            (Node::Map(map), b's' | b'u') if items.len().is_multiple_of(2) => {
                map.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
            }
            _ => return None,
        }
        Some(())
    }

    /// MEMOIZE and BINPUT keep what lies on top; BINGET and `LONG_BINGET` put it down again.
    fn remember(&mut self, code: u8, refused: PickleError) -> Result<(), PickleError> {
        if matches!(code, b'h' | b'j') {
            let index = if code == b'h' { u32::from(self.take(1)?[0]) } else { u32::from_le_bytes(self.array()?) };
            let node = usize::try_from(index).ok().and_then(|index| self.memo.get(index)).copied();
            self.stack.push(Slot::Node(node.ok_or(refused)?));
            return Ok(());
        }
        // BINPUT numbers what MEMOIZE counts; fail2ban's answers count.
        if code == b'q' && usize::from(self.take(1)?[0]) != self.memo.len() {
            return Err(refused);
        }
        let Some(Slot::Node(node)) = self.stack.last().copied() else { return Err(refused) };
        self.memo.push(node);
        Ok(())
    }

    /// `STACK_GLOBAL`: the class of a module.
    fn class(&mut self) -> Option<()> {
        let names = self.last(2)?;
        let [Node::Plain(Value::Text(module)), Node::Plain(Value::Text(name))] =
            [self.nodes.get(names[0])?, self.nodes.get(names[1])?]
        else {
            return None;
        };
        let class = Node::Class(module.clone(), name.clone());
        self.push(class);
        Some(())
    }

    /// REDUCE: an object of a class. A text stays a text, an exception becomes what is known of it.
    fn make(&mut self) -> Option<Result<(), PickleError>> {
        let [class, with] = self.last(2)?.try_into().ok()?;
        let (Node::Class(module, name), Node::List(items)) = (self.nodes.get(class)?, self.nodes.get(with)?) else {
            return None;
        };
        let is_error = (module == "builtins" || module == "fail2ban.exceptions")
            && (name.ends_with("Exception") || name.ends_with("Error"));
        let made = match (module.as_str(), name.as_str(), items.as_slice()) {
            ("builtins", "str", [text]) => match self.nodes.get(*text)? {
                Node::Plain(Value::Text(text)) => Node::Plain(Value::Text(text.clone())),
                _ => return Some(Err(PickleError::Foreign)),
            },
            _ if is_error => Node::Raised(name.clone(), with),
            _ => return Some(Err(PickleError::Foreign)),
        };
        self.push(made);
        Some(Ok(()))
    }

    fn value(&self, node: usize, deep: usize, left: &mut usize) -> Result<Value, PickleError> {
        if deep == 0 || *left == 0 {
            return Err(PickleError::TooLarge);
        }
        *left -= 1;
        Ok(match &self.nodes[node] {
            Node::Plain(value) => value.clone(),
            Node::List(items) => Value::List(self.values(items, deep, left)?),
            Node::Map(pairs) => {
                let pair = |(key, value): &(usize, usize)| {
                    Ok((self.value(*key, deep - 1, left)?, self.value(*value, deep - 1, left)?))
                };
                Value::Map(pairs.iter().map(pair).collect::<Result<_, PickleError>>()?)
            }
            Node::Raised(class, with) => match self.value(*with, deep - 1, left)? {
                Value::List(with) => Value::Raised { class: class.clone(), with },
                _ => return Err(PickleError::Foreign),
            },
            Node::Class(..) => return Err(PickleError::Foreign),
        })
    }

    fn values(&self, items: &[usize], deep: usize, left: &mut usize) -> Result<Vec<Value>, PickleError> {
        items.iter().map(|item| self.value(*item, deep - 1, left)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    /// A short text as Python writes it, with its place in the memory.
    fn short(text: &str) -> Vec<u8> {
        let mut bytes = vec![0x8c, u8::try_from(text.len()).unwrap()];
        bytes.extend(text.as_bytes());
        bytes.push(0x94);
        bytes
    }

    /// `(0, [<builtins.str made of address>, the same class again made of other])`, as `banned` answers.
    fn addresses(address: &str, other: &str) -> Vec<u8> {
        let mut bytes = vec![0x80, 5, b'K', 0, b']', 0x94, b'('];
        bytes.extend(short("builtins"));
        bytes.extend(short("str"));
        bytes.extend([0x93, 0x94]);
        bytes.extend(short(address));
        bytes.extend([0x85, 0x94, b'R', 0x94, b'h', 3]);
        bytes.extend(short(other));
        bytes.extend([0x85, 0x94, b'R', 0x94, b'e', 0x86, 0x94, b'.']);
        bytes
    }

    #[test]
    fn a_request_is_a_list_of_texts() {
        assert_eq!(request(&["ping"]), b"\x80\x02](X\x04\x00\x00\x00pinge.");
        assert_eq!(read(&request(&["get", "ssh", "ignoreip"])).unwrap(), {
            Value::List(vec![text("get"), text("ssh"), text("ignoreip")])
        });
    }

    #[test]
    fn addresses_arrive_as_objects_and_are_texts() {
        let answer = read(&addresses("203.0.113.8", "2001:db8::1")).unwrap();

        let list = Value::List(vec![text("203.0.113.8"), text("2001:db8::1")]);
        assert_eq!(answer, Value::List(vec![Value::Number(0), list]));
    }

    #[test]
    fn an_error_is_data_and_every_other_object_is_refused() {
        let asks = |module: &str, name: &str| {
            let mut bytes = vec![0x80, 5, b'K', 1];
            bytes.extend(short(module));
            bytes.extend(short(name));
            bytes.extend([0x93, 0x94]);
            bytes.extend(short("nojail"));
            bytes.extend([0x85, 0x94, b'R', 0x94, 0x86, 0x94, b'.']);
            read(&bytes)
        };
        let raised = Value::Raised { class: "UnknownJailException".to_owned(), with: vec![text("nojail")] };

        assert_eq!(
            asks("fail2ban.exceptions", "UnknownJailException").unwrap(),
            Value::List(vec![Value::Number(1), raised])
        );
        for (module, name) in
            [("os", "system"), ("builtins", "eval"), ("posix", "SystemError"), ("builtins", "str.Error.x")]
        {
            assert_eq!(asks(module, name), Err(PickleError::Foreign), "{module}.{name}");
        }
        // GLOBAL, INST, NEWOBJ, BUILD, EXT1, PERSID: nothing that makes or changes an object is known.
        for code in [b'c', b'i', 0x81, b'b', 0x82, b'P'] {
            let bytes = [0x80, 5, b'K', 1, code, b'.'];
            assert_eq!(read(&bytes), Err(PickleError::Unexpected { code, at: 4 }));
        }
    }

    #[test]
    fn numbers_keep_their_size_and_sign() {
        let one = |bytes: &[u8]| read(&[bytes, b"."].concat());
        assert_eq!(one(b"J\xff\xff\xff\xff"), Ok(Value::Number(-1)));
        assert_eq!(one(b"M\x00\x01"), Ok(Value::Number(256)));
        assert_eq!(one(b"\x8a\x05\x00\x00\x00\x00\x01"), Ok(Value::Number(1 << 32)));
        assert_eq!(one(b"\x8a\x01\x80"), Ok(Value::Number(-128)));
        assert!(one(b"\x8a\x09aaaaaaaaa").is_err());
        assert_eq!(one(b"G\x3f\xf8\x00\x00\x00\x00\x00\x00"), Ok(Value::Fraction(1.5)));
    }

    #[test]
    fn an_answer_that_stands_for_endless_ones_is_refused() {
        // Each list holds the one before it twice.
        let mut bytes = vec![b']', 0x94];
        for before in 0_u8..30 {
            bytes.extend([b'h', before, b'h', before, 0x86, 0x94]);
        }
        bytes.push(b'.');
        assert_eq!(read(&bytes), Err(PickleError::TooLarge));

        // A list that holds itself.
        assert_eq!(read(&[b']', 0x94, b'h', 0, b'a', b'.']), Err(PickleError::TooLarge));
    }

    #[test]
    fn whatever_is_cut_off_is_called_so() {
        let whole = addresses("203.0.113.8", "2001:db8::1");
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), Err(PickleError::CutOff), "{end}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_bytes_at_all_make_it_fall(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes);
        }

        #[test]
        fn an_answer_with_some_bytes_changed_does_not_make_it_fall(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
        ) {
            let mut bytes = addresses("203.0.113.8", "2001:db8::1");
            for (index, byte) in changes {
                let length = bytes.len();
                bytes[index.index(length)] = byte;
            }
            let _ = read(&bytes);
        }
    }
}
