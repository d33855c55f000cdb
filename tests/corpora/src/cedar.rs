//! Runs Cedar's integration tests against the gate's own code.
//!
//! Every request is decided in four ways: the principal is a static entity or comes with the
//! request, like one built from claims; and the corpus's `context` becomes members of `context` or
//! arguments of a tool, in `context.input`. Each answer is compared with that of Cedar's authorizer
//! for the whole set and with the expected one of the corpus.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cedar_policy::{Context, Entities, EntityUid, PolicySet};
use cedar_policy_core::ast;

use crate::answer::Said;
use crate::case::{Case, Listed, Request};
use crate::exclusion::Exclusion;
use crate::files::Files;
use crate::gate::{Asked, Layer, Members, Reply, Store};
use crate::progress::Progress;
use crate::tally::Tally;

/// Evaluation needs stack space, especially without optimisation.
const STACK: usize = 64 << 20;

/// Runs every test of the files, or one in `every`.
pub(crate) fn run(name: &str, files: &Files, every: usize) -> Tally {
    let names: Vec<&str> = files.iter().map(|(name, _)| name).filter(|it| is_test(it)).collect();
    let names: Vec<&str> = names.into_iter().step_by(every).collect();
    let progress = Progress::new(name, names.len());
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let work = || {
        let mut own = Tally::default();
        while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
            run_one(files, name, &mut own);
            progress.step();
        }
        tally.lock().expect("no other thread panicked").add(own);
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            let thread = thread::Builder::new().stack_size(STACK);
            thread.spawn_scoped(scope, work).expect("there is memory for a thread");
        }
    });
    tally.into_inner().expect("no thread panicked")
}

fn is_test(name: &str) -> bool {
    let is_listing = name.starts_with("tests/") || name.starts_with("corpus-tests/");
    let name = Path::new(name);
    let is_json = name.extension().is_some_and(|extension| extension == "json");
    let is_entities =
        name.file_stem().is_some_and(|stem| stem.as_encoded_bytes().ends_with(b"entities"));
    is_listing && is_json && !is_entities
}

fn run_one(files: &Files, name: &str, tally: &mut Tally) {
    let case = match Case::read(files, name) {
        None => return tally.differed("reading", format!("{name} is not a file of requests")),
        Some(Err((rule, count))) => return tally.exclude(rule, count),
        Some(Ok(case)) => case,
    };
    tally.count("sets of policies", 1);
    let mut run = Run::new(name, &case, tally);
    for listed in &case.requests {
        match case.request(listed) {
            Err(rule) => run.tally.exclude(rule, 1),
            Ok(request) => run.ask(listed, &request),
        }
    }
}

/// A test that is run.
struct Run<'c> {
    name: &'c str,
    case: &'c Case,
    entities: Entities,
    plain: bool,
    on_members: Layer,
    on_arguments: Layer,
    everybody: Store,
    /// The entities without a principal.
    others: BTreeMap<EntityUid, Store>,
    tally: &'c mut Tally,
}

/// One of the four ways in which a request is decided.
#[derive(Clone, Copy)]
struct Way {
    is_admitted: bool,
    as_arguments: bool,
}

impl Way {
    fn how(self) -> &'static str {
        match (self.is_admitted, self.as_arguments) {
            (false, false) => "principal among the entities, context as members",
            (false, true) => "principal among the entities, context as arguments",
            (true, false) => "principal from claims, context as members",
            (true, true) => "principal from claims, context as arguments",
        }
    }
}

impl<'c> Run<'c> {
    fn new(name: &'c str, case: &'c Case, tally: &'c mut Tally) -> Self {
        let entities = case.entities();
        Self {
            name,
            case,
            plain: is_plain(&case.policies),
            on_members: Layer::new(&case.policies),
            on_arguments: Layer::new(&case.on_arguments),
            everybody: Store::new(entities.clone()),
            entities,
            others: BTreeMap::new(),
            tally,
        }
    }

