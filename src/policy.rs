//! Cedar policies, and their evaluation for a call.
//!
//! The result equals that of Cedar's authorizer over all policies of a layer. Everything that only
//! makes it faster is in `native`: the index, the cache of compiled policies, the evaluator for
//! common conditions, and the selection of entities. `None` from there means that Cedar evaluates.
//! The feature `cedar-only` builds the gate without `native`; `plain` then replaces it and leaves
//! every evaluation to Cedar.

mod argument;
mod authorize;
mod compiled;
mod entities;
mod env;
mod fallback;
mod lazy;
#[cfg(not(feature = "cedar-only"))]
mod native;
#[cfg(feature = "cedar-only")]
mod plain;
mod parse;
mod possible;
mod reads;
mod skeleton;
mod source;
pub mod value;

#[cfg(feature = "cedar-only")]
use plain as native;

pub use argument::ArgumentValue;
pub use authorize::{Response, authorize};
pub use compiled::CompiledPolicy;
pub use entities::{EntityStore, PrincipalEntity};
pub use env::{Environment, RequestContext};
pub use fallback::Fallback;
pub use lazy::{LazyContext, LazyValue};
pub use native::{Env, Graph, Index, Node, PolicyCache, RequestKeys};
#[cfg(not(feature = "cedar-only"))]
pub use native::{Key, ScopeKeys};
pub use parse::Unreadable;
pub use possible::Possible;
pub use reads::{CAPABILITIES, MEMORY, Reads};
pub use skeleton::{AnyCall, Skeleton};
pub use source::{Policies, PolicySource};
