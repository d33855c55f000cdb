//! Names that are likely those of secrets.

use crate::json::is_hidden;

/// Words that make a name that of a secret.
const TELLING: [&str; 22] = [
    "password",
    "passwords",
    "passwd",
    "pwd",
    "passphrase",
    "authorization",
    "bearer",
    "jwt",
    "assertion",
    "cookie",
    "cookies",
    "apikeys",
    "passcode",
    "secret",
    "secrets",
    "credential",
    "credentials",
    "ssn",
    "apikey",
    "otp",
    "cvv",
    "cvc",
];

/// Words before `key` that make it one.
const KEYS: [&str; 7] = ["api", "private", "access", "secret", "encryption", "signing", "auth"];

/// Words before `token` that make it something else: a position in a list.
const POSITIONS: [&str; 10] = [
    "page",
    "next",
    "prev",
    "previous",
    "continuation",
    "cursor",
    "sync",
    "start",
    "resume",
    "end",
];

/// Whether a name is likely that of a secret.
pub(crate) fn is_telling(name: &str) -> bool {
    let words = words(name);
    let after = |position: usize, before: &[&str]| {
        let word = position.checked_sub(1).and_then(|position| words.get(position));
        word.is_some_and(|word| before.contains(&word.as_str()))
    };
    words.iter().enumerate().any(|(position, word)| match word.as_str() {
        "key" | "keys" => after(position, &KEYS),
        "token" => position.saturating_add(1) == words.len() && !after(position, &POSITIONS),
        word => TELLING.contains(&word),
    })
}

/// The words of `snake_case`, `kebab-case`, `camelCase` and `HTTPStyle` names, in lower case.
fn words(name: &str) -> Vec<String> {
    let characters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (position, character) in characters.iter().enumerate() {
        let before = position.checked_sub(1).and_then(|before| characters.get(before));
        let after = characters.get(position.saturating_add(1));
        let begins = character.is_uppercase()
            && (before.is_some_and(|c| !c.is_uppercase())
                || after.is_some_and(|c| c.is_lowercase()));
        if is_hidden(*character) {
            continue;
        }
        if begins || !character.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| character.is_alphanumeric()) {
            word.extend(character.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telling_names() {
        for name in [
            "password",
            "dbPassword",
            "new_password",
            "api_key",
            "apiKey",
            "API-Key",
            "apikey",
            "X-API-Key",
            "token",
            "accessToken",
            "auth_token",
            "client_secret",
            "ssn",
            "SSN",
            "privateKey",
            "credentials",
            "PWD",
            "Authorization",
            "Set-Cookie",
            "api_keys",
            "p\u{200b}assword",
        ] {
            assert!(is_telling(name), "{name}");
        }
        for name in [
            "key",
            "primary_key",
            "max_tokens",
            "tokens",
            "page_token",
            "nextPageToken",
            "passage",
            "secretary",
            "compass",
            "keyboard",
            "token_count",
            "name",
            "assn",
            "",
        ] {
            assert!(!is_telling(name), "{name}");
        }
    }
}
