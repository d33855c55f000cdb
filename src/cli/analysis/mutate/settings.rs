//! The changes of limits, windows and thresholds in `bundle.yaml`.

use crate::bundle::{Bundle, Manifest};
use crate::cli::analysis::recalled;
use crate::memory::{Amount, ONE, Span, Window};

/// A changed setting.
#[derive(Debug)]
pub(super) struct Setting {
    /// The key in `bundle.yaml`.
    pub(super) key: String,
    /// What is different, in words.
    pub(super) what: String,
    /// Which case would notice it.
    pub(super) hint: String,
    /// The manifest with the change.
    pub(super) manifest: Manifest,
}

/// The changes of one manifest so far.
struct Changes<'a> {
    manifest: &'a Manifest,
    settings: Vec<Setting>,
}

/// All changes of settings that something depends on: budgets that a tool spends, and what policies
/// read of windows, labels and runaway agents.
pub(super) fn all(manifest: &Manifest, bundle: &Bundle) -> Vec<Setting> {
    let mut changes = Changes { manifest, settings: Vec::new() };
    let layers = bundle.all_layers().iter();
    let policies = layers.flat_map(|layer| layer.policies().policies());
    let read: Vec<Vec<String>> = policies.flat_map(recalled::paths).collect();
    // A path that ends earlier reads everything below it.
    let reads = |wanted: &[&str]| {
        read.iter().any(|path| path.iter().zip(wanted).all(|(step, wanted)| step == wanted))
    };
    let of_history = |name: &str| reads(&["history", name]) || reads(&["transaction", name]);
    changes.budgets(bundle);
    for name in manifest.history.iter().flat_map(|history| history.windows.keys()) {
        if of_history(name) {
            changes.window(name);
        }
    }
    for label in manifest.history.iter().flat_map(|history| history.labels.keys()) {
        let is_read = ["history", "transaction"].iter().any(|of| reads(&[of, "labels", label]));
        if is_read {
            changes.label(label);
        }
    }
    changes.runaway(|member| reads(&["runaway", member]));
    changes.settings
}

