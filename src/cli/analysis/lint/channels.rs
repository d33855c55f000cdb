//! Finds channels that are likely of HTTP with SSE, the transport of 2024-11-05, and do not say so.

use super::world::World;
use crate::bundle::{Channel, Code, Finding, Site};

/// One finding for each such channel.
pub(super) fn check(world: &World<'_>) -> Vec<Finding> {
    let channels = &world.document.manifest.channels;
    let beside_stream = |channel: &Channel| {
        let streams = |other: &Channel| is_stream(other) || other.protocol.answers_on_stream();
        channels.iter().any(|other| other.server == channel.server && streams(other))
    };
    let silent = channels.iter().enumerate().filter(|(_, it)| !it.protocol.answers_on_stream());
    let likely =
        silent.filter(|(_, it)| is_stream(it) || (takes_messages(it) && beside_stream(it)));
    likely.map(|(position, channel)| finding(position, channel)).collect()
}

fn finding(position: usize, channel: &Channel) -> Finding {
    let site = Site::Manifest(format!("channels.{position}.path"));
    let message = format!("`{}` is likely a channel of HTTP with SSE", channel.path);
    let help = "add `protocol: sse`: clients of this transport ignore the reply to a refused call";
    Finding::new(Code::SseChannel, site, message).with_help(help)
}

fn is_stream(channel: &Channel) -> bool {
    last_segment(channel) == "sse"
}

fn takes_messages(channel: &Channel) -> bool {
    matches!(last_segment(channel), "message" | "messages")
}

fn last_segment(channel: &Channel) -> &str {
    let path = channel.path.trim_end_matches('/');
    path.rsplit('/').next().unwrap_or_default()
}
