//! Source files and locations in them.

use std::ops::Range;
use std::sync::Arc;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

/// A file with its text, named as the user wrote it.
#[derive(Debug, Eq, PartialEq)]
pub struct SourceFile {
    /// The path.
    pub name: String,
    /// The text.
    pub text: String,
    /// The offset of each line, so that lines are not counted again for every problem.
    lines: Vec<usize>,
}

impl SourceFile {
    /// A file with this name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let next = text.match_indices('\n').map(|(end, _)| end.saturating_add(1));
        let lines = std::iter::once(0).chain(next).collect();
        Self { name: name.into(), text, lines }
    }

    /// The number of the line that contains a byte, counted from 0.
    fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// The offset of a line, counted from 0. A line after the last one starts at the end of the
    /// text.
    fn start(&self, line: usize) -> usize {
        self.lines.get(line).copied().unwrap_or(self.text.len())
    }

    /// Line and column of a byte, counted from 1, in characters.
    fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.line(offset);
        let before = self.text.get(self.start(line)..offset).unwrap_or_default();
        (line.saturating_add(1), before.chars().count().saturating_add(1))
    }
}

/// A location in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Location {
    /// The file.
    pub file: Arc<SourceFile>,
    /// The byte range; `None` for the whole file.
    pub span: Option<Range<usize>>,
}

impl Location {
    /// The whole file.
    pub fn whole(file: &Arc<SourceFile>) -> Self {
        Self { file: Arc::clone(file), span: None }
    }

    /// A byte range of a file; the whole file if the range is beyond its end.
    pub fn at(file: &Arc<SourceFile>, span: Range<usize>) -> Self {
        let inside = span.start <= span.end && file.text.get(span.clone()).is_some();
        Self { file: Arc::clone(file), span: inside.then_some(span) }
    }

    /// Whether a line of an excerpt is longer than so many bytes: one of the span, or next to it.
    pub fn has_longer_line(&self, most: usize) -> bool {
        let Some(Range { start, end }) = self.span else { return false };
        let (first, last) = (self.file.line(start).saturating_sub(1), self.file.line(end));
        let mut lines = first..=last.saturating_add(1);
        lines.any(|line| {
            let next = self.file.start(line.saturating_add(1));
            next.saturating_sub(self.file.start(line)) > most
        })
    }

    /// Line and column of the first byte and of the first byte after the span, counted from 1, in
    /// characters.
    pub fn lines(&self) -> Option<[(usize, usize); 2]> {
        let span = self.span.clone()?;
        Some([self.file.position(span.start), self.file.position(span.end)])
    }
}

/// `file`, or `file:line` if the line is known.
impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.lines() {
            Some([(line, _), _]) => write!(f, "{}:{line}", self.file.name),
            None => f.write_str(&self.file.name),
        }
    }
}

impl SourceCode for SourceFile {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        // miette counts lines from the start of the text that it reads, so it gets only the shown
        // lines and one on either side.
        let end = span.offset().saturating_add(span.len());
        let first = self.line(span.offset()).saturating_sub(before.saturating_add(1));
        let last = self.line(end).saturating_add(after).saturating_add(2);
        let from = self.start(first);
        let excerpt = self.text.get(from..self.start(last)).ok_or(MietteError::OutOfBounds)?;
        let within = span.offset().checked_sub(from).ok_or(MietteError::OutOfBounds)?;
        let read = excerpt.read_span(&(within, span.len()).into(), before, after)?;
        let shown = (from.saturating_add(read.span().offset()), read.span().len());
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            read.data(),
            shown.into(),
            first.saturating_add(read.line()),
            read.column(),
            read.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "one\ntwö 2\r\n\nfour\nfive\nsix\n\neight";

    #[test]
    fn lines_and_columns() {
        let file = Arc::new(SourceFile::new("a", TEXT));
        let lines = |span: Range<usize>| Location::at(&file, span).lines();
        assert_eq!(lines(0..3), Some([(1, 1), (1, 4)]));
        assert_eq!(lines(4..9), Some([(2, 1), (2, 5)]));
        assert_eq!(lines(3..4), Some([(1, 4), (2, 1)]));
        assert_eq!(lines(TEXT.len()..TEXT.len()), Some([(8, 6), (8, 6)]));
        assert_eq!(lines(0..TEXT.len().saturating_add(1)), None);
        assert_eq!(Location::at(&file, 13..14).to_string(), "a:4");
    }

    #[test]
    fn an_excerpt_is_what_miette_would_read_of_the_whole() {
        for text in [TEXT, "", "\n", "a", "a\n", "\n\n\n"] {
            let file = SourceFile::new("a", text);
            for (start, end) in (0..=text.len()).flat_map(|s| (s..=text.len()).map(move |e| (s, e)))
            {
                for around in 0..3 {
                    let span = SourceSpan::from(start..end);
                    let part = file.read_span(&span, around, around).expect("an excerpt");
                    let whole = text.read_span(&span, around, around).expect("an excerpt");
                    let at = format!("{text:?} {start}..{end} and {around} lines");
                    assert_eq!(part.data(), whole.data(), "{at}");
                    assert_eq!(part.span(), whole.span(), "{at}");
                    assert_eq!(part.line(), whole.line(), "{at}");
                    assert_eq!(part.column(), whole.column(), "{at}");
                }
            }
        }
    }
}
