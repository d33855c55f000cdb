//! Refuses requests about tasks that calls of others have made.

use super::memory::refuse;
use super::pending::Pending;
use crate::decide::{Denial, Verdict};
use crate::gate::Gate;
use crate::mcp::Message;
use crate::memory::{Lessons, OwnTasks, Task};
use crate::reason::Reason;

impl Pending {
    /// The verdict about a message, which is refused if it is about a task, or belongs to one, that the
    /// sender has not made. A task of somebody else is as unknown as one that does not exist.
    pub(super) fn refusing_tasks_of_others(
        &self,
        gate: &Gate,
        message: &Message<'_>,
        mut verdict: Verdict,
    ) -> Verdict {
        if gate.bundle.binds_tasks
            && message.names_tasks()
            && let Err(detail) = self.check_tasks(gate, message)
        {
            let detail = Some(detail.to_owned());
            refuse(&mut verdict, &Denial { detail, ..Denial::because(Reason::TaskMismatch) });
        }
        verdict
    }

    /// What a resumed stream changes: it has responses to earlier requests, and only the session proves
    /// whose these are.
    pub(super) fn of_resumed_stream(&self, gate: &Gate) -> Lessons {
        let lessons = self.of_any_call(gate);
        match (&self.session, &self.sender.owners) {
            (Some(_), Some(owners)) => lessons.making_tasks(owners, &self.server),
            (None, _) | (_, None) => lessons,
        }
    }

    /// The error is why a request is refused.
    fn check_tasks(&self, gate: &Gate, message: &Message<'_>) -> Result<(), &'static str> {
        let ids = message.task_ids().ok_or("the request does not say which task it is about")?;
        let (Some(owners), Some(recalled)) = (&self.sender.owners, &self.recalled) else {
            return Err("what is remembered was not read");
        };
        let tasks = OwnTasks::of(owners, recalled);
        let own =
            ids.into_iter().map(|id| tasks.find(&self.server, id)).collect::<Option<Vec<_>>>();
        let mut own = own.ok_or("no call of the principal and the actor has made this task")?;
        // One decision for each tool.
        own.sort_unstable_by_key(|task| task.tool());
        own.dedup_by_key(|task| task.tool());
        if own.into_iter().all(|task| self.can_call_its_tool(gate, task)) {
            return Ok(());
        }
        Err("the tool that made this task is not for the sender any more")
    }

    /// Whether the sender can still call the tool that made a task.
    fn can_call_its_tool(&self, gate: &Gate, task: &Task) -> bool {
        let Some(plan) = &gate.bundle.memory else { return false };
        let mut tools = gate.bundle.tools_behind(&self.server);
        tools.any(|tool| task.can_be_of(plan, tool) && !self.hides(gate, tool))
    }
}
