//! The certificate of a client behind a proxy, from the header `x-forwarded-client-cert` (XFCC).
//!
//! Anybody can send the header. It counts only from a proxy that the bundle names, by the
//! certificate of its own connection; from anybody else, it is ignored.

use std::borrow::Cow;

use super::{Certificate, Evidence, IdentityError, IdentityMapping};
use crate::head::Head;

/// The header.
const XFCC: &str = "x-forwarded-client-cert";

/// The keys of an element.
const KEYS: [&str; 7] = ["By", "Hash", "Cert", "Chain", "Subject", "URI", "DNS"];

/// The evidence in which a proxy that the bundle names has given its place to its client.
///
/// # Errors
///
/// [`IdentityError::Forwarded`] if the proxy does not name exactly one certificate, or none.
pub fn behind<'a>(
    mapping: &IdentityMapping,
    evidence: &'a Evidence,
    head: &Head,
) -> Result<Cow<'a, Evidence>, IdentityError> {
    let Some(peer) = evidence.peer().filter(|_| !mapping.forwarded_by.is_empty()) else {
        return Ok(Cow::Borrowed(evidence));
    };
    let is_proxy = |id: &str| mapping.forwarded_by.iter().any(|proxy| proxy.as_str() == id);
    if !peer.workload().is_ok_and(is_proxy) {
        return Ok(Cow::Borrowed(evidence));
    }
    let header = head.one(XFCC).map_err(|_| IdentityError::Forwarded)?;
    let certificate = header.map(|header| read(header).ok_or(IdentityError::Forwarded));
    let certificate = certificate.transpose()?;
    // An Envoy that appends to the header itself makes the proxy its own client.
    if certificate.as_ref().is_some_and(|it| it.workload().is_ok_and(is_proxy)) {
        return Err(IdentityError::Forwarded);
    }
    Ok(Cow::Owned(evidence.clone().of(certificate)))
}

/// The certificate of a header with one element.
fn read(header: &str) -> Option<Certificate> {
    let mut uris = Vec::new();
    let mut rest = header;
    loop {
        let (key, after) = rest.split_once('=')?;
        KEYS.contains(&key).then_some(())?;
        let (value, after) = value(after)?;
        // Envoy writes the key of a certificate without URIs, too.
        if key == "URI" && !value.is_empty() {
            uris.push(value.into_owned());
        }
        match after.strip_prefix(';') {
            Some(next) => rest = next,
            // A comma would begin the element of another proxy.
            None => return after.is_empty().then_some(Certificate::Uris(uris)),
        }
    }
}

/// A value and what follows it.
fn value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        let (value, after) = text.split_at_checked(end)?;
        let is_plain = !value.contains(['"', '\\']) && value.bytes().all(|b| b.is_ascii_graphic());
        return is_plain.then_some((value.into(), after));
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value.into(), characters.as_str())),
            '\\' => value.push(characters.next().filter(|it| ['"', '\\'].contains(it))?),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PROXY: &str = "spiffe://acme.example/ingress";

    fn mapping(proxies: &[&str]) -> IdentityMapping {
        serde_json::from_value(json!({
            "principal": { "tokens": ["session"], "type": "User" },
            "actor": { "type": "Agent" },
            "forwarded_by": proxies,
        }))
        .unwrap()
    }

    fn encoded(uris: &[&str]) -> Evidence {
        let uris = uris.iter().map(ToString::to_string).collect();
        Evidence::Encoded { metadata: Vec::new(), peer: Some(Certificate::Uris(uris)) }
    }

    fn peer(
        mapping: &IdentityMapping,
        evidence: &Evidence,
        headers: &[&str],
    ) -> Option<Vec<String>> {
        let fields = headers.iter().map(|it| (XFCC.to_owned(), it.as_bytes().to_vec())).collect();
        match behind(mapping, evidence, &Head::new(fields)).unwrap().peer() {
            Some(Certificate::Uris(uris)) => Some(uris.clone()),
            Some(Certificate::Untold) | None => None,
        }
    }

    #[test]
    fn only_a_proxy_that_the_bundle_names_forwards() {
        let header = ["URI=spiffe://acme.example/agent/bot"];
        let bot = Some(vec!["spiffe://acme.example/agent/bot".to_owned()]);
        let (named, none) = (mapping(&[PROXY]), mapping(&[]));
        assert_eq!(peer(&named, &encoded(&[PROXY]), &header), bot);
        // Without the header, its client has no certificate, and the proxy is not the client.
        assert_eq!(peer(&named, &encoded(&[PROXY]), &[]), None);
        for (mapping, uris) in [
            (&none, &[PROXY][..]),
            (&named, &["spiffe://acme.example/other"]),
            (&named, &[PROXY, "spiffe://acme.example/other"]),
            (&named, &[]),
        ] {
            let own = uris.iter().map(ToString::to_string).collect();
            assert_eq!(peer(mapping, &encoded(uris), &header), Some(own));
        }
        let stranger = Evidence::Encoded { metadata: Vec::new(), peer: None };
        assert_eq!(peer(&named, &stranger, &header), None);
    }

    #[test]
    fn one_element_is_one_certificate() {
        let uris = |text: &str| match read(text)? {
            Certificate::Uris(uris) => Some(uris.join(" ")),
            Certificate::Untold => None,
        };
        for (header, expected) in [
            ("URI=spiffe://a/b", "spiffe://a/b"),
            (
                "By=spiffe://a/p;Hash=0a;Subject=\"CN=x,O=\\\"y;URI=z\\\"\";URI=spiffe://a/b;DNS=c",
                "spiffe://a/b",
            ),
            ("URI=\"spiffe://a/b\"", "spiffe://a/b"),
            ("URI=spiffe://a/b;URI=spiffe://a/c", "spiffe://a/b spiffe://a/c"),
            ("Hash=0a;URI=", ""),
            ("Hash=0a", ""),
            ("Subject=\"\";URI=spiffe://a/b", "spiffe://a/b"),
        ] {
            assert_eq!(uris(header).as_deref(), Some(expected), "{header}");
        }
        for header in [
            "",
            "URI",
            "uri=spiffe://a/b",
            "X=1;URI=spiffe://a/b",
            "URI=spiffe://a/b,",
            "URI=spiffe://a/b,URI=spiffe://a/c",
            "URI=spiffe://a/b;",
            ";URI=spiffe://a/b",
            "URI=spiffe://a/b URI=spiffe://a/c",
            "URI=\"spiffe://a/b",
            "URI=\"spiffe://a/b\"c",
            "URI=\"a\\b\"",
            "URI=spiffe://a/\"b\"",
            "Subject=\"CN=\"x\"\";URI=spiffe://a/b",
            " URI=spiffe://a/b",
        ] {
            assert_eq!(uris(header), None, "{header}");
        }
    }

    #[test]
    fn what_a_proxy_says_unclearly_is_refused() {
        let own = format!("URI={PROXY}");
        for headers in [
            &["URI=spiffe://a/b,URI=spiffe://a/c"][..],
            &["URI=spiffe://a/b"; 2],
            &["x"],
            &[own.as_str()],
        ] {
            let fields =
                headers.iter().map(|it| (XFCC.to_owned(), it.as_bytes().to_vec())).collect();
            let evidence = encoded(&[PROXY]);
            let error = behind(&mapping(&[PROXY]), &evidence, &Head::new(fields)).unwrap_err();
            assert_eq!(error, IdentityError::Forwarded, "{headers:?}");
        }
    }
}