impl Changes<'_> {
    fn add(
        &mut self,
        key: &str,
        (from, to): (String, String),
        hint: String,
        change: impl FnOnce(&mut Manifest),
    ) {
        let mut manifest = self.manifest.clone();
        change(&mut manifest);
        let what = format!("`{from}` becomes `{to}`");
        self.settings.push(Setting { key: key.to_owned(), what, hint, manifest });
    }

    fn budgets(&mut self, bundle: &Bundle) {
        let plan = bundle.memory.as_ref();
        let spent = |name: &str| {
            let mut tools = bundle.actions();
            plan.is_some_and(|plan| {
                tools.any(|tool| plan.budgets_of(tool).any(|budget| &*budget.title == name))
            })
        };
        for (name, budget) in self.manifest.budgets.iter().filter(|(name, _)| spent(name)) {
            let limit = budget.limit;
            for other in amounts(limit) {
                let hint = if other < limit {
                    format!(
                        "a case would notice whose calls spend exactly {limit} and are permitted"
                    )
                } else {
                    format!(
                        "a case would notice whose calls spend {other}, and of which the last one \
                         is refused with `budget_exceeded`"
                    )
                };
                let texts = (limit.to_string(), other.to_string());
                self.add(&format!("budgets.{name}.limit"), texts, hint, |manifest| {
                    manifest.budgets.entry(name.clone()).and_modify(|it| it.limit = other);
                });
            }
            for (other, texts) in spans(budget.window) {
                let is_shorter = other < budget.window;
                let (less, more) = ordered(&texts, is_shorter);
                let hint = match budget.kind {
                    Window::TokenBucket => {
                        "a case would notice for which what has fallen since the calls before just \
                         suffices, or just does not"
                            .to_owned()
                    }
                    Window::Sliding | Window::Fixed if is_shorter => format!(
                        "a case would notice that is refused because of a call between {less} and \
                         {more} before"
                    ),
                    Window::Sliding | Window::Fixed => format!(
                        "a case would notice that is permitted although a call between {less} and \
                         {more} before has used it up"
                    ),
                };
                self.add(&format!("budgets.{name}.window"), texts, hint, |manifest| {
                    manifest.budgets.entry(name.clone()).and_modify(|it| it.window = other);
                });
            }
        }
    }

    fn window(&mut self, name: &str) {
        let windows = self.manifest.history.iter().flat_map(|history| &history.windows);
        let spans_of = windows.filter(|(known, _)| *known == name).map(|(_, span)| *span);
        for span in spans_of.collect::<Vec<_>>() {
            for (other, texts) in spans(span) {
                let hint = counted("a call", &texts, other < span);
                self.add(&format!("history.windows.{name}"), texts, hint, |manifest| {
                    if let Some(history) = &mut manifest.history {
                        history.windows.insert(name.to_owned(), other);
                    }
                });
            }
        }
    }

    fn label(&mut self, label: &str) {
        let labels = self.manifest.history.iter().flat_map(|history| &history.labels);
        let spans_of = labels.filter(|(known, _)| *known == label).map(|(_, span)| *span);
        for span in spans_of.collect::<Vec<_>>() {
            for (other, texts) in spans(span) {
                let hint = counted("a call that attaches it", &texts, other < span);
                self.add(&format!("history.labels.{label}"), texts, hint, |manifest| {
                    if let Some(history) = &mut manifest.history {
                        history.labels.insert(label.to_owned(), other);
                    }
                });
            }
        }
    }

    fn runaway(&mut self, reads: impl Fn(&str) -> bool) {
        let Some(runaway) = &self.manifest.runaway else { return };
        if let Some(most) = runaway.identical.filter(|_| reads("identical")) {
            self.number("identical", most, "calls in a row that are the same", |it, other| {
                it.identical = Some(other);
            });
        }
        if let Some(storm) = runaway.refusals.as_ref().filter(|_| reads("refusals")) {
            let storm = storm.clone();
            self.number("refusals.count", storm.count, "refusals", |it, other| {
                it.refusals.iter_mut().for_each(|storm| storm.count = other);
            });
            self.span("refusals.within", storm.within, "a refusal", |it, other| {
                it.refusals.iter_mut().for_each(|storm| storm.within = other);
            });
            self.span("refusals.lasts", storm.lasts, "the last refusal", |it, other| {
                it.refusals.iter_mut().for_each(|storm| storm.lasts = other);
            });
        }
        if let Some(rate) = runaway.rate.as_ref().filter(|_| reads("rate")) {
            let rate = rate.clone();
            self.number("rate.count", rate.count, "calls", |it, other| {
                it.rate.iter_mut().for_each(|rate| rate.count = other);
            });
            self.number("rate.times", rate.times, "times the usual rate", |it, other| {
                it.rate.iter_mut().for_each(|rate| rate.times = other);
            });
            self.span("rate.within", rate.within, "a call", |it, other| {
                it.rate.iter_mut().for_each(|rate| rate.within = other);
            });
            self.span("rate.over", rate.over, "a call", |it, other| {
                it.rate.iter_mut().for_each(|rate| rate.over = other);
            });
        }
    }

    fn number(
        &mut self,
        key: &str,
        number: u32,
        of: &str,
        set: impl Fn(&mut crate::memory::RunawaySettings, u32),
    ) {
        let others = [number.checked_sub(1), number.checked_add(1)].into_iter().flatten();
        for other in others.filter(|other| *other > 0) {
            // The smaller of both is where they differ.
            let hint = format!("a case would notice with exactly {} {of}", number.min(other));
            let texts = (number.to_string(), other.to_string());
            self.add(&format!("runaway.{key}"), texts, hint, |manifest| {
                manifest.runaway.iter_mut().for_each(|runaway| set(runaway, other));
            });
        }
    }

    fn span(
        &mut self,
        key: &str,
        span: Span,
        of: &str,
        set: impl Fn(&mut crate::memory::RunawaySettings, Span),
    ) {
        for (other, texts) in spans(span) {
            let hint = counted(of, &texts, other < span);
            self.add(&format!("runaway.{key}"), texts, hint, |manifest| {
                manifest.runaway.iter_mut().for_each(|runaway| set(runaway, other));
            });
        }
    }
}

