//! The environment of the native evaluator.

use super::{Graph, Node};
use crate::policy::env::Environment;

/// The environment that policies are evaluated in.
pub type Env<'a> = Environment<'a, Graph, Node>;
