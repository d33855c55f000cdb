use super::super::example::{NAME, key};
use super::super::settings::{Claims, Source};
use super::*;
use crate::cli::http::Listen;

fn settings() -> Settings {
    Settings {
        name: NAME.to_owned(),
        authority: "approvals.example".to_owned(),
        key: key(3),
        gates: Vec::new(),
        valid_for: 300,
        listen: Listen::at("10.0.0.7:8181"),
        approver: Source::Fixed(Claims::new()),
        approver_claim: "sub".to_owned(),
        state: None,
        webhook: None,
    }
}

fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn approver(name: &str) -> Approver {
    Approver { claims: Claims::new(), name: name.to_owned() }
}

#[test]
fn only_own_pages_send_forms() {
    let host = ("host", "approvals.example");
    let own = ("origin", "https://approvals.example");
    for (fields, is_ours) in [
        (vec![host, own], true),
        (vec![host, own, ("sec-fetch-site", "same-origin")], true),
        (vec![host, ("sec-fetch-site", "same-origin")], true),
        (vec![("host", "10.0.0.7:8181"), own], true),
        (vec![host], false),
        (vec![host, own, ("sec-fetch-site", "cross-site")], false),
        (vec![host, own, ("sec-fetch-site", "same-site")], false),
        (vec![host, own, ("sec-fetch-site", "none")], false),
        (vec![host, ("origin", "null")], false),
        (vec![host, ("origin", "https://evil.example")], false),
        (vec![host, ("origin", "https://approvals.example.evil.example")], false),
        (vec![host, own, own], false),
    ] {
        assert_eq!(is_own(&headers(&fields), &settings()), is_ours, "{fields:?}");
    }
}

fn form(body: &str, kind: &str) -> Option<Sent> {
    let request = hyper::Request::builder().header("content-type", kind);
    read(&request.body(body.as_bytes().to_vec()).unwrap())
}

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn forms_have_each_member_once() {
    let sent = form("token=ab&decision=denied&reason=too+much", FORM).unwrap();
    assert_eq!((sent.ruling, &*sent.reason, &*sent.token), (Ruling::Denied, "too much", "ab"));
    for body in [
        "",
        "decision=approved",
        "token=ab",
        "token=ab&decision=yes",
        "token=ab&decision=denied&decision=approved",
        "token=ab&decision=approved&reason=a&reason=b",
        "token=ab&decision=approved&id=7",
    ] {
        assert!(form(body, FORM).is_none(), "{body}");
    }
    assert!(form("token=ab&decision=approved", "text/plain").is_none());
    assert!(form("token=ab&decision=approved", "multipart/form-data").is_none());
}

#[test]
fn a_token_is_for_one_request_and_one_approver() {
    let (tokens, others) = (Tokens([1; 32]), Tokens([2; 32]));
    let token = tokens.of("7", &approver("carol"));
    let sent = |token: &str| Sent {
        ruling: Ruling::Approved,
        reason: String::new(),
        token: token.to_owned(),
    };
    assert!(tokens.fits(&sent(&token), "7", &approver("carol")));
    assert!(!tokens.fits(&sent(&token), "8", &approver("carol")));
    assert!(!tokens.fits(&sent(&token), "7", &approver("dave")));
    assert!(!others.fits(&sent(&token), "7", &approver("carol")));
    for other in ["", "zz", token.get(2..).unwrap(), &token.replace('0', "1")] {
        assert!(other == token || !tokens.fits(&sent(other), "7", &approver("carol")), "{other}");
    }
}