fn counted(what: &str, texts: &(String, String), is_shorter: bool) -> String {
    let (less, more) = ordered(texts, is_shorter);
    let counts = if is_shorter { "still counts" } else { "does not count any more" };
    format!("a case would notice with {what} between {less} and {more} before, which {counts}")
}

/// The shorter of both texts, and the longer one.
fn ordered((from, to): &(String, String), is_shorter: bool) -> (&str, &str) {
    if is_shorter { (to, from) } else { (from, to) }
}

/// The amounts one unit of the last digit lower and higher.
fn amounts(amount: Amount) -> impl Iterator<Item = Amount> {
    let units = amount.units();
    let steps = [ONE, 1000, 100, 10];
    let step = steps.into_iter().find(|step| units.checked_rem(*step) == Some(0)).unwrap_or(1);
    let others = [units.checked_sub(step), units.checked_add(step)].into_iter().flatten();
    others.filter(|units| *units > 0).map(Amount::of_units)
}

/// The seconds of units of time.
const UNITS: [(u64, &str); 4] = [(86_400, "days"), (3600, "h"), (60, "m"), (1, "s")];

/// The spans one unit shorter and longer, each with both as text. The unit is the largest of which
/// there are several.
fn spans(span: Span) -> Vec<(Span, (String, String))> {
    let seconds = span.millis() / 1000;
    let several = |(unit, _): &&(u64, &str)| {
        seconds.checked_rem(*unit) == Some(0) && seconds.checked_div(*unit) > Some(1)
    };
    let unit = UNITS.iter().find(several).map_or(1, |(unit, _)| *unit);
    let others = [seconds.checked_sub(unit), seconds.checked_add(unit)].into_iter().flatten();
    let others = others.filter_map(|other| {
        let text = written(other);
        Some((Span::try_from(text.clone()).ok()?, (written(seconds), text)))
    });
    others.collect()
}

fn written(seconds: u64) -> String {
    let fits = |(unit, _): &&(u64, &str)| {
        seconds.checked_rem(*unit) == Some(0) && (*unit < 86_400 || seconds > *unit)
    };
    let (unit, name) = UNITS.iter().find(fits).unwrap_or(&(1, "s"));
    format!("{}{name}", seconds.checked_div(*unit).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_next_to_a_span_has_its_unit() {
        for (span, expected) in [
            ("1h", ["59m", "61m"]),
            ("24h", ["23h", "25h"]),
            ("7days", ["6days", "8days"]),
            ("10m", ["9m", "11m"]),
            ("90s", ["89s", "91s"]),
            ("1m", ["59s", "61s"]),
        ] {
            let spans = spans(Span::try_from(span.to_owned()).unwrap());
            let others: Vec<&str> = spans.iter().map(|(_, (_, to))| to.as_str()).collect();
            assert_eq!(others, expected, "{span}");
        }
        let least = spans(Span::try_from("1s".to_owned()).unwrap());
        assert_eq!(least.len(), 1);
    }

    #[test]
    fn what_is_next_to_an_amount_has_its_digits() {
        for (units, expected) in [
            (20_000_000, vec!["1999", "2001"]),
            (5000, vec!["0.4", "0.6"]),
            (123_456, vec!["12.3455", "12.3457"]),
            (10_000, vec!["2"]),
        ] {
            let others: Vec<String> =
                amounts(Amount::of_units(units)).map(|amount| amount.to_string()).collect();
            assert_eq!(others, expected);
        }
    }
}
