//! Binds the ids of sessions to whoever opened them.

use super::HeaderChange;
use crate::decide::Denial;
use crate::digest::Digest;
use crate::gate::{Gate, Sender};
use crate::head::Head;
use crate::mcp::SESSION;
use crate::reason::Reason;

/// The server's id of the session of a request, if the bundle binds sessions and it has one. A session
/// of somebody else is as unknown as one that does not exist: clients then begin a new one.
pub(super) fn of(
    gate: &Gate,
    head: &Head,
    server: &str,
    sender: &Sender,
) -> Result<Option<String>, Denial> {
    if !gate.bundle.binds_sessions {
        return Ok(None);
    }
    let denied = |detail: &str| Denial {
        detail: Some(detail.to_owned()),
        ..Denial::because(Reason::SessionMismatch)
    };
    let Some(sealed) = head.one(SESSION).map_err(|error| denied(&error.to_string()))? else {
        return Ok(None);
    };
    let key = gate.sessions.as_ref().ok_or_else(|| denied("there is no key for sessions"))?;
    let id = key.open(sealed, &owner(server, sender));
    let id =
        id.ok_or_else(|| denied("the principal and the actor have not opened this session"))?;
    Ok(Some(id.to_owned()))
}

/// The change to the headers of a response that may have the id of a session.
pub(super) fn sealed(
    gate: &Gate,
    head: &Head,
    server: &str,
    sender: &Sender,
) -> Option<HeaderChange> {
    if !head.has(SESSION) {
        return None;
    }
    let id = head.one(SESSION).ok().flatten();
    let sealed = id.and_then(|id| gate.sessions.as_ref()?.seal(id, &owner(server, sender)));
    Some(match sealed {
        Some(sealed) => HeaderChange::Set(SESSION, sealed),
        // Nobody could use it.
        None => HeaderChange::Remove(SESSION.to_owned()),
    })
}

/// Whose a session is: of a principal and an actor, with one server.
fn owner(server: &str, sender: &Sender) -> String {
    let principal = (&sender.identity.principal.type_name, &sender.identity.principal.id);
    let actor = sender.identity.actor.as_ref().map(|actor| actor.uid.to_string());
    Digest::of(&(server, principal, actor)).to_string()
}
