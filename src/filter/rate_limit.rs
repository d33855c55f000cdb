//! The host calls to a rate limit service.

use std::time::Duration;

use prost::Message as _;
use proxy_wasm::hostcalls;
use proxy_wasm::types::BufferType;

use super::host::{buffered, failed};
use crate::memory::{Answer, Query};

/// Asks the rate limit service, and returns the number of the call.
pub(super) fn ask(query: &Query) -> Result<u32, String> {
    // A name alone is looked up at once, and the SDK traps if Envoy does not know it.
    let service = GrpcService { envoy: Some(EnvoyGrpc { cluster: query.cluster.clone() }) };
    let service = String::from_utf8(service.encode_to_vec()).map_err(|error| error.to_string())?;
    hostcalls::dispatch_grpc_call(
        &service,
        "envoy.service.ratelimit.v3.RateLimitService",
        "ShouldRateLimit",
        Vec::new(),
        Some(&query.message),
        Duration::from_millis(query.timeout.into()),
    )
    .map_err(failed("rate limit service"))
}

/// The answer of the rate limit service, with this gRPC status and size.
pub(super) fn answer(status: u32, size: usize) -> Answer {
    if status != 0 {
        return Answer::Unavailable(format!("the service ends with gRPC status {status}"));
    }
    match buffered(BufferType::GrpcReceiveBuffer, size) {
        Ok(message) => Answer::read(&message),
        Err(failure) => Answer::Unavailable(failure),
    }
}

/// `envoy.config.core.v3.GrpcService`
#[derive(Clone, PartialEq, prost::Message)]
struct GrpcService {
    #[prost(message, optional, tag = "1")]
    envoy: Option<EnvoyGrpc>,
}

/// `envoy.config.core.v3.GrpcService.EnvoyGrpc`
#[derive(Clone, PartialEq, prost::Message)]
struct EnvoyGrpc {
    #[prost(string, tag = "1")]
    cluster: String,
}
