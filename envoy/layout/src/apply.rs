//! Applies a profile to a module.

use std::collections::HashMap;
use std::fmt::{self, Display};

use wasm_encoder::reencode::Reencode;
use wasm_encoder::{BranchHint, BranchHints, CodeSection};

use crate::module::{Function, is_branch};
use crate::profile::{Known, Way};
use crate::rewrite::Rewrite;
use crate::{Error, Module, Profile};

/// How well a profile fits the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    /// The number of the profile's functions that the module has.
    pub found: usize,
    /// The number of those that are unchanged, so that their branches are known.
    pub unchanged: usize,
    /// The number of functions in the profile.
    pub known: usize,
}

impl Fit {
    /// Whether at least half of the profile is about the module as it is.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.unchanged * 2 >= self.known
    }
}

impl Display for Fit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, unchanged, known } = self;
        write!(out, "of {known} functions in the profile {found} found, {unchanged} unchanged")
    }
}

/// The module with the functions of the profile first, with branch hints, and without names.
///
/// # Errors
///
/// The module cannot be rewritten.
pub fn laid_out(module: &Module<'_>, profile: &Profile) -> Result<(Vec<u8>, Fit), Error> {
    let found = find(module, profile);
    let mut known = vec![None; module.functions.len()];
    let mut order = Vec::with_capacity(known.len());
    for (place, function) in found {
        known[place] = Some(function);
        order.push(place);
    }
    let found = order.len();
    order.extend((0..known.len()).filter(|&place| known[place].is_none()));

    let mut unchanged = 0;
    let mut rewrite = Rewrite::new(module, order.clone());
    let (mut code, mut hints) = (CodeSection::new(), BranchHints::new());
    for (place, number) in order.into_iter().zip(module.imports..) {
        let function = &module.functions[place];
        let ways = known[place].filter(|known| is_unchanged(function, known));
        unchanged += usize::from(ways.is_some());
        let ways = ways.map_or(&[][..], |known| &known.ways);
        let (body, hinted) = written(&mut rewrite, function, ways)?;
        code.function(&body);
        if !hinted.is_empty() {
            hints.function_hints(number, hinted);
        }
    }
    let bytes = rewrite.finish(code, hints).map_err(Error::rewrite)?;
    Ok((bytes, Fit { found, unchanged, known: profile.functions.len() }))
}

/// Whether the function seems unchanged, as far as the profile shows. A changed function that seems
/// unchanged gets wrong hints, and is slower.
fn is_unchanged(function: &Function<'_>, known: &Known) -> bool {
    (function.operators, function.branches) == (known.operators, known.ways.len())
}

/// The index of each function of the profile in the module. Functions with the same name are
/// distinguished by their code; changed ones are matched with the remaining functions of that name.
fn find<'p>(module: &Module<'_>, profile: &'p Profile) -> Vec<(usize, &'p Known)> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, function) in module.functions.iter().enumerate() {
        places.entry(&function.name).or_default().push(place);
    }
    let mut found = vec![None; profile.functions.len()];
    let changes: [fn(&Function<'_>, &Known) -> bool; 2] = [is_unchanged, |_, _| true];
    for is_it in changes {
        for (known, found) in profile.functions.iter().zip(&mut found) {
            let Some(places) = places.get_mut(known.name.as_str()) else { continue };
            let it = places.iter().position(|&place| is_it(&module.functions[place], known));
            if found.is_none() {
                *found = it.map(|at| (places.remove(at), known));
            }
        }
    }
    found.into_iter().flatten().collect()
}

fn written(
    rewrite: &mut Rewrite<'_>,
    function: &Function<'_>,
    ways: &[Way],
) -> Result<(wasm_encoder::Function, Vec<BranchHint>), Error> {
    let body = &function.body;
    let mut output = rewrite.new_function_with_parsed_locals(body).map_err(Error::rewrite)?;
    let mut hints = Vec::new();
    let mut ways = ways.iter();
    for operator in body.get_operators_reader()? {
        let operator = operator?;
        if is_branch(&operator) {
            let hint = match ways.next() {
                Some(Way::On) => Some(0),
                Some(Way::Away) => Some(1),
                Some(Way::Unmet | Way::Both) | None => None,
            };
            let offset = u32::try_from(output.byte_len());
            let branch_func_offset = offset.map_err(|_| Error::Lacks("functions of a size"))?;
            hints.extend(
                hint.map(|branch_hint_value| BranchHint { branch_func_offset, branch_hint_value }),
            );
        }
        output.instruction(&rewrite.instruction(operator).map_err(Error::rewrite)?);
    }
    Ok((output, hints))
}
