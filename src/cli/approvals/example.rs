//! Requests for tests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::signed::Signed;
use crate::approval::{Action, Binding, BoundContext, Details, Entity, REQUEST, Request};
use crate::digest::Digest;
use crate::jose;
use crate::key::PrivateKey;

/// The service.
pub(super) const NAME: &str = "https://approvals.example";

/// The time.
pub(super) const NOW: i64 = 1_800_000_000;

/// A key pair for each number.
pub(super) fn key(number: u8) -> PrivateKey {
    let prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    STANDARD.encode([&prefix[..], &[number; 32]].concat()).parse().unwrap()
}

/// A request of this person; `number` tells one request from another.
pub(super) fn request(person: &str, number: u32) -> Request {
    let arguments = json!({ "payment_id": format!("p-{number}"), "amount": 900 });
    let binding = Binding {
        subject: Entity { type_name: "User".to_owned(), id: person.to_owned() },
        action: Action { name: "payments/refund".to_owned() },
        resource: Entity { type_name: "Server".to_owned(), id: "payments".to_owned() },
        context: BoundContext {
            tenant: Some("acme".to_owned()),
            agent_type: Some("Agent".to_owned()),
            chain: vec!["support-bot".to_owned()],
            arguments_digest: Digest::of(&arguments),
            arguments,
            bundle: "acme@7".to_owned(),
            bundle_digest: Digest::of_bytes(b"bundle"),
            environment: "production".to_owned(),
            proxy: Some("7d0c3f5a".to_owned()),
        },
    };
    Request {
        iss: "gate".to_owned(),
        aud: NAME.to_owned(),
        iat: NOW,
        exp: NOW + 600,
        jti: format!("{person}-{number}"),
        binding_hash: binding.hash(),
        binding,
        details: Details {
            groups: vec!["finance".to_owned()],
            policies: vec!["large-refund".to_owned()],
            reasons: vec!["Refunds above 500 need a second person.".to_owned()],
            txn: None,
        },
    }
}

/// The same, signed by the gate's key, the first one.
pub(super) fn signed(request: Request) -> Signed<Request> {
    let token = jose::sign(REQUEST, &request, &key(1)).unwrap();
    Signed { token, claims: request }
}
