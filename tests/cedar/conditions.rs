//! Generates conditions of every form on values of every kind. Most are well typed, and most test
//! with `has` first.

use super::choices::Choices;
use super::policies::{TYPES, filled};
use super::world::{PRICES, TEXTS};

/// The kind of a subexpression.
#[derive(Clone, Copy)]
enum Kind {
    Bool,
    Long,
    Decimal,
    Text,
    Entity,
    Record,
    /// A set of this element kind.
    Set(Element),
    /// A time, a duration or an address.
    Own,
}

/// The kind of a set's elements.
#[derive(Clone, Copy)]
enum Element {
    Long,
    Decimal,
    Text,
    Entity,
    Record,
}

const KINDS: [Kind; 12] = [
    Kind::Text,
    Kind::Long,
    Kind::Decimal,
    Kind::Bool,
    Kind::Entity,
    Kind::Record,
    Kind::Own,
    Kind::Set(Element::Text),
    Kind::Set(Element::Entity),
    Kind::Set(Element::Long),
    Kind::Set(Element::Decimal),
    Kind::Set(Element::Record),
];
const ELEMENTS: [Element; 5] =
    [Element::Text, Element::Long, Element::Entity, Element::Decimal, Element::Record];

const NAMES: [&str; 24] = [
    "flag",
    "n",
    "price",
    "text",
    "maybe",
    "nest",
    "deep",
    "either",
    "typeChoice0",
    "typeChoice1",
    "proj1",
    "input",
    "request",
    "token",
    "actor",
    "time",
    "source_ip",
    "trace_id",
    "method",
    "owner",
    "level",
    "marks",
    "size",
    "nothing",
];

impl Kind {
    /// The paths with this kind in calls, claims and entities.
    fn places(self) -> &'static [&'static str] {
        match self {
            Self::Bool => &[
                "context.input.flag",
                "context.input.nest.deep.flag",
                "resource.open",
                "principal.open",
                "context.actor.open",
            ],
            Self::Long => &[
                "context.input.n",
                "context.input.nest.size",
                "context.input.either.typeChoice1",
                "context.input.pair.proj1",
                "context.delegation.depth",
                "principal.level",
                "resource.size",
                "resource.meta.size",
                "context.actor.size",
            ],
            Self::Decimal => {
                &["context.input.price", "context.input.exact", "resource.price", "principal.price"]
            }
            Self::Text => &[
                "context.input.text",
                "context.input.id",
                "context.input.maybe",
                "context.input.nest.name",
                "context.input.either.typeChoice0",
                "context.input.pair.proj0",
                "context.request.method",
                "context.request.path",
                "context.request.environment",
                "context.request.trace_id",
                "context.token.issuer",
                "context.token.txn",
                "principal.tenant",
                "principal.manager",
                "resource.title",
                "resource.meta.name",
                "context.actor.title",
            ],
            Self::Entity => &[
                "principal",
                "resource",
                "action",
                "context.actor",
                "context.input.kind",
                "resource.owner",
                "resource.next.owner",
                "resource.dept.head",
                "resource.meta.owner",
                "principal.buddy",
                "context.actor.buddy",
            ],
            Self::Record => &[
                "context",
                "context.input",
                "context.request",
                "context.token",
                "context.delegation",
                "context.input.nest",
                "context.input.pair",
                "context.input.either",
                "resource.meta",
            ],
            Self::Set(Element::Long) => &["context.input.longs", "resource.sizes"],
            Self::Set(Element::Decimal) => &["context.input.prices", "resource.prices"],
            Self::Set(Element::Text) => &[
                "context.input.texts",
                "context.token.scopes",
                "principal.marks",
                "resource.marks",
            ],
            Self::Set(Element::Entity) => {
                &["context.delegation.agents", "context.input.kinds", "resource.readers"]
            }
            Self::Set(Element::Record) => &["context.input.parts"],
            Self::Own => &[
                "context.request.time",
                "context.request.source_ip",
                "context.input.at",
                "context.input.from",
                "context.input.span",
                "context.token.expires",
                "resource.since",
                "resource.from",
            ],
        }
    }
}

