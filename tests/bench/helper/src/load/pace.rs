//! When each request is due.

use std::cell::Cell;
use std::time::{Duration, Instant};

use rustix::fd::OwnedFd;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::sync::Semaphore;

/// Whose turn it is, and since when.
pub(crate) struct Turn {
    pub(crate) number: u64,
    pub(crate) due: Instant,
}

/// Hands out turns: in an open loop when the clock says so, in a closed one whenever asked.
pub(crate) struct Pace {
    next: Cell<u64>,
    count: u64,
    open: Option<Open>,
}

/// A loop whose requests are due at fixed times, answered or not.
struct Open {
    started: Instant,
    interval: Duration,
    due: Semaphore,
    // Tokio's own timers know milliseconds only.
    timer: AsyncFd<OwnedFd>,
}

impl Pace {
    pub(crate) fn new(started: Instant, count: u64, rate: Option<f64>) -> anyhow::Result<Self> {
        let open = rate.map(|rate| Open::new(started, Duration::from_secs_f64(1.0 / rate)));
        Ok(Self { next: Cell::new(0), count, open: open.transpose()? })
    }

    /// Lets requests become due until all are.
    pub(crate) async fn keep(&self) -> anyhow::Result<()> {
        let Some(open) = &self.open else { return Ok(()) };
        let mut due = 0;
        while due < self.count {
            let ticks = open.ticks().await?.min(self.count - due);
            open.due.add_permits(usize::try_from(ticks)?);
            due += ticks;
        }
        // Whoever waits now is told that there is nothing left.
        open.due.close();
        Ok(())
    }

    /// The next turn, as soon as it is due; none when all are taken.
    pub(crate) async fn turn(&self) -> anyhow::Result<Option<Turn>> {
        if let Some(open) = &self.open
            && let Ok(permit) = open.due.acquire().await
        {
            permit.forget();
        }
        let number = self.next.get();
        if number == self.count {
            return Ok(None);
        }
        self.next.set(number + 1);
        let due = match &self.open {
            Some(open) => open.started + open.interval * u32::try_from(number + 1)?,
            None => Instant::now(),
        };
        Ok(Some(Turn { number, due }))
    }
}

impl Open {
    fn new(started: Instant, interval: Duration) -> anyhow::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let every = Timespec::try_from(interval)?;
        let schedule = Itimerspec { it_interval: every, it_value: every };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &schedule)?;
        #[expect(
            deprecated,
            reason = "it owns the descriptor, and what comes in its place is unsafe"
        )]
        let timer = AsyncFd::new(timer)?;
        Ok(Self { started, interval, due: Semaphore::new(0), timer })
    }

    /// How many requests have become due since the last call.
    async fn ticks(&self) -> anyhow::Result<u64> {
        loop {
            let mut ready = self.timer.readable().await?;
            let mut ticks = [0; 8];
            let read = ready.try_io(|timer| Ok(rustix::io::read(timer, &mut ticks)?));
            if let Ok(read) = read {
                read?;
                return Ok(u64::from_ne_bytes(ticks));
            }
        }
    }
}
