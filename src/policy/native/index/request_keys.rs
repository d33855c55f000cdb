//! The keys that match a call.

use std::borrow::Cow;

use crate::policy::native::Env;
use crate::policy::native::Key;

/// The keys that match a call, or all calls with any resource.
#[derive(Clone, Debug)]
pub struct RequestKeys<'a> {
    /// The keys of the principal, its ancestors and its type.
    pub principal: Cow<'a, [Key]>,
    /// The keys of the action and its ancestors.
    pub action: Cow<'a, [Key]>,
    /// The keys of the resource, its ancestors and its type; `None` for any resource.
    pub resource: Option<Cow<'a, [Key]>>,
}

impl<'a> RequestKeys<'a> {
    /// The keys of a call.
    pub fn of(env: &Env<'a>) -> Self {
        let keys = |uid| env.entities.keys(uid, env.principal);
        Self {
            principal: keys(env.principal.uid()),
            action: keys(env.action),
            resource: Some(keys(env.resource)),
        }
    }

    /// The keys of the same call with any resource.
    #[must_use]
    pub fn of_any_resource(self) -> Self {
        Self { resource: None, ..self }
    }
}