    fn ask(&mut self, listed: &Listed, request: &Request) {
        self.tally.count("requests", 1);
        let cedars = self.by_cedar(request, &request.context);
        self.expect(listed, &cedars);
        for is_admitted in [false, true] {
            self.put(listed, request, Way { is_admitted, as_arguments: true }, &cedars);
        }
        let Some(context) = &request.with_own else {
            return self.tally.exclude(Exclusion::OwnMember, 1);
        };
        let cedars = self.by_cedar(request, context);
        if self.plain {
            self.expect(listed, &cedars);
        } else {
            self.tally.exclude(Exclusion::WholeContext, 1);
        }
        for is_admitted in [false, true] {
            self.put(listed, request, Way { is_admitted, as_arguments: false }, &cedars);
        }
    }

    fn by_cedar(&self, request: &Request, context: &Context) -> Said {
        Said::by_cedar(&request.in_cedar(context), &self.case.policies, &self.entities)
    }

    /// Compares Cedar's answer, which the gate's must equal, with the corpus.
    fn expect(&mut self, listed: &Listed, cedars: &Said) {
        let how = "Cedar's authorizer, as the corpus expects";
        let expected = listed.expected();
        if !self.case.has_entities() {
            self.tally.exclude(Exclusion::Elsewhere, 1);
        } else if *cedars == expected {
            self.tally.agreed(how);
        } else {
            let (name, what) = (self.name, listed.description());
            let difference = format!("{name}, {what}\nCedar:    {cedars}\nexpected: {expected}");
            self.tally.differed(how, difference);
        }
    }

    /// Decides a request with the gate and compares the answer with Cedar's.
    fn put(&mut self, listed: &Listed, request: &Request, way: Way, cedars: &Said) {
        let context = members(&request.context);
        let (members, arguments) =
            if way.as_arguments { (Members::new(), context) } else { (context, Members::new()) };
        let asked = Asked {
            principal: request.principal.as_ref(),
            action: request.action.as_ref(),
            resource: request.resource.as_ref(),
            members,
            arguments,
        };
        let layer = if way.as_arguments { &self.on_arguments } else { &self.on_members };
        let store = if way.is_admitted {
            let principal = request.principal.uid();
            let without = || Store::new(self.case.entities_without(&principal));
            self.others.entry(principal.clone()).or_insert_with(without)
        } else {
            &self.everybody
        };
        let reply = layer.ask(store, &asked);
        if let Ok(Reply { found, cedar, .. }) = &reply {
            let all = self.case.policies.num_of_policies();
            self.tally.count("policies of them, each time they were asked", all);
            self.tally.count("of these found by the index", *found);
            self.tally.count("of these answered by Cedar's evaluator, the others natively", *cedar);
        }
        match reply.map(|reply| reply.said) {
            Ok(ours) if ours == *cedars => self.tally.agreed(way.how()),
            Ok(ours) => self.differ(listed, way, &ours.to_string(), cedars),
            Err(refusal) => self.differ(listed, way, &refusal, cedars),
        }
    }

    fn differ(&mut self, listed: &Listed, way: Way, ours: &str, cedars: &Said) {
        let (name, what, how) = (self.name, listed.description(), way.how());
        let case = self.case;
        let policies = if way.as_arguments { &case.on_arguments } else { &case.policies };
        let said = format!("gate:  {ours}\nCedar: {cedars}");
        self.tally.differed(how, format!("{name}, {what}, {how}\n{said}\n{policies}"));
    }
}

fn members(context: &Context) -> Members<'_> {
    match context.as_ref() {
        ast::Context::Value(members) => {
            members.iter().map(|(name, value)| (name.as_str(), value)).collect()
        }
        ast::Context::RestrictedResidual(_) => Members::new(),
    }
}

/// Whether policies read only members of `context` that the gate leaves to the caller.
fn is_plain(policies: &PolicySet) -> bool {
    policies.policies().all(|policy| {
        let policy: &ast::Policy = policy.as_ref();
        let parts =
            || policy.non_scope_constraints().into_iter().flat_map(ast::Expr::subexpressions);
        let is_context =
            |part: &ast::Expr| matches!(part.expr_kind(), ast::ExprKind::Var(ast::Var::Context));
        let all = parts().filter(|part| is_context(part)).count();
        let plain = parts().filter(|part| match part.expr_kind() {
            ast::ExprKind::GetAttr { expr, attr } | ast::ExprKind::HasAttr { expr, attr } => {
                is_context(expr) && attr != "input" && attr != "request"
            }
            _ => false,
        });
        all == plain.count()
    })
}
