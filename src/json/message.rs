//! Reads a message with a list of which elements were read before.

use super::list::LEADING;
use super::read::{Reader, read_with};
use super::{Element, JsonError, List, Numbers, Value, read_body};

/// Parses a message as [`read_body`](super::read_body). Elements of the list that are known are not
/// read again, and are [`Value::Raw`]. Returns all elements besides.
pub(crate) fn read_message<'a>(
    bytes: &'a [u8],
    max_depth: usize,
    max_values: usize,
    list: List<'a>,
) -> Result<(Value<'a>, Vec<Element<'a>>), JsonError> {
    read_with(bytes, Numbers::Any, max_depth, max_values, Some(list))
}

/// The value of a text that was read before.
pub(crate) fn unread(text: &str) -> Value<'_> {
    read_body(text.as_bytes(), usize::MAX, usize::MAX).unwrap_or(Value::Null)
}

impl<'a> Reader<'a> {
    /// Notes how far the name of a member leads to the list.
    pub(super) fn follow(&mut self, depth: usize, name: &str) {
        let Some(list) = &self.list else { return };
        let outer = depth.saturating_sub(1);
        let is_next = self.followed >= outer && list.path.get(outer) == Some(&name);
        self.followed = if is_next { depth } else { self.followed.min(outer) };
    }

    /// Whether an array that nests so deep is the list.
    pub(super) fn is_list(&self, depth: usize) -> bool {
        self.list.is_some() && self.followed == LEADING && depth == LEADING.saturating_add(1)
    }

    /// Parses an element of the list, unless it is known.
    pub(super) fn element(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        self.peek_token();
        let (start, values) = (self.at, self.values);
        let known = self.list.and_then(|list| (list.known)(self.text.get(start..)?));
        let value = match known.and_then(|known| Some((known, values.checked_sub(known.values)?))) {
            Some((known, left)) => {
                self.advance(known.bytes);
                self.values = left;
                None
            }
            None => Some(self.value(depth)?),
        };
        let text = self.slice(start, self.at)?;
        self.elements.push(Element { text, values: values.saturating_sub(self.values) });
        Ok(value.unwrap_or(Value::Raw(text.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Extent;

    const TOOL: &str = r#"{"name":"a","x":[1,{}]}"#;

    /// Reads a message of which the tool is known.
    fn message(text: &str, values: usize) -> Result<(Value<'_>, Vec<Element<'_>>), JsonError> {
        let known = |text: &str| {
            let extent = Extent { bytes: TOOL.len(), values: 5 };
            text.starts_with(TOOL).then_some(extent)
        };
        let list = List { path: ["result", "tools"], known: Box::leak(Box::new(known)) };
        read_message(text.as_bytes(), 8, values, list)
    }

    /// How many elements are not read again.
    #[track_caller]
    fn check(text: &str, elements: usize, unread: usize) {
        let text = text.replace('@', TOOL);
        let (read, found) = message(&text, 100).unwrap();
        assert_eq!(found.len(), elements, "{text}");
        assert!(found.iter().all(|it| it.text != TOOL || it.values == 5), "{found:?}");
        assert_eq!(read.to_json(0), text.replace(' ', ""));
        let whole = read_body(text.as_bytes(), 8, 100).unwrap();
        assert_eq!(read.canonical(), whole.canonical());
        assert_eq!(read == whole, unread == 0, "{text}");
        assert_eq!(format!("{read:?}").matches("Raw").count(), unread, "{text}");
    }

    #[test]
    fn only_known_elements_of_the_list_are_not_read() {
        check(r#"{"result":{"tools":[@]}}"#, 1, 1);
        check(r#"{"id":1,"result":{"x":[@],"tools":[ 1, @ , {"t":1},@],"y":[@]},"z":[[@]]}"#, 4, 2);
        check(r#"{"result":{"tools":[]}}"#, 0, 0);
        for other in [
            r#"[{"result":{"tools":[@]}}]"#,
            r#"{"result":{"Tools":[@]}}"#,
            r#"{"result":{"tools":{"a":[@]}}}"#,
            r#"{"result":[[@]],"tools":[[@]]}"#,
            r#"{"tools":{"result":[@]}}"#,
            r#"{"a":{"result":{"tools":[@]}}}"#,
            r#"{"a":{"tools":[@]},"result":{"a":[@]}}"#,
            r#"{"result":{"tools":{},"a":[@]},"b":{"tools":[@]},"c":[[@]]}"#,
        ] {
            check(other, 0, 0);
        }
        check(r#"{"result":{"tools":[[@]]}}"#, 1, 0);
    }

    #[test]
    fn a_message_is_refused_as_if_all_of_it_were_read() {
        for (text, values) in [
            (r#"{"result":{"tools":[@ @]}}"#, 100),
            (r#"{"result":{"tools":[@@]}}"#, 100),
            (r#"{"result":{"tools":[@1]}}"#, 100),
            (r#"{"result":{"tools":[@"#, 100),
            (r#"{"result":{"tools":[@]},"result":1}"#, 100),
            (r#"{"result":{"tools":[@,@]}}"#, 12),
            (r#"{"result":{"tools":[@]},"a":1}"#, 8),
        ] {
            let text = text.replace('@', TOOL);
            let whole = read_body(text.as_bytes(), 8, values).unwrap_err();
            assert_eq!(message(&text, values).unwrap_err(), whole, "{text}");
        }
        assert!(message(&r#"{"result":{"tools":[@,@]}}"#.replace('@', TOOL), 13).is_ok());
    }
}
