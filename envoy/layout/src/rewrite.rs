//! Rewrites a module with its functions in another order and with new code.

use std::mem;

use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{BranchHints, CodeSection, ExportSection, FunctionSection, SectionId};
use wasmparser::{CodeSectionReader, CustomSectionReader, Export, FunctionSectionReader, Parser};

use crate::{Error, Module};

/// Stream callbacks that the filter does not implement. The SDK exports a no-op for each, which
/// Envoy would call for every log.
///
/// No other callback is removed. If the filter is configured for connections instead of HTTP, the
/// SDK panics and the connection is closed; without the callback, Envoy would let the connection
/// pass.
const UNANSWERED: [&str; 1] = ["proxy_on_log"];

type Result<T> = std::result::Result<T, reencode::Error<Error>>;

/// A module that is being rewritten. It renumbers functions wherever they are referenced.
pub(crate) struct Rewrite<'a> {
    module: &'a Module<'a>,
    order: Vec<usize>,
    numbers: Vec<u32>,
    code: CodeSection,
    hints: BranchHints,
}

impl<'a> Rewrite<'a> {
    /// `order` contains every index of [`Module::functions`] once.
    pub(crate) fn new(module: &'a Module<'a>, order: Vec<usize>) -> Self {
        let mut numbers: Vec<u32> = (0..module.imports).collect();
        let first = numbers.len();
        numbers.resize(first + order.len(), 0);
        for (&old, new) in order.iter().zip(module.imports..) {
            numbers[first + old] = new;
        }
        Self { module, order, numbers, code: CodeSection::new(), hints: BranchHints::new() }
    }

    /// The module with this code: one body per function, in the new order. Hints are in the order
    /// of the functions that have any.
    pub(crate) fn finish(mut self, code: CodeSection, hints: BranchHints) -> Result<Vec<u8>> {
        (self.code, self.hints) = (code, hints);
        let mut output = wasm_encoder::Module::new();
        let bytes = self.module.bytes;
        self.parse_core_module(&mut output, Parser::new(0), bytes)?;
        Ok(output.finish())
    }
}

impl Reencode for Rewrite<'_> {
    type Error = Error;

    fn function_index(&mut self, number: u32) -> Result<u32> {
        let new = usize::try_from(number).ok().and_then(|number| self.numbers.get(number));
        new.copied().ok_or(reencode::Error::UserError(Error::Lacks("function that it calls")))
    }

    fn parse_export(&mut self, exports: &mut ExportSection, export: Export<'_>) -> Result<()> {
        if UNANSWERED.contains(&export.name) {
            return Ok(());
        }
        reencode::utils::parse_export(self, exports, export)
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        _: FunctionSectionReader<'_>,
    ) -> Result<()> {
        for &place in &self.order {
            functions.function(self.module.functions[place].kind);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        _: CodeSectionReader<'_>,
    ) -> Result<()> {
        *code = mem::take(&mut self.code);
        Ok(())
    }

    fn intersperse_section_hook(
        &mut self,
        output: &mut wasm_encoder::Module,
        _: Option<SectionId>,
        next: Option<SectionId>,
    ) -> Result<()> {
        // Engines only recognize hints that precede the code.
        if next == Some(SectionId::Code) && !self.hints.is_empty() {
            output.section(&self.hints);
        }
        Ok(())
    }

    /// Drops names and other custom sections for tools.
    fn parse_custom_section(
        &mut self,
        _: &mut wasm_encoder::Module,
        _: CustomSectionReader<'_>,
    ) -> Result<()> {
        Ok(())
    }
}
