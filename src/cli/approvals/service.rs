//! The state of the service, and everything that changes it.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use super::decision::{self, Ruled};
use super::journal::{Journal, Line};
use super::ledger::{Entry, Ledger, Standing};
use super::settings::Settings;
use super::signed::Signed;
use super::webhook::Webhook;
use crate::approval::{Answer, Approval, Request, Ruling, Status};
use crate::cli::clock;
use crate::cli::http::Refused;
use crate::cli::output::exit::Stop;
use crate::cli::output::report;
use crate::cli::random;
use crate::json;

/// The most requests whose answers are held back.
const WAITING: usize = 256;

/// The approval service.
pub(super) struct Approvals {
    pub(super) settings: Settings,
    ledger: RefCell<Ledger>,
    journal: RefCell<Option<(PathBuf, Journal)>>,
    webhook: Option<Webhook>,
    /// Somebody has decided, or the process ends.
    changed: Notify,
    waiting: Semaphore,
    stopping: Cell<bool>,
}

impl Approvals {
    /// The service with what its state file has.
    pub(super) fn open(settings: Settings) -> Result<Self, Stop> {
        let (mut ledger, mut journal) = (Ledger::default(), None);
        if let Some(path) = &settings.state {
            let own = settings.key.public();
            let (opened, known, unread) = Journal::open(path, &settings.gates, own)?;
            if unread > 0 {
                let lines = report::counted(unread, "line");
                report::talk(&format!(
                    "warning: {lines} of `{}` are left out: no given key verifies them, or they \
                     were broken off\n",
                    path.display()
                ));
            }
            ledger = known;
            journal = Some((path.clone(), opened));
        }
        Ok(Self {
            webhook: settings.webhook.as_deref().map(Webhook::new).transpose()?,
            settings,
            ledger: RefCell::new(ledger),
            journal: RefCell::new(journal),
            changed: Notify::new(),
            waiting: Semaphore::new(WAITING),
            stopping: Cell::new(false),
        })
    }

    /// Takes a request. The answer has the decision, if there is one that was not handed out.
    pub(super) fn ask(
        &self,
        request: Signed<Request>,
        now: i64,
    ) -> Result<(String, Answer), Refused> {
        let standing = self.ledger.borrow().standing(&request.claims, now);
        match standing {
            Standing::Answered => Err(Refused::new(
                422,
                "this request was answered before; a new one for the same is put to people again",
            )),
            Standing::Full(why) => Err(Refused::new(503, why)),
            Standing::Decided(id) => {
                let answer = self.collect(&id, now)?.unwrap_or(PENDING);
                Ok((id, answer))
            }
            Standing::Waits { id, newer } => {
                if newer {
                    self.enter(&id, now, request)?;
                }
                Ok((id, PENDING))
            }
            Standing::New => {
                let id = identifier()?;
                let binding = request.claims.binding.clone();
                self.enter(&id, now, request)?;
                if let Some(webhook) = &self.webhook {
                    webhook.tell(&id, &binding, &self.settings.page(&id));
                }
                Ok((id, PENDING))
            }
        }
    }

    /// Waits until the decision about a request can be handed out.
    pub(super) async fn wait(
        &self,
        id: &str,
        patience: Duration,
    ) -> Result<Option<Answer>, Refused> {
        let Ok(_place) = self.waiting.try_acquire() else { return Ok(None) };
        timeout(patience, self.outcome(id)).await.unwrap_or(Ok(None))
    }

    async fn outcome(&self, id: &str) -> Result<Option<Answer>, Refused> {
        loop {
            let mut changed = pin!(self.changed.notified());
            // What changes from here on is noticed.
            changed.as_mut().enable();
            let now = now();
            if let Some(answer) = self.collect(id, now)? {
                return Ok(Some(answer));
            }
            let waits = self.look(|ledger| ledger.get(id).is_some_and(|it| it.is_pending(now)));
            if self.stopping.get() || !waits {
                return Ok(None);
            }
            changed.await;
        }
    }

    /// Decides a request that waits.
    pub(super) fn decide(&self, id: &str, ruled: Ruled, now: i64) -> Result<(), Refused> {
        let approval = {
            let ledger = self.ledger.borrow();
            let entry = ledger.get(id).filter(|entry| entry.is_pending(now));
            let entry = entry.ok_or_else(|| Refused::new(409, "the request does not wait"))?;
            let Settings { name, key, valid_for, .. } = &self.settings;
            let jti = identifier()?;
            decision::decide(&entry.request, ruled, &jti, (name, key), (now, *valid_for))
                .map_err(|why| Refused::new(400, why))?
        };
        self.note(&Line::Decided { id: id.to_owned(), approval: approval.token.clone() })?;
        self.ledger.borrow_mut().decide(id, approval);
        self.changed.notify_waiters();
        Ok(())
    }

    /// Looks at what is known.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&self.ledger.borrow())
    }

    /// Has everything that waits answered.
    pub(super) fn stop(&self) {
        self.stopping.set(true);
        self.changed.notify_waiters();
    }

    /// The decision about a request, if it can be handed out: once.
    fn collect(&self, id: &str, now: i64) -> Result<Option<Answer>, Refused> {
        if !self.ledger.borrow().get(id).is_some_and(|entry| entry.is_due(now)) {
            return Ok(None);
        }
        self.note(&Line::HandedOut { id: id.to_owned() })?;
        Ok(self.ledger.borrow_mut().hand_out(id, now).map(answer))
    }

    fn enter(&self, id: &str, now: i64, request: Signed<Request>) -> Result<(), Refused> {
        let token = request.token.clone();
        self.note(&Line::Asked { id: id.to_owned(), at: now, request: token })?;
        self.ledger.borrow_mut().ask(id, now, request);
        Ok(())
    }

    fn note(&self, line: &Line) -> Result<(), Refused> {
        let mut journal = self.journal.borrow_mut();
        let Some((path, journal)) = journal.as_mut() else { return Ok(()) };
        journal.add(path, line, &self.ledger.borrow()).map_err(|error| {
            report::talk(&format!("{error}\n"));
            Refused::new(503, "the state cannot be written")
        })
    }
}

/// Nobody has decided.
const PENDING: Answer = Answer { status: Status::Pending, approval: None };

fn answer(approval: &Signed<Approval>) -> Answer {
    Answer { status: status(approval.claims.decision), approval: Some(approval.token.clone()) }
}

fn status(ruling: Ruling) -> Status {
    match ruling {
        Ruling::Approved => Status::Approved,
        Ruling::Denied => Status::Denied,
    }
}

/// An id that nobody can guess.
fn identifier() -> Result<String, Refused> {
    let bytes: [u8; 16] =
        random::bytes().map_err(|_| Refused::new(503, "the system gives no random numbers"))?;
    Ok(bytes.into_iter().flat_map(json::hex).map(char::from).collect())
}

/// The time in seconds since the epoch.
pub(super) fn now() -> i64 {
    clock::now().timestamp()
}

/// Whether an approver is one of those who ask.
pub(super) fn takes_part<'a>(entry: &Entry, mut names: impl Iterator<Item = &'a str>) -> bool {
    let binding = entry.binding();
    names.any(|name| {
        binding.subject.id == name || binding.context.chain.iter().any(|agent| agent == name)
    })
}
