//! Counters of Limitador in Redis.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use limitador::counter::Counter;
use limitador::limit::Limit;
use limitador::storage::{AsyncCounterStorage, Authorization, StorageErr};
use redis::aio::ConnectionManager;
use redis::{RedisError, Script};

/// Checks all counters before it adds to any, in one step. Limitador's own storage does so in two,
/// so that requests in the same moment can exceed a limit together.
///
/// `ARGV` has the hits, and the limit and the seconds of each key. The answer is the first counter
/// that is over its limit, or nothing.
const CHECK_AND_UPDATE: &str = "
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('get', key) or '0') + ARGV[1] > tonumber(ARGV[2 * i]) then return i end
end
for i, key in ipairs(KEYS) do
  if redis.call('incrby', key, ARGV[1]) == tonumber(ARGV[1]) then
    redis.call('expire', key, ARGV[2 * i + 1])
  end
end
return nil";

/// Counters in Redis.
pub struct Store {
    redis: ConnectionManager,
}

impl Store {
    /// Connects to Redis.
    pub async fn connect(url: &str) -> Result<Self, RedisError> {
        let redis = ConnectionManager::new(redis::Client::open(url)?).await?;
        Ok(Self { redis })
    }

    async fn over(&self, counters: &[Counter], hits: u64) -> Result<Option<usize>, RedisError> {
        let script = Script::new(CHECK_AND_UPDATE);
        let mut call = script.arg(hits);
        for counter in counters {
            let limit = counter.limit().name().unwrap_or_default();
            let variables = counter.set_variables();
            call.key(format!("{:?}", (counter.namespace(), limit, variables)));
            call.arg(counter.max_value()).arg(counter.window().as_secs());
        }
        call.invoke_async(&mut self.redis.clone()).await
    }

    /// An error of Limitador, which has no public constructor.
    async fn failure(&self, error: &RedisError) -> StorageErr {
        eprintln!("redis: {error}");
        let failed = self.release_reservation(&[], &String::new().into()).await;
        failed.expect_err("this storage has no reservations")
    }
}

#[async_trait]
impl AsyncCounterStorage for Store {
    async fn check_and_update<'a>(
        &self,
        counters: &mut Vec<Counter>,
        hits: u64,
    ) -> Result<Authorization, StorageErr> {
        match self.over(counters, hits).await {
            Ok(None) => Ok(Authorization::Ok),
            Ok(Some(place)) => {
                let limit = counters.get(place - 1).map(Counter::limit);
                Ok(Authorization::Limited(limit.and_then(Limit::name).map(str::to_owned)))
            }
            Err(error) => Err(self.failure(&error).await),
        }
    }

    async fn check<'a>(
        &self,
        _: &mut Vec<Counter>,
        _: u64,
    ) -> Result<Authorization, StorageErr> {
        unimplemented!("the service checks and updates")
    }

    async fn is_within_limits(&self, _: &Counter, _: u64) -> Result<bool, StorageErr> {
        unimplemented!("the service checks and updates")
    }

    async fn update_counter(&self, _: &Counter, _: u64) -> Result<(), StorageErr> {
        unimplemented!("the service checks and updates")
    }

    async fn get_counters(
        &self,
        _: &HashSet<Arc<Limit>>,
    ) -> Result<HashSet<Counter>, StorageErr> {
        Ok(HashSet::new())
    }

    async fn delete_counters(&self, _: &HashSet<Arc<Limit>>) -> Result<(), StorageErr> {
        Ok(())
    }

    async fn clear(&self) -> Result<(), StorageErr> {
        Ok(())
    }
}
