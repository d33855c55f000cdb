//! Reads event streams (`text/event-stream`) line by line.

/// An event stream while it is read.
#[derive(Debug, Default)]
pub(super) struct Events {
    data: Vec<String>,
}

impl Events {
    /// Takes the next line. The data of an event, if the line ends one that has any.
    pub(super) fn line(&mut self, line: &str) -> Option<String> {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if let Some(piece) = line.strip_prefix("data:") {
            self.data.push(piece.strip_prefix(' ').unwrap_or(piece).to_owned());
            return None;
        }
        if !line.is_empty() {
            return None;
        }
        let data = std::mem::take(&mut self.data);
        data.iter().any(|piece| !piece.is_empty()).then(|| data.join("\n"))
    }
}

/// The data of each event, if the text is an event stream.
pub(super) fn all(text: &str) -> Option<Vec<String>> {
    if !text.lines().any(|line| line.starts_with("data:")) || text.starts_with(['{', '[']) {
        return None;
    }
    let mut events = Events::default();
    Some(text.lines().chain([""]).filter_map(|line| events.line(line)).collect())
}
