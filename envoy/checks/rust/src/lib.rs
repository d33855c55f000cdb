//! Refuses MCP requests that a Toolgate has not decided: middleware for a tool service made with axum.
//!
//! ```no_run
//! use std::sync::Arc;
//! use axum::{Router, middleware};
//! use toolgate_check::{Check, decided};
//!
//! let jwks = std::fs::read_to_string("gate.jwks.json").unwrap();
//! let check = Check::new(&jwks, "https://gate.acme.example", "crm").unwrap();
//! let app: Router = Router::new(/* … */).layer(middleware::from_fn_with_state(Arc::new(check), decided));
//! ```
//!
//! The digest is computed from the bytes that the service gets, before anything types them.

mod calls;
mod unique;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::{self, Body};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

pub use calls::Call;

const HEADER: &str = "toolgate-assertion";
const TYPE: &str = "toolgate-assertion+jwt";
/// The longest assertion, as the gate has it.
const LONGEST: usize = 32_768;
/// The longest body.
const MOST_BYTES: usize = 1 << 20;
/// How many used assertions are remembered until they expire. When that is full, everything is refused.
const MOST_USED: usize = 100_000;
/// Seconds that the clocks of the gate and of this service may differ.
const LEEWAY: u64 = 5;

/// Why a request does not run. The message is for the operator.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Refused(pub &'static str);

/// What an assertion says.
#[derive(Clone, Debug, Deserialize)]
pub struct Claims {
    /// The server; several audiences are refused.
    pub aud: String,
    /// Until when it can be used, in seconds since the epoch.
    pub exp: u64,
    /// The id of the decision.
    pub jti: String,
    /// The principal.
    pub sub: String,
    /// `permit`
    pub decision: String,
    /// The calls that were decided.
    pub calls: Vec<Call>,
}

/// Checks assertions, and remembers which were used, in this process: several need a store that they share.
pub struct Check {
    keys: HashMap<String, DecodingKey>,
    validation: Validation,
    used: Mutex<HashMap<String, u64>>,
}

/// The middleware.
pub async fn decided(State(check): State<Arc<Check>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let result = match body::to_bytes(body, MOST_BYTES).await {
        Ok(body) => {
            let assertions: Vec<&[u8]> =
                parts.headers.get_all(HEADER).iter().map(|it| it.as_bytes()).collect();
            check.check(&assertions, &body).map(|_| body)
        }
        Err(_) => Err(Refused("the body is too long or has no end")),
    };
    match result {
        Ok(body) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Err(Refused(why)) => {
            (StatusCode::FORBIDDEN, format!("not decided by the gate: {why}")).into_response()
        }
    }
}

impl Check {
    /// A check for the server with this audience. `jwks` is what `toolgate keys` writes.
    ///
    /// # Errors
    ///
    /// Keys that cannot be read.
    pub fn new(
        jwks: &str,
        issuer: &str,
        audience: &str,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let mut keys = HashMap::new();
        for jwk in serde_json::from_str::<JwkSet>(jwks)?.keys {
            let id = jwk.common.key_id.clone().ok_or("a key has no `kid`")?;
            keys.insert(id, DecodingKey::from_jwk(&jwk)?);
        }
        // The algorithm is fixed here, and never what an assertion says.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.leeway = LEEWAY;
        Ok(Self { keys, validation, used: Mutex::default() })
    }

    /// The claims of the one assertion, if it is about this body.
    ///
    /// # Errors
    ///
    /// Why the body must not run.
    pub fn check(&self, assertions: &[&[u8]], body: &[u8]) -> Result<Claims, Refused> {
        let [assertion] = assertions else {
            return Err(Refused("there is not exactly one assertion"));
        };
        let claims = self.verified(assertion)?;
        if claims.decision != "permit" {
            return Err(Refused("it is no permit"));
        }
        // Before it is used up: an assertion that somebody took is not spent on another body.
        calls::same(&claims.calls, body)?;
        self.once(&claims)?;
        Ok(claims)
    }

    fn verified(&self, assertion: &[u8]) -> Result<Claims, Refused> {
        let invalid = Refused("the assertion is not valid");
        if assertion.len() > LONGEST {
            return Err(invalid);
        }
        let header = decode_header(assertion).map_err(|_| invalid)?;
        if header.typ.as_deref() != Some(TYPE) {
            return Err(Refused("it is for something else"));
        }
        let key =
            header.kid.and_then(|id| self.keys.get(&id)).ok_or(Refused("its key is not known"))?;
        decode(assertion, key, &self.validation).map(|it| it.claims).map_err(|_| invalid)
    }

    fn once(&self, claims: &Claims) -> Result<(), Refused> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(|_| Refused("there is no time"))?
            .as_secs();
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.contains_key(&claims.jti) {
            return Err(Refused("the assertion was used before"));
        }
        if used.len() >= MOST_USED {
            used.retain(|_, until| *until >= now);
        }
        if used.len() >= MOST_USED {
            return Err(Refused("too many assertions are remembered"));
        }
        used.insert(claims.jti.clone(), claims.exp.saturating_add(LEEWAY));
        Ok(())
    }
}
