//! Tells somebody of new requests. Nothing waits for it.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;

use crate::approval::Binding;
use crate::cli::http::client;
use crate::cli::output::report::{self, Problem};

/// The most messages that wait to be sent. Further ones are dropped.
const WAITING: usize = 64;

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pauses after failed attempts.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// Sends messages from a thread of its own.
pub(super) struct Webhook(SyncSender<Value>);

impl Webhook {
    /// A webhook at a URL.
    pub(super) fn new(url: &str) -> Result<Self, Problem> {
        let agent = client::agent(url, PATIENCE, "https://chat.example.com/hooks/1")?;
        let (sender, messages) = sync_channel(WAITING);
        let url = url.to_owned();
        thread::spawn(move || send_all(&agent, &url, &messages));
        Ok(Self(sender))
    }

    /// Tells of a new request, without its arguments.
    pub(super) fn tell(&self, id: &str, binding: &Binding, page: &str) {
        let principal = &binding.subject.id;
        let message =
            json!({ "id": id, "tool": binding.action.name, "principal": principal, "url": page });
        if self.0.try_send(message).is_err() {
            report::talk("the webhook is too slow: a message was dropped\n");
        }
    }
}

fn send_all(agent: &Agent, url: &str, messages: &Receiver<Value>) {
    for message in messages {
        let text = message.to_string();
        let sent = PAUSES.iter().any(|pause| {
            let sent = send(agent, url, &text);
            if !sent {
                thread::sleep(*pause);
            }
            sent
        });
        // The URL may be a secret.
        if !sent && !send(agent, url, &text) {
            report::talk("the webhook does not answer: a message was dropped\n");
        }
    }
}

fn send(agent: &Agent, url: &str, text: &str) -> bool {
    let sent = agent.post(url).header("content-type", "application/json").send(text);
    sent.is_ok_and(|response| response.status().is_success())
}
