//! Parses what rewriting a module requires.

use std::collections::HashMap;

use wasmparser::{
    CompositeInnerType, Data, DataKind, ExternalKind, FunctionBody, KnownCustom, Name, Operator,
    Parser, Payload, SubType, TypeRef,
};

use crate::Error;

/// A module with its functions. Imports precede them in every index space, and are not included
/// here.
pub struct Module<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) imports: u32,
    /// The lowest address with data. The stack is below it.
    pub(crate) data: u32,
    pub(crate) exports: HashMap<&'a str, u32>,
    pub(crate) imported: HashMap<&'a str, u32>,
    /// In the order of the module.
    pub(crate) functions: Vec<Function<'a>>,
}

/// A function that the module defines.
pub(crate) struct Function<'a> {
    /// The name as in source code, without the part that depends on the build of a crate. Empty if
    /// the module does not contain it.
    pub(crate) name: String,
    pub(crate) kind: u32,
    pub(crate) body: FunctionBody<'a>,
    /// The number of locals, including parameters.
    pub(crate) locals: u32,
    /// The number of operators. Together with [`Function::branches`] it shows whether a function is
    /// unchanged.
    pub(crate) operators: usize,
    /// The number of two-way branches among the operators.
    pub(crate) branches: usize,
}

/// Whether this operator is a two-way branch.
pub(crate) fn is_branch(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::BrIf { .. } | Operator::If { .. })
}

fn parameters(kind: &SubType) -> Option<u32> {
    match &kind.composite_type.inner {
        CompositeInnerType::Func(function) => u32::try_from(function.params().len()).ok(),
        _ => None,
    }
}

/// The address of a data segment, if the module specifies one.
fn address(data: &Data<'_>) -> Result<Option<u32>, Error> {
    let DataKind::Active { offset_expr, .. } = &data.kind else { return Ok(None) };
    match offset_expr.get_operators_reader().read()? {
        Operator::I32Const { value } => Ok(Some(value.cast_unsigned())),
        _ => Ok(None),
    }
}

impl<'a> Module<'a> {
    /// Parses a module.
    ///
    /// # Errors
    ///
    /// It is not WebAssembly, or does not name its functions.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut module = Self {
            bytes,
            imports: 0,
            data: 0,
            exports: HashMap::new(),
            imported: HashMap::new(),
            functions: Vec::new(),
        };
        let (mut types, mut kinds) = (Vec::new(), Vec::new());
        let mut names = HashMap::new();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        types.extend(group?.into_types().map(|each| parameters(&each)));
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import?;
                        if matches!(import.ty, TypeRef::Func(_)) {
                            module.imported.insert(import.name, module.imports);
                            module.imports += 1;
                        }
                    }
                }
                Payload::FunctionSection(functions) => {
                    kinds = functions.into_iter().collect::<Result<_, _>>()?;
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        if export.kind == ExternalKind::Func {
                            module.exports.insert(export.name, export.index);
                        }
                    }
                }
                Payload::DataSection(section) => {
                    let addresses = section.into_iter().map(|data| address(&data?));
                    let addresses = addresses.collect::<Result<Vec<_>, _>>()?;
                    module.data = addresses.into_iter().flatten().min().unwrap_or(0);
                }
                Payload::CodeSectionEntry(body) => {
                    let kind = kinds.get(module.functions.len()).copied();
                    let parameters =
                        kind.and_then(|kind: u32| types.get(kind as usize)).copied().flatten();
                    let (Some(kind), Some(parameters)) = (kind, parameters) else {
                        return Err(Error::Lacks("type of a function"));
                    };
                    module.functions.push(Function::read(kind, parameters, body)?);
                }
                Payload::CustomSection(section) => {
                    if let KnownCustom::Name(section) = section.as_known() {
                        for name in section {
                            if let Name::Function(functions) = name? {
                                for function in functions {
                                    let function = function?;
                                    names.insert(function.index, function.name);
                                }
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        if names.is_empty() {
            return Err(Error::Lacks("names of functions"));
        }
        for (function, index) in module.functions.iter_mut().zip(module.imports..) {
            let name = names.get(&index).copied().unwrap_or_default();
            function.name = format!("{:#}", rustc_demangle::demangle(name));
        }
        Ok(module)
    }

    /// The index of a function in [`Module::functions`].
    pub(crate) fn exported(&self, name: &'static str) -> Option<usize> {
        let index = self.exports.get(name)?.checked_sub(self.imports)?;
        usize::try_from(index).ok()
    }
}

impl<'a> Function<'a> {
    fn read(kind: u32, parameters: u32, body: FunctionBody<'a>) -> Result<Self, Error> {
        let mut locals = parameters;
        for local in body.get_locals_reader()? {
            locals = locals.saturating_add(local?.0);
        }
        let (mut operators, mut branches) = (0, 0);
        for operator in body.get_operators_reader()? {
            operators += 1;
            branches += usize::from(is_branch(&operator?));
        }
        Ok(Self { name: String::new(), kind, body, locals, operators, branches })
    }
}