impl Element {
    fn kind(self) -> Kind {
        match self {
            Self::Long => Kind::Long,
            Self::Decimal => Kind::Decimal,
            Self::Text => Kind::Text,
            Self::Entity => Kind::Entity,
            Self::Record => Kind::Record,
        }
    }
}

/// A condition with this nesting depth. If `careful`, its evaluation never fails.
pub(super) fn condition(choices: &mut Choices<'_>, careful: bool, depth: usize) -> String {
    let less = depth.saturating_sub(1);
    let form = if depth == 0 { 0 } else { choices.below(9) };
    let mut part = || format!("({})", condition(choices, careful, less));
    match form {
        5 => format!("{} && {}", part(), part()),
        6 => format!("{} || {}", part(), part()),
        7 => format!("!{}", part()),
        8 => format!("(if {} then {} else {})", part(), part(), part()),
        _ => asked(choices, careful, less),
    }
}

/// An expression about values. Attributes that may be missing are usually tested with `has` first.
fn asked(choices: &mut Choices<'_>, careful: bool, depth: usize) -> String {
    let mut parts = Parts { choices, careful, depth, places: Vec::new() };
    let question = parts.question();
    let Parts { choices, places, .. } = parts;
    let mut conditions = Vec::new();
    if careful || !choices.once_in(6) {
        for place in places {
            conditions.extend(presence(place, choices.once_in(8)));
        }
    }
    conditions.dedup();
    conditions.push(format!("({question})"));
    conditions.join(" && ")
}

/// `has` tests for a path, step by step or at once.
fn presence(place: &str, at_once: bool) -> Vec<String> {
    let mut steps = place.split('.');
    let mut reached = steps.next().unwrap().to_owned();
    if at_once && let Some((variable, path)) = place.split_once('.') {
        return vec![format!("{variable} has {path}")];
    }
    let mut conditions = Vec::new();
    for step in steps {
        conditions.push(format!("{reached} has {step}"));
        reached = format!("{reached}.{step}");
    }
    conditions
}

/// The parts of one expression, and the paths that they read.
struct Parts<'a, 'c> {
    choices: &'a mut Choices<'c>,
    careful: bool,
    depth: usize,
    places: Vec<&'static str>,
}

impl Parts<'_, '_> {
    fn question(&mut self) -> String {
        match self.choices.below(14) {
            0..3 => {
                let kind = self.choices.of(&KINDS);
                self.join(kind, &["==", "!="], kind)
            }
            3 => {
                let kinds = [self.choices.of(&KINDS), self.choices.of(&KINDS)];
                self.join(kinds[0], &["==", "!="], kinds[1])
            }
            4 => self.join(Kind::Long, &["<", "<=", ">", ">="], Kind::Long),
            5 => {
                let names = ["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"];
                self.call(Kind::Decimal, &names, Kind::Decimal)
            }
            6 => {
                let pattern = self.choices.of(&["a*", "*", "*b", "", "*\\**", "a"]);
                format!("{} like \"{pattern}\"", self.value(Kind::Text))
            }
            7 => self.join(Kind::Entity, &["in"], Kind::Entity),
            8 => self.join(Kind::Entity, &["in"], Kind::Set(Element::Entity)),
            9 => {
                let entity = self.value(Kind::Entity);
                let within = if self.choices.once_in(2) { " in {X}" } else { "" };
                let form = format!("{entity} is {}{within}", self.choices.of(&TYPES));
                filled(self.choices, &form)
            }
            10 => {
                let kind = self.choices.of(&[Kind::Record, Kind::Record, Kind::Entity]);
                format!("{} has {}", self.value(kind), self.choices.of(&NAMES))
            }
            11 => {
                let element = self.choices.of(&ELEMENTS);
                self.call(Kind::Set(element), &["contains"], element.kind())
            }
            12 => {
                let set = Kind::Set(self.choices.of(&ELEMENTS));
                self.call(set, &["containsAll", "containsAny"], set)
            }
            _ if !self.careful => self.odd(),
            _ => self.value(Kind::Bool),
        }
    }

