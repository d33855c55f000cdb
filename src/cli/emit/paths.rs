//! Paths on the host that runs the proxy, which nothing here can look up.

use super::values::Named;
use crate::cli::output::report::{Tone, tinted};

/// The value of an option that is a path on the proxy's host.
pub(super) type ProxyPath<'a> = (&'static str, &'a str);

/// The keys of issuers that are files, not URLs.
pub(super) fn of_keys(keys: &[Named]) -> impl Iterator<Item = ProxyPath<'_>> {
    let files = keys.iter().map(|keys| &*keys.value).filter(|keys| !keys.contains("://"));
    files.map(|file| ("--jwks", file))
}

/// A line about each relative path: it depends on where the proxy is started, not on where this
/// command is.
pub(super) fn warnings(paths: &[ProxyPath<'_>]) -> String {
    let relative = paths.iter().filter(|(_, path)| !path.starts_with('/'));
    let line = |(option, path): &ProxyPath<'_>| {
        let warning = tinted(Tone::Odd, "warning");
        format!(
            "{warning}: `{option} {path}` is a path on the host that runs the proxy, relative to the \
             directory in which it is started: write it from `/`\n"
        )
    };
    relative.map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relative_files_are_warned_of() {
        let keys = ["https://id.example/keys", "/etc/keys.json", "staff=keys.json"];
        let keys = keys.map(|keys| keys.parse().unwrap());
        let files: Vec<_> = of_keys(&keys).collect();
        assert_eq!(files, [("--jwks", "/etc/keys.json"), ("--jwks", "keys.json")]);
        let warnings = warnings(&files);
        assert_eq!(warnings.lines().count(), 1);
        assert!(warnings.contains("`--jwks keys.json`"), "{warnings}");
    }
}
