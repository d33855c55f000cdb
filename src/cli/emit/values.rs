//! Option values, parsed into types.

use std::fmt;
use std::str::FromStr;

use super::template::scalar;

/// A host and port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Endpoint {
    /// The host; IPv6 addresses without brackets.
    pub(super) host: String,
    /// The port.
    pub(super) port: u16,
}

impl Endpoint {
    /// The host as a YAML scalar. An IPv4 address needs no quotes: YAML does not read it as a number.
    pub(super) fn address(&self) -> String {
        let numeric = self.host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if numeric && self.host.split('.').count() == 4 {
            self.host.clone()
        } else {
            scalar(&self.host)
        }
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("`{text}` is not `HOST:PORT`");
        let (host, port) = text.rsplit_once(':').ok_or_else(error)?;
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let name = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let v6 = |b: u8| b.is_ascii_hexdigit() || b == b':';
        let plain = match address {
            Some(address) => address.bytes().all(v6),
            None => host.bytes().all(name),
        };
        let host = address.unwrap_or(host);
        if host.is_empty() || !plain {
            return Err(error());
        }
        Ok(Self { host: host.to_owned(), port: port.parse().map_err(|_| error())? })
    }
}

/// A value of one issuer, or of all.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// The issuer's name.
    pub(super) name: Option<String>,
    pub(super) value: String,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = named(text);
        if value.is_empty() {
            return Err(format!("`{text}` has no value"));
        }
        Ok(Self { name: name.map(str::to_owned), value: value.to_owned() })
    }
}

/// Splits `NAME=VALUE`. A value of its own may have an equals sign, but not after plain letters only.
pub(super) fn named(text: &str) -> (Option<&str>, &str) {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && name.bytes().all(plain) => (Some(name), value),
        _ => (None, text),
    }
}

/// An image reference pinned by digest: `registry/repository[:tag]@sha256:digest`.
#[derive(Clone, Debug)]
pub(super) struct Image {
    reference: String,
    /// The manifest digest in hexadecimal.
    pub(super) digest: Sha256,
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@sha256:{}", self.reference, self.digest)
    }
}

impl FromStr for Image {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((reference, digest)) = text.split_once("@sha256:") else {
            return Err(format!(
                "`{text}` can change under its name: write `registry/repository@sha256:…`"
            ));
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/:".contains(&b);
        if !reference.contains('/') || !reference.bytes().all(plain) || reference.contains("//") {
            return Err(format!("`{reference}` is not an image: write `registry/repository`"));
        }
        Ok(Self { reference: reference.to_owned(), digest: digest.parse()? })
    }
}

/// A SHA-256 digest in hexadecimal.
#[derive(Clone, Debug)]
pub(super) struct Sha256(String);

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Sha256 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 64 && text.bytes().all(hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{text}` is not a SHA-256: write 64 hexadecimal digits in lower case"))
        }
    }
}

/// An `https` URL.
pub(super) fn https(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    if plain && text.len() > "https://".len() && text.starts_with("https://") {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is not an https URL"))
    }
}

/// The URL of an issuer's keys.
pub(super) fn keys_url(text: &str) -> Result<Named, String> {
    let keys: Named = text.parse()?;
    https(&keys.value)?;
    Ok(keys)
}

/// The path of an issuer's keys on the proxy's machine, or their URL.
pub(super) fn keys(text: &str) -> Result<Named, String> {
    let keys: Named = text.parse()?;
    if keys.value.contains("://") {
        https(&keys.value)?;
    }
    Ok(keys)
}

/// The path of the filter on the proxy's machine. URLs are rejected, since Envoy would read them as
/// file names.
pub(super) fn filter_file(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains("://") {
        return Err(format!("`{text}` is not the path of a file where the proxy runs"));
    }
    Ok(text.to_owned())
}

/// A Kubernetes resource name.
pub(super) fn name(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    if !text.is_empty() && text.len() <= 253 && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is not a name in Kubernetes: use lower-case letters, digits and dashes"
        ))
    }
}

/// A workload label.
#[derive(Clone, Debug)]
pub(super) struct Label {
    /// The label's key.
    pub(super) key: String,
    /// The label's value.
    pub(super) value: String,
}

impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
        match text.split_once('=') {
            Some((key, value))
                if !key.is_empty() && key.bytes().all(plain) && value.bytes().all(plain) =>
            {
                Ok(Self { key: key.to_owned(), value: value.to_owned() })
            }
            _ => Err(format!("`{text}` is not a label: write `KEY=VALUE`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn endpoints() {
        for text in ["crm.example:443", "127.0.0.1:9000", "[::1]:80"] {
            assert!(text.parse::<Endpoint>().is_ok(), "{text}");
        }
        for text in ["crm.example", ":80", "a b:80", "::1:80", "a:65536", "a:", "[a.b]:80", "a\n:1"]
        {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_come_before_the_first_equals_sign() {
        for (text, expected) in [
            ("https://id.example/a?b=c", (None, "https://id.example/a?b=c")),
            ("staff=https://id.example/?b=c", (Some("staff"), "https://id.example/?b=c")),
            ("=a", (None, "=a")),
            ("/etc/a=b", (None, "/etc/a=b")),
        ] {
            assert_eq!(named(text), expected);
        }
        assert!("staff=".parse::<Named>().is_err());
        assert!(keys("staff=/etc/keys.json").is_ok());
        for text in ["http://id.example/keys", "staff=file:///etc/keys.json"] {
            assert!(keys(text).is_err(), "{text}");
        }
        assert!(keys_url("/etc/keys.json").is_err());
    }

    #[test]
    fn images_are_pinned() {
        for reference in ["r.example/toolgate", "r.example:5000/a/toolgate:1"] {
            let image: Image = format!("{reference}@sha256:{DIGEST}").parse().unwrap();
            assert_eq!(image.to_string(), format!("{reference}@sha256:{DIGEST}"));
        }
        for text in [
            "r.example/toolgate:1".to_owned(),
            "r.example/toolgate@sha256:12".to_owned(),
            format!("oci://r.example/toolgate@sha256:{DIGEST}"),
            format!("toolgate@sha256:{DIGEST}"),
            format!("r.example/toolgate@sha256:{}", DIGEST.to_uppercase()),
        ] {
            assert!(text.parse::<Image>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_and_labels_are_plain() {
        assert!(name("istio-ingress").is_ok());
        for text in ["", "Istio", "a b", "a\nb"] {
            assert!(name(text).is_err(), "{text}");
        }
        assert!("istio=ingressgateway".parse::<Label>().is_ok());
        for text in ["istio", "=a", "a=b c", "a: b=c"] {
            assert!(text.parse::<Label>().is_err(), "{text}");
        }
        for text in ["http://a.example", "https://", "https://a b"] {
            assert!(https(text).is_err(), "{text}");
        }
    }
}
