//! A rate limit service: the crate of Limitador with Redis, behind the protocol of Envoy.
//!
//!     server ADDRESS:PORT REDIS_URL LIMITS.json

mod store;

use std::collections::HashMap;
use std::error::Error;

use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::Code;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_server::{
    RateLimitService, RateLimitServiceServer,
};
use envoy_types::pb::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use limitador::limit::{Context, Limit};
use limitador::storage::AsyncStorage;
use limitador::{AsyncRateLimiter, AsyncRateLimiterBuilder};
use store::Store;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [address, redis, limits] = std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(
        |given: Vec<String>| format!("write ADDRESS:PORT REDIS_URL LIMITS.json, not {given:?}"),
    )?;
    let limits: Vec<Limit> = serde_json::from_slice(&std::fs::read(limits)?)?;
    let storage = AsyncStorage::with_counter_storage(Box::new(Store::connect(&redis).await?));
    let limiter = AsyncRateLimiterBuilder::new(storage).build();
    limiter.configure_with(limits).await?;
    let service = RateLimitServiceServer::new(Service { limiter });
    Server::builder().add_service(service).serve(address.parse()?).await?;
    Ok(())
}

struct Service {
    limiter: AsyncRateLimiter,
}

#[tonic::async_trait]
impl RateLimitService for Service {
    async fn should_rate_limit(
        &self,
        request: Request<RateLimitRequest>,
    ) -> Result<Response<RateLimitResponse>, Status> {
        let request = request.into_inner();
        let descriptors = request.descriptors.into_iter().map(|descriptor| {
            let entries = descriptor.entries.into_iter().map(|entry| (entry.key, entry.value));
            entries.collect::<HashMap<_, _>>()
        });
        let mut context = Context::default();
        context.list_binding("descriptors".to_owned(), descriptors.collect());
        let hits = u64::from(request.hits_addend.max(1));
        let checked =
            self.limiter.check_rate_limited_and_update(&request.domain.into(), &context, hits).await;
        let checked = checked.map_err(|error| Status::unavailable(error.to_string()))?;
        let code = if checked.limited { Code::OverLimit } else { Code::Ok };
        Ok(Response::new(RateLimitResponse { overall_code: code.into(), ..Default::default() }))
    }
}
