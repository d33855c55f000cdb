//! Sorts the members of encoded claims.
//!
//! Envoy encodes the members of a `google.protobuf.Struct` in a different order each time. Sorted
//! claims can be compared without decoding. This parser supports just enough of protobuf to find
//! members and copies everything else unchanged, so that the output decodes to the same claims as
//! the input.

/// Members below this depth are not sorted.
const DEEPEST: usize = 16;

/// More than most claims contain.
const USUAL_MEMBERS: usize = 32;

/// `Metadata.filter_metadata`, `Struct.fields` and `ListValue.values`; also the key of a map's
/// entry.
const FIRST: u8 = 0x0a;

/// `Metadata.typed_filter_metadata`; also the value of a map's entry.
const SECOND: u8 = 0x12;

/// `Value.struct_value`
const STRUCT: u8 = 0x2a;

/// `Value.list_value`
const LIST: u8 = 0x32;

/// The encoded `Struct` of one namespace of an encoded `envoy.config.core.v3.Metadata`, empty if
/// there is none; `None` if the encoding is not the usual one.
pub(super) fn namespace<'a>(metadata: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut found = None;
    let mut rest = metadata;
    while !rest.is_empty() {
        let (tag, content);
        (tag, content, rest) = field(rest)?;
        match tag {
            FIRST => {
                let (key, value) = entry(content)?;
                if std::str::from_utf8(key).ok()? == name && found.replace(value).is_some() {
                    return None;
                }
            }
            SECOND => {}
            _ => return None,
        }
    }
    Some(found.unwrap_or_default())
}

/// The `Struct` with the members of all nested structs sorted.
pub(super) fn in_order(structure: &[u8]) -> Vec<u8> {
    let mut writer = Writer {
        members: Vec::with_capacity(USUAL_MEMBERS),
        written: Vec::with_capacity(structure.len()),
    };
    writer.structure(structure, DEEPEST);
    writer.written
}

/// A member of a struct.
#[derive(Clone, Copy)]
struct Member<'a> {
    name: &'a [u8],
    value: &'a [u8],
    /// All bytes of the member, which end with the value.
    whole: &'a [u8],
}

struct Writer<'a> {
    /// The members of the struct being written, after those of the enclosing structs.
    members: Vec<Member<'a>>,
    written: Vec<u8>,
}

impl<'a> Writer<'a> {
    fn structure(&mut self, bytes: &'a [u8], depth: usize) {
        let start = self.members.len();
        if depth == 0 || self.read_members(bytes).is_none() {
            self.written.extend_from_slice(bytes);
        } else {
            if let Some(members) = self.members.get_mut(start..) {
                // The last of several members with one name is the effective one. The sort is
                // stable, so it stays last.
                members.sort_by_key(|member| (member.name.len(), member.name));
            }
            let mut next = start;
            while let Some(&Member { value, whole, .. }) = self.members.get(next) {
                self.value(value, whole, depth);
                next = next.saturating_add(1);
            }
        }
        self.members.truncate(start);
    }

    fn read_members(&mut self, bytes: &'a [u8]) -> Option<()> {
        let mut left = bytes;
        while !left.is_empty() {
            let (FIRST, content, rest) = field(left)? else { return None };
            let (name, value) = entry(content)?;
            self.members.push(Member { name, value, whole: before(left, rest)? });
            left = rest;
        }
        Some(())
    }

    /// Writes `whole`, which ends with `value`, with the structs in the value sorted.
    fn value(&mut self, value: &'a [u8], whole: &'a [u8], depth: usize) {
        let inner = match *value {
            [STRUCT | LIST, ..] => field(value).filter(|(_, _, rest)| rest.is_empty()),
            _ => None,
        };
        let Some((tag, inner, _)) = inner else { return self.written.extend_from_slice(whole) };
        self.written.extend_from_slice(before(whole, inner).unwrap_or_default());
        let depth = depth.saturating_sub(1);
        if tag == STRUCT { self.structure(inner, depth) } else { self.list(inner, depth) }
    }

    fn list(&mut self, bytes: &'a [u8], depth: usize) {
        let mut left = bytes;
        while depth > 0
            && let Some((FIRST, item, rest)) = field(left)
        {
            self.value(item, before(left, rest).unwrap_or_default(), depth);
            left = rest;
        }
        self.written.extend_from_slice(left);
    }
}

/// The key and value of a map entry that contains exactly these.
fn entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (FIRST, key, rest) = field(bytes)? else { return None };
    let (SECOND, value, []) = field(rest)? else { return None };
    Some((key, value))
}

/// The tag of a length-delimited field, its content, and the remaining bytes.
fn field(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (length, rest) = length(rest)?;
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// Parses a length of up to two megabytes.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let bits = |byte: u8| usize::from(byte & 0x7f);
    match bytes {
        [a @ ..0x80, rest @ ..] => Some((bits(*a), rest)),
        [a, b @ ..0x80, rest @ ..] => Some((bits(*a) | bits(*b) << 7, rest)),
        [a, b, c @ ..0x80, rest @ ..] => Some((bits(*a) | bits(*b) << 7 | bits(*c) << 14, rest)),
        _ => None,
    }
}

/// The part of a slice before its suffix `end`.
fn before<'a>(whole: &'a [u8], end: &[u8]) -> Option<&'a [u8]> {
    whole.get(..whole.len().checked_sub(end.len())?)
}

#[cfg(test)]
mod tests;
