//! The `pattern` keyword: ECMAScript regular expressions with the `u` flag.
//!
//! Only the syntax handled here is enforced: syntax with the same meaning in ECMAScript and in the
//! regex crate. Patterns are rewritten, so that no character keeps a meaning specific to the crate.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

/// White space of ECMAScript, as the content of a set.
const SPACE: &str = r"\t\n\x0B\x0C\r \x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}";

/// Characters that a backslash turns into literals.
const SYNTAX: &str = r"^$\.*+?()[]{}|/";

/// Compiles a pattern; `None` if it contains anything not known to have the same meaning in both.
pub(super) fn compile(pattern: &str) -> Option<Regex> {
    let mut reader = Reader { rest: pattern.chars().peekable(), text: String::new() };
    while let Some(next) = reader.rest.next() {
        reader.term(next)?;
    }
    Regex::new(&reader.text).ok()
}

/// The meaning of an escape.
enum Escape {
    Character(char),
    /// A set, in a syntax that is valid inside and outside another set.
    Set(String),
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    /// The pattern rewritten for the regex crate.
    text: String,
}

impl Reader<'_> {
    /// Parses the rest of a term after its first character, including its quantifier.
    fn term(&mut self, first: char) -> Option<()> {
        match first {
            // Assertions and alternation cannot be repeated.
            '^' | '$' | '|' => {
                self.text.push(first);
                return (!self.is_quantified()).then_some(());
            }
            '(' => {
                self.text.push('(');
                if self.rest.next_if_eq(&'?').is_some() {
                    self.rest.next_if_eq(&':')?;
                    self.text.push_str("?:");
                }
                return (!self.is_quantified()).then_some(());
            }
            '\\' if self.rest.peek().is_some_and(|next| matches!(next, 'b' | 'B')) => {
                let boundary = self.rest.next()?;
                write!(self.text, r"(?-u:\{boundary})").ok()?;
                return (!self.is_quantified()).then_some(());
            }
            ')' => self.text.push(')'),
            '[' => self.set()?,
            '.' => self.text.push_str(r"[^\n\r\x{2028}\x{2029}]"),
            '\\' => match self.escape(false)? {
                Escape::Character(character) => self.character(character)?,
                Escape::Set(set) => self.text.push_str(&set),
            },
            '*' | '+' | '?' | '{' | '}' | ']' => return None,
            _ => self.character(first)?,
        }
        self.quantifier()
    }

    /// Parses `*`, `+`, `?`, `{2}`, `{2,}` or `{2,3}`, greedy or lazy, if one is next.
    fn quantifier(&mut self) -> Option<()> {
        if !self.is_quantified() {
            return Some(());
        }
        let first = self.rest.next()?;
        self.text.push(first);
        if first == '{' {
            self.count()?;
            if self.rest.next_if_eq(&',').is_some() {
                self.text.push(',');
                if self.rest.peek() != Some(&'}') {
                    self.count()?;
                }
            }
            self.text.push(self.rest.next_if_eq(&'}')?);
        }
        self.text.extend(self.rest.next_if_eq(&'?'));
        // The regex crate parses `a++` as a repeated repetition.
        (!self.is_quantified()).then_some(())
    }

    fn is_quantified(&mut self) -> bool {
        self.rest.peek().is_some_and(|next| matches!(next, '*' | '+' | '?' | '{'))
    }

    fn count(&mut self) -> Option<()> {
        self.text.push(self.rest.next_if(char::is_ascii_digit)?);
        while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
            self.text.push(digit);
        }
        Some(())
    }

    /// Parses a set after its opening bracket.
    fn set(&mut self) -> Option<()> {
        self.text.push('[');
        self.text.extend(self.rest.next_if_eq(&'^'));
        if self.rest.peek() == Some(&']') {
            return None;
        }
        while self.rest.next_if_eq(&']').is_none() {
            let Escape::Character(low) = self.member()? else {
                // A set cannot be the end of a range.
                if self.rest.next_if_eq(&'-').is_some() {
                    self.rest.peek().filter(|next| **next == ']')?;
                    self.character('-')?;
                }
                continue;
            };
            self.character(low)?;
            if self.rest.next_if_eq(&'-').is_none() {
                continue;
            }
            if self.rest.peek() == Some(&']') {
                self.character('-')?;
            } else if let Escape::Character(high) = self.member()? {
                self.text.push('-');
                self.character(high)?;
            } else {
                return None;
            }
        }
        self.text.push(']');
        Some(())
    }

    /// Parses a member of a set, or one end of a range; a nested set is written immediately.
    fn member(&mut self) -> Option<Escape> {
        let next = self.rest.next()?;
        let member = match next {
            '\\' => self.escape(true)?,
            '[' => return None,
            // A doubled character is an operator in other dialects.
            _ if next.is_ascii_punctuation() && self.rest.peek() == Some(&next) => return None,
            _ => Escape::Character(next),
        };
        if let Escape::Set(set) = &member {
            self.text.push_str(set);
        }
        Some(member)
    }

    /// Parses an escape after its backslash.
    fn escape(&mut self, in_set: bool) -> Option<Escape> {
        let next = self.rest.next()?;
        Some(Escape::Character(match next {
            'd' => return Some(Escape::Set("[0-9]".to_owned())),
            'D' => return Some(Escape::Set("[^0-9]".to_owned())),
            'w' => return Some(Escape::Set("[0-9A-Za-z_]".to_owned())),
            'W' => return Some(Escape::Set("[^0-9A-Za-z_]".to_owned())),
            's' => return Some(Escape::Set(format!("[{SPACE}]"))),
            'S' => return Some(Escape::Set(format!("[^{SPACE}]"))),
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' => self.hexadecimal(2)?,
            'u' => self.hexadecimal(4)?,
            '-' if in_set => '-',
            _ if SYNTAX.contains(next) => next,
            _ => return None,
        }))
    }

    /// Parses a code point from this number of hexadecimal digits. Surrogates are rejected.
    fn hexadecimal(&mut self, digits: usize) -> Option<char> {
        let mut number: u32 = 0;
        for _ in 0..digits {
            number = (number << 4) | self.rest.next()?.to_digit(16)?;
        }
        char::from_u32(number)
    }

    /// Writes a literal character.
    fn character(&mut self, character: char) -> Option<()> {
        if character.is_ascii_alphanumeric() {
            self.text.push(character);
            return Some(());
        }
        write!(self.text, r"\x{{{:X}}}", u32::from(character)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::compile;

    #[track_caller]
    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let regex = compile(pattern).unwrap_or_else(|| panic!("`{pattern}` is not enforced"));
        for text in matching {
            assert!(regex.is_match(text), "`{pattern}` matches {text:?}");
        }
        for text in others {
            assert!(!regex.is_match(text), "`{pattern}` does not match {text:?}");
        }
    }

    #[test]
    fn what_is_enforced_means_what_it_means_in_ecmascript() {
        check("^c-[0-9]+$", &["c-12"], &["c-", "c-1\n", "\nc-1", "xc-1"]);
        check(r"^\d$", &["1"], &["\u{661}", "a"]);
        check(r"^\D\W$", &["\u{661}é"], &["1é", "aa"]);
        check(r"^\w+$", &["aZ_9"], &["é", "\u{17f}"]);
        check(r"^\s$", &[" ", "\u{feff}", "\u{2028}", "\u{3000}"], &["\u{85}", "\u{180e}"]);
        check(r"^\S$", &["\u{85}", "a"], &["\u{feff}", " "]);
        check(r"^[^\s@]+@[\S\s]$", &["a@ ", "a@a"], &["a @a", "a@"]);
        check(r"\bé", &["aé"], &["é", " é"]);
        check(r"a\Bé?$", &[], &["a", "aé"]);
        check(r"é\Bé", &["éé"], &["éa"]);
        check(r"\B", &["é", ""], &["aéa", "a"]);
        check("^.$", &["a", "😀", "\u{85}"], &["\n", "\r", "\u{2028}", "\u{2029}"]);
        check(r"^\x41\u00e9\t\/\.$", &["Aé\t/."], &["Aé\t/a"]);
        check(r"^[\]-a]$", &["]", "^", "a"], &["[", "b"]);
        check(r"^[\w-]+$", &["a-b"], &["a.b"]);
        check("^[-+.]$", &["-", "+", "."], &[","]);
        check("^[a-b-z]$", &["a", "-", "z"], &["c"]);
        check("^[a&~#(]$", &["a", "&", "~", "#", "("], &["b"]);
        check("^(?:a|(b){2,3}?)??c{1,}$", &["c", "acc", "bbc"], &["bc", "ab"]);
        check("^# é$", &["# é"], &["é"]);
        check("^I$", &["I"], &["i", "ı"]);
        check("", &["", "a"], &[]);
    }

    #[rustfmt::skip]
    #[test]
    fn what_may_mean_something_else_is_not_enforced() {
        for pattern in [
            "(?i)a", "(?i:a)", "(?m)^a$", "(?x) a", "(?s).", "(?-u:a)", "(?P<a>b)", "(?<a>b)",
            "(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(?>a)", "(?#a)", r"(a)\1", r"(?<a>b)\k<a>",
            r"\Aa", r"a\z", r"a\Z", r"\Ga", r"\ha", r"\Ra", r"\Xa", r"\Kb", r"\Qa\E", r"\<a", r"a\>",
            r"\p{L}", r"\P{Lu}", r"\pL", r"\p{Greek}", r"\a", r"\e", r"\cA", r"\0", r"\012", r"\101",
            r"\x4", r"\x{41}", r"\u{41}", r"\u41", r"\U00000041", r"\ud83d\ude00", r"\ud83d",
            r"\-", r"\_", r"\ ", r"\é", "\\", r"\b{start}", r"\b+", "^*", "$?", "|*", "(*a)", "(?",
            "*", "+a", "?", "a**", "a++", "a*+", "a?+", "a???", "a{2}{3}", "a{2}+", "{", "}", "]",
            "a{", "a{}", "a{,3}", "a{ 2 }", "a{2, 3}", "a{3,2}", "a{x}", "a{99999999999}", "a{-1}",
            "[]", "[^]", "[]a]", "[^]a]", "[", "[a", "[[:alpha:]]", "[:alpha:]]", "[a[b]]", "[a&&b]",
            "[a--b]", "[a~~b]", "[a||b]", "[[a]--[b]]", r"[\b]", r"[\B]", r"[\p{L}]", r"[\w-z]",
            r"[a-\d]", "[z-a]", r"[\_]", r"[\q{ab}]", r"[\0]", "(", ")", "(a", "a)", "(?:", r"[a\]",
        ] {
            assert!(compile(pattern).is_none(), "`{pattern}`");
        }
    }
}
