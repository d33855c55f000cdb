//! Canonical JSON (RFC 8785): sorted members, numbers in ECMAScript spelling, no white space.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{self, Write};
use std::ops::Range;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// The canonical JSON (RFC 8785) of a value.
///
/// Every [`Value`](super::Value) has one. A value of another type that JSON cannot represent, such
/// as a map without string keys, yields the empty text, which is not the canonical JSON of any
/// value.
pub fn canonical(value: &impl Serialize) -> Vec<u8> {
    let text = RefCell::new(Vec::with_capacity(128));
    let formatter = Canonical { text: &text, objects: Vec::new() };
    let written = value.serialize(&mut Serializer::with_formatter(Text(&text), formatter));
    if written.is_ok() { text.into_inner() } else { Vec::new() }
}

/// A writer to the end of the text.
struct Text<'t>(&'t RefCell<Vec<u8>>);

impl Write for Text<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sorts the members of an object after its last one is written.
struct Canonical<'t> {
    text: &'t RefCell<Vec<u8>>,
    /// The members of the open objects, innermost last.
    objects: Vec<Vec<Member>>,
}

/// The position of a member in the text.
struct Member {
    key: Range<usize>,
    whole: Range<usize>,
}

/// A member and its name.
type Named<'t> = (Cow<'t, str>, &'t Member);

macro_rules! doubles {
    ($($method:ident: $type:ty),+) => { $(
        #[expect(clippy::cast_precision_loss, reason = "every number is a double there")]
        fn $method<W: ?Sized + Write>(&mut self, writer: &mut W, value: $type) -> io::Result<()> {
            self.write_f64(writer, value as f64)
        }
    )+ };
}

impl Formatter for Canonical<'_> {
    doubles!(write_i64: i64, write_i128: i128, write_u64: u64, write_u128: u128);

    fn write_f32<W: ?Sized + Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        self.write_f64(writer, value.into())
    }

    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(ryu_js::Buffer::new().format_finite(value).as_bytes())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.objects.push(Vec::new());
        writer.write_all(b"{")
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        let start = self.text.borrow().len();
        if let Some(members) = self.objects.last_mut() {
            members.push(Member { key: start..start, whole: start..start });
        }
        Ok(())
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        if let Some(member) = self.objects.last_mut().and_then(|members| members.last_mut()) {
            member.key.end = self.text.borrow().len();
        }
        Ok(())
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        if let Some(member) = self.objects.last_mut().and_then(|members| members.last_mut()) {
            member.whole.end = self.text.borrow().len();
        }
        Ok(())
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if let Some(members) = self.objects.pop() {
            sort(&mut self.text.borrow_mut(), &members)?;
        }
        writer.write_all(b"}")
    }
}

/// Sorts the members at the end of the text by the UTF-16 code units of their names.
fn sort(text: &mut Vec<u8>, members: &[Member]) -> io::Result<()> {
    let named = |member| Ok((name(text, member)?, member));
    let mut sorted = members.iter().map(named).collect::<io::Result<Vec<_>>>()?;
    let order = |(a, _): &Named<'_>, (b, _): &Named<'_>| a.encode_utf16().cmp(b.encode_utf16());
    let ascending = |a: &Named<'_>, b: &Named<'_>| order(a, b).is_lt();
    if sorted.is_sorted_by(ascending) {
        return Ok(());
    }
    sorted.sort_by(order);
    if !sorted.is_sorted_by(ascending) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let start = members.first().map_or(text.len(), |first| first.whole.start);
    let mut ordered = Vec::with_capacity(text.len().saturating_sub(start));
    for (_, member) in sorted {
        if !ordered.is_empty() {
            ordered.push(b',');
        }
        ordered.extend_from_slice(text.get(member.whole.clone()).unwrap_or_default());
    }
    text.truncate(start);
    text.append(&mut ordered);
    Ok(())
}

/// The name of a member, parsed from its JSON string in the text.
fn name<'t>(text: &'t [u8], member: &Member) -> io::Result<Cow<'t, str>> {
    let key = text.get(member.key.clone()).unwrap_or_default();
    if key.contains(&b'\\') {
        return Ok(Cow::Owned(serde_json::from_slice(key)?));
    }
    let key = std::str::from_utf8(key).map_err(io::Error::other)?;
    Ok(Cow::Borrowed(key.trim_matches('"')))
}
