//! The environment of the native evaluator.

use super::{Graph, Node};
use crate::policy::env::Environment;

/// Everything that policies can read about a call.
pub type Env<'a> = Environment<'a, Graph, Node>;