    /// An operation that is ill-typed for most kinds.
    fn odd(&mut self) -> String {
        let [one, other] = [self.choices.of(&KINDS), self.choices.of(&KINDS)];
        match self.choices.below(8) {
            0 => self.join(one, &["in", "<", "<="], other),
            1 => self.join(one, &["&&", "||"], other),
            2 => self.call(one, &["contains", "containsAll", "containsAny"], other),
            3 => self.call(one, &["lessThan", "greaterThanOrEqual"], other),
            4 => format!("{} {}", self.value(one), self.choices.of(&["is User", "like \"a*\""])),
            5 => format!("{} has {}", self.value(one), self.choices.of(&NAMES)),
            6 => format!("!{}", self.value(one)),
            _ => format!("{}.isEmpty()", self.value(one)),
        }
    }

    fn join(&mut self, one: Kind, operators: &[&str], other: Kind) -> String {
        let operator = self.choices.of(operators);
        format!("{} {operator} {}", self.value(one), self.value(other))
    }

    fn call(&mut self, one: Kind, methods: &[&str], other: Kind) -> String {
        let method = self.choices.of(methods);
        format!("{}.{method}({})", self.value(one), self.value(other))
    }

    /// An expression of a kind.
    fn value(&mut self, kind: Kind) -> String {
        match self.choices.below(8) {
            5 | 6 => format!("({})", self.literal(kind)),
            7 if self.depth > 0 => {
                let test = condition(self.choices, self.careful, self.depth - 1);
                format!("(if {test} then {} else {})", self.value(kind), self.value(kind))
            }
            _ => {
                let place = self.choices.of(kind.places());
                self.places.push(place);
                place.to_owned()
            }
        }
    }

    fn literal(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Bool => self.choices.of(&["true", "false"]).to_owned(),
            Kind::Long => self.choices.of(&["0", "1", "2", "4", "-1"]).to_owned(),
            Kind::Decimal if self.choices.once_in(3) => {
                let odd = ["01.5", "-0.0", "922337203685477.5807", "1.23456", "-.5"];
                let odd = if self.careful { &odd[..3] } else { &odd };
                format!("decimal(\"{}\")", self.choices.of(odd))
            }
            Kind::Decimal => format!("decimal(\"{}\")", self.choices.of(&PRICES)),
            Kind::Text if self.choices.once_in(3) => {
                format!("\"{}\"", self.choices.of(&["POST", "acme", "/fs", "test", "d0", "t"]))
            }
            Kind::Text => format!("\"{}\"", self.choices.of(&TEXTS)),
            Kind::Entity => {
                let forms = ["{P}", "{R}", "{G}", "{A}", "{D}", "{X}", "{C}", "{K}", "{K}"];
                let form = self.choices.of(&forms);
                filled(self.choices, form)
            }
            Kind::Record => format!("{{ name: {} }}", self.value(Kind::Text)),
            Kind::Set(element) => {
                let count = self.choices.below(4);
                let each = (0..count).map(|_| {
                    let odd = !self.careful && self.choices.once_in(10);
                    let any = odd.then(|| self.choices.of(&KINDS));
                    self.value(any.unwrap_or(element.kind()))
                });
                format!("[{}]", each.collect::<Vec<_>>().join(", "))
            }
            Kind::Own => {
                let own = ["datetime(\"1970-01-01\")", "ip(\"127.0.0.1\")", "duration(\"1h\")"];
                self.choices.of(&own).to_owned()
            }
        }
    }
}
