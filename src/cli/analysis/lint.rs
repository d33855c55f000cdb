//! Lints for bundles that load: rules that only `toolgate check` applies.
//!
//! A rule processes one policy at a time and keeps a summary of the others, so that the cost is
//! linear in the number of policies and not quadratic.

mod absence;
mod accept;
mod annotations;
mod argument;
mod cases;
mod channels;
mod claims;
mod contradictions;
mod covered;
mod delegation;
mod entities;
mod escalations;
mod expression;
mod facts;
mod foreign;
mod history;
mod lists;
mod principals;
mod reach;
mod resource;
mod scopes;
mod secrets;
mod untested;
mod world;

use std::collections::BTreeSet;

pub(in crate::cli) use accept::Reviewed;

use crate::bundle::{Code, Finding, HighRisk, Severity, Site};
use crate::cli::input::cases::Suite;
use crate::cli::input::directory::{self, Opened};
use crate::cli::output::fuzzy_match;
use crate::cli::output::report::Problem;
use world::World;

/// All findings about a bundle and its tests, warnings of loading included. Without a suite, the
/// tests could not be read and have no findings.
pub(in crate::cli) fn review(opened: &Opened, suite: Option<&Suite>) -> Reviewed {
    let world = World::of(opened);
    let mut findings = policies(&world);
    findings.extend(unknown_classes(&world));
    findings.extend(unused_patterns(&world));
    findings.extend(secrets::check(&world));
    findings.extend(principals::check(&world));
    findings.extend(channels::check(&world));
    findings.extend(channels::missing(&world));
    findings.extend(lists::check(&world));
    findings.extend(history::budgets(&world));
    findings.extend(scopes::check(&world));
    let mut problems = opened.warnings.clone();
    if let Some(suite) = suite {
        findings.extend(cases::untested(&world, suite));
        findings.extend(untested::check(&world, suite));
        problems.extend(cases::impossible(&world, suite));
    }
    problems.extend(findings.iter().map(|finding| opened.map.locate(finding)));
    let mut reviewed = accept::review(&opened.document.manifest.accept, problems);
    let own = reviewed.findings.iter().map(|finding| opened.map.locate(finding));
    reviewed.open.extend(own);
    reviewed.open = directory::in_order(reviewed.open);
    reviewed
}

/// What prevents that a bundle is built, and else the warnings about it that are not accepted.
///
/// # Errors
///
/// Everything that prevents it.
pub(in crate::cli) fn before_use(opened: &Opened) -> Result<Vec<Problem>, Vec<Problem>> {
    let reviewed = review(opened, None);
    let (errors, others): (Vec<_>, Vec<_>) = reviewed.open.into_iter().partition(Problem::is_error);
    if !errors.is_empty() {
        return Err(errors);
    }
    // Without the cases it is not known which acceptances are stale.
    let is_known = |problem: &Problem| problem.code != Some(Code::StaleAcceptance);
    let warnings = others.into_iter().filter(|problem| problem.severity() == Severity::Warning);
    Ok(warnings.filter(is_known).collect())
}

fn policies(world: &World<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let population = entities::Population::of(world);
    population.parents(world.document, &mut findings);
    let mut reach = reach::Reach::new(world);
    let mut covered = covered::Covered::new(world.entities());
    let mut choices = absence::Choices::default();
    let claims = claims::Claims::of(world);
    for (layer, policy) in world.policies() {
        let read = world.read(layer, policy);
        annotations::check(&read, &mut findings);
        population.check(&read, &mut findings);
        let permitted = reach.add(&read);
        // Other findings about a policy that never matches are consequences of that.
        if world.never_matches(policy.id()) {
            continue;
        }
        if let Some(why) = contradictions::find(&read.facts, world.entities()) {
            findings.push(read.finding(Code::Contradiction, why));
            continue;
        }
        findings.extend(permitted);
        findings.extend(resource::check(world, &read));
        findings.extend(foreign::check(world, &read));
        claims.check(&read, &mut findings);
        history::check(world, &read, &mut findings);
        escalations::check(world, &read, &mut findings);
        findings.extend(delegation::check(&read));
        if read.is_permit() || world.is_in_force(policy.id()) {
            covered.add(&read);
        }
        choices.add(world, &claims, read, &mut findings);
    }
    findings.extend(reach.findings());
    findings.extend(covered.findings());
    findings.extend(choices.findings(world));
    findings
}

/// Patterns of tool names that match no tool.
fn unused_patterns(world: &World<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (server, notes) in &world.document.manifest.servers {
        let tools = world.tools.iter().filter(|tool| tool.server() == server);
        let names: Vec<&str> = tools.map(|tool| tool.name()).collect();
        for (class, patterns) in &notes.classes {
            let unused = patterns.iter().filter(|it| !names.iter().any(|name| it.matches(name)));
            findings.extend(unused.map(|pattern| {
                let site = Site::Manifest(format!("servers.{server}.classes.{class}"));
                let pattern = pattern.as_str();
                let message = format!("no tool of the server has a name like `{pattern}`");
                Finding::new(Code::UnusedPattern, site, message)
            }));
        }
    }
    findings
}

/// Classes that the manifest marks as dangerous and no tool has.
fn unknown_classes(world: &World<'_>) -> Vec<Finding> {
    let known = world.tools.iter().flat_map(|tool| &tool.marks().classes);
    let known: BTreeSet<&str> = known.map(String::as_str).collect();
    let named = world.document.manifest.high_risk.0.iter().map(String::as_str);
    let unknown = named.filter(|name| *name != HighRisk::USUAL && !known.contains(name));
    unknown
        .map(|name| {
            let site = Site::Manifest("high_risk".to_owned());
            let finding =
                Finding::new(Code::UnknownClass, site, format!("no tool has the class `{name}`"));
            let help = fuzzy_match::did_you_mean(name, known.iter().copied());
            Finding { help, ..finding }
        })
        .collect()
}
