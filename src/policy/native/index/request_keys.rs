//! The keys that a call meets.

use std::borrow::Cow;

use crate::policy::native::Env;
use crate::policy::native::Key;

/// The keys that a call meets.
#[derive(Clone, Debug)]
pub struct RequestKeys<'a> {
    /// Of the principal, its ancestors and its type.
    pub principal: Cow<'a, [Key]>,
    /// Of the action and its ancestors.
    pub action: Cow<'a, [Key]>,
    /// Of the resource, its ancestors and its type.
    pub resource: Cow<'a, [Key]>,
}

impl<'a> RequestKeys<'a> {
    /// Those of a call.
    pub fn of(env: &Env<'a>) -> Self {
        let keys = |uid| env.entities.keys(uid, env.principal);
        Self {
            principal: keys(env.principal.uid()),
            action: keys(env.action),
            resource: keys(env.resource),
        }
    }
}
