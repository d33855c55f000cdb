//! Session ids that belong to one caller.
//!
//! The id that a server gives is passed on with a code that only the gate can make, and that depends
//! on the caller. Nothing has to be remembered: every proxy with the same key knows whose a session is.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The header field with the id of a session.
pub const SESSION: &str = "mcp-session-id";

/// The length of a code in bytes. Nobody can try enough codes online to find one of this length.
const CODE: usize = 16;

/// A key for session ids.
#[derive(Clone)]
pub struct SessionKey([u8; 32]);

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionKey")
    }
}

impl SessionKey {
    /// A key of random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The id of a server's session, as its caller gets it.
    pub fn seal(&self, id: &str, owner: &str) -> Option<String> {
        let code = self.mac(id, owner)?.finalize().into_bytes();
        let code = URL_SAFE_NO_PAD.encode(code.get(..CODE)?);
        Some(format!("{id}.{code}"))
    }

    /// The server's id, if this caller got it; `None` for any other.
    pub fn open<'s>(&self, sealed: &'s str, owner: &str) -> Option<&'s str> {
        let (id, code) = sealed.rsplit_once('.')?;
        let code = URL_SAFE_NO_PAD.decode(code).ok().filter(|code| code.len() == CODE)?;
        self.mac(id, owner)?.verify_truncated_left(&code).ok()?;
        Some(id)
    }

    fn mac(&self, id: &str, owner: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        // The length keeps the two apart.
        mac.update(&u64::try_from(owner.len()).ok()?.to_be_bytes());
        mac.update(owner.as_bytes());
        mac.update(id.as_bytes());
        Some(mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_known_again_by_its_owner_alone() {
        let key = SessionKey::new([7; 32]);
        for id in ["1868a90c-b2d4", "a.b", "", "~!x"] {
            let sealed = key.seal(id, "alice").unwrap();
            assert_eq!(key.open(&sealed, "alice"), Some(id));
            for other in ["bob", "alice2", ""] {
                assert_eq!(key.open(&sealed, other), None, "{id}");
            }
            assert_eq!(SessionKey::new([8; 32]).open(&sealed, "alice"), None, "{id}");
            let shorter = sealed.get(..sealed.len() - 1).unwrap().to_owned();
            let others = [format!("x{sealed}"), format!("{sealed}A"), shorter, format!("{id}.")];
            for other in others.iter().map(String::as_str).chain([id]) {
                assert_eq!(key.open(other, "alice"), None, "{other}");
            }
        }
        assert_eq!(key.open(&key.seal("b", "alicea").unwrap(), "alice"), None);
    }
}
