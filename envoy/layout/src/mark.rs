//! Instruments a module to mark the functions and branches that a call executes.
//!
//! Marks are bytes at the bottom of the stack, which is far larger than calls need. When a stream
//! begins, they are logged and cleared.

use wasm_encoder::reencode::Reencode;
use wasm_encoder::{BlockType, BranchHints, CodeSection, MemArg, MemArgTarget, ValType};

use crate::module::{Function, is_branch};
use crate::rewrite::Rewrite;
use crate::sightings::{AWAY, NOTHING, ON, marks};
use crate::{Error, Module};

const FIRST: i32 = 1024;
/// Marks use at most one in this many parts of the stack.
const MUCH: u32 = 4;
/// The callback at the start of a stream.
const BEGINNING: &str = "proxy_on_context_create";
const LOG: &str = "proxy_log";
/// The log level that is always logged.
const CRITICAL: i32 = 5;

const BYTE: MemArg =
    MemArg { offset: 0, align: 0, target: MemArgTarget::Memory(0), ordering: None };

/// The module, instrumented to log at each stream what the previous one executed.
///
/// # Errors
///
/// The module is not a filter, or cannot be rewritten.
pub fn marked(module: &Module<'_>) -> Result<Vec<u8>, Error> {
    let beginning = module.exported(BEGINNING).ok_or(Error::Lacks(BEGINNING))?;
    let log = *module.imported.get(LOG).ok_or(Error::Lacks(LOG))?;
    let length = room(module)?;
    let mut rewrite = Rewrite::new(module, (0..module.functions.len()).collect());
    let mut code = CodeSection::new();
    let mut mark = FIRST;
    for (place, function) in module.functions.iter().enumerate() {
        let mut output = with_local(&mut rewrite, function)?;
        if place == beginning {
            log_and_clear(&mut output, log, length);
        }
        code.function(with_marks(&mut rewrite, function, &mut output, &mut mark)?);
    }
    rewrite.finish(code, BranchHints::new()).map_err(Error::rewrite)
}

/// The number of bytes that marks take from the stack.
fn room(module: &Module<'_>) -> Result<i32, Error> {
    let length = i32::try_from(marks(module)).ok();
    let end = length.and_then(|length| length.checked_add(FIRST)?.try_into().ok());
    let fits = end.is_some_and(|end: u32| end <= module.data / MUCH);
    length.filter(|_| fits).ok_or(Error::Lacks("stack large enough for marks"))
}

/// The function's head, with one more local.
fn with_local(
    rewrite: &mut Rewrite<'_>,
    function: &Function<'_>,
) -> Result<wasm_encoder::Function, Error> {
    let mut locals = Vec::new();
    for local in function.body.get_locals_reader()? {
        let (count, kind) = local?;
        locals.push((count, rewrite.val_type(kind).map_err(Error::rewrite)?));
    }
    locals.push((1, ValType::I32));
    Ok(wasm_encoder::Function::new(locals))
}

fn log_and_clear(output: &mut wasm_encoder::Function, log: u32, length: i32) {
    output
        .instructions()
        .i32_const(CRITICAL)
        .i32_const(FIRST)
        .i32_const(length)
        .call(log)
        .drop()
        .i32_const(FIRST)
        .i32_const(NOTHING.into())
        .i32_const(length)
        .memory_fill(0);
}

fn with_marks<'o>(
    rewrite: &mut Rewrite<'_>,
    function: &Function<'_>,
    output: &'o mut wasm_encoder::Function,
    mark: &mut i32,
) -> Result<&'o wasm_encoder::Function, Error> {
    let mut next = || {
        let this = *mark;
        *mark += 1;
        this
    };
    output.instructions().i32_const(next()).i32_const((NOTHING | ON).into()).i32_store8(BYTE);
    for operator in function.body.get_operators_reader()? {
        let operator = operator?;
        if is_branch(&operator) {
            let (mark, taken) = (next(), function.locals);
            output
                .instructions()
                .local_set(taken)
                .i32_const(mark)
                .i32_const(mark)
                .i32_load8_u(BYTE)
                .local_get(taken)
                .if_(BlockType::Result(ValType::I32))
                .i32_const(AWAY.into())
                .else_()
                .i32_const(ON.into())
                .end()
                .i32_or()
                .i32_store8(BYTE)
                .local_get(taken);
        }
        output.instruction(&rewrite.instruction(operator).map_err(Error::rewrite)?);
    }
    Ok(output)
}
