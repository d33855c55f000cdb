//! Layouts of a small module with two functions, of which the second calls the first.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType,
    ExportKind, ExportSection, FunctionSection, ImportSection, MemorySection, MemoryType, NameMap,
    NameSection, RefType, TableSection, TableType, TypeSection, ValType,
};
use wasmparser::{ElementItems, Operator, Parser, Payload, Validator};

use crate::{Error, Fit, Module, Profile, Sightings, laid_out, marked};

const IMPORTS: u32 = 1;

/// `quiet` has no branch and returns 7, and so does `beginning`, unless its argument is 0. A table
/// contains `quiet`.
fn small() -> Vec<u8> {
    with_stack(1 << 16)
}

/// The same, with a stack of this many bytes, above which data begins.
fn with_stack(bytes: i32) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32; 3], [ValType::I32]);
    types.ty().function([], [ValType::I32]);
    types.ty().function([ValType::I32], [ValType::I32]);
    let mut imports = ImportSection::new();
    imports.import("env", "proxy_log", EntityType::Function(0));
    let mut functions = FunctionSection::new();
    functions.function(1).function(2);
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: 1,
        maximum: None,
        shared: false,
    });
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 2,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut exports = ExportSection::new();
    for (name, function) in [("proxy_on_context_create", 1), ("proxy_on_log", 0)] {
        exports.export(name, ExportKind::Func, IMPORTS + function);
    }
    let mut elements = ElementSection::new();
    elements.active(None, &ConstExpr::i32_const(0), Elements::Functions((&[IMPORTS]).into()));
    let mut code = CodeSection::new();
    let mut quiet = wasm_encoder::Function::new([]);
    quiet.instructions().i32_const(7).end();
    let mut beginning = wasm_encoder::Function::new([]);
    beginning.instructions().local_get(0).if_(BlockType::Empty).call(IMPORTS);
    beginning.instructions().return_().end().i32_const(8).end();
    code.function(&quiet).function(&beginning);
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(bytes), *b"data");
    let mut names = NameSection::new();
    let mut map = NameMap::new();
    map.append(IMPORTS, "quiet");
    map.append(IMPORTS + 1, "beginning");
    names.functions(&map);
    let mut module = wasm_encoder::Module::new();
    module.section(&types).section(&imports).section(&functions).section(&tables);
    module.section(&memories).section(&exports).section(&elements).section(&code);
    module.section(&data).section(&names);
    module.finish()
}

/// Operators of functions; function numbers in exports and tables; custom sections.
type Shown = (Vec<Vec<String>>, Vec<u32>, Vec<(String, Vec<u8>)>);

fn shown(bytes: &[u8]) -> Shown {
    Validator::new().validate_all(bytes).unwrap();
    let (mut bodies, mut exports, mut custom) = (Vec::new(), Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.unwrap() {
            Payload::ExportSection(section) => {
                exports.extend(section.into_iter().map(|export| export.unwrap().index));
            }
            Payload::ElementSection(section) => {
                for element in section {
                    let ElementItems::Functions(functions) = element.unwrap().items else {
                        panic!("no functions")
                    };
                    exports.extend(functions.into_iter().map(Result::unwrap));
                }
            }
            Payload::CodeSectionEntry(body) => {
                let operators = body.get_operators_reader().unwrap().into_iter();
                let name = |operator: Operator<'_>| match operator {
                    Operator::Call { function_index } => format!("call {function_index}"),
                    Operator::I32Const { value } => format!("const {value}"),
                    other => format!("{other:?}").split([' ', '{']).next().unwrap().to_owned(),
                };
                bodies.push(operators.map(|operator| name(operator.unwrap())).collect());
            }
            Payload::CustomSection(section) => {
                custom.push((section.name().to_owned(), section.data().to_vec()));
            }
            _ => {}
        }
    }
    (bodies, exports, custom)
}

#[test]
fn known_functions_come_first_with_hints() {
    let bytes = small();
    let module = Module::read(&bytes).unwrap();
    let profile = "7 1 beginning\n3 0 gone\n".parse().unwrap();
    let (laid_out, fit) = laid_out(&module, &profile).unwrap();
    assert_eq!(fit, Fit { found: 1, unchanged: 1, known: 2 });
    let (bodies, exports, custom) = shown(&laid_out);
    let beginning = ["LocalGet", "If", "call 2", "Return", "End", "const 8", "End"];
    assert_eq!(bodies, [&beginning[..], &["const 7", "End"]]);
    // The unimplemented callback is gone; the table still has `quiet`.
    assert_eq!(exports, [IMPORTS, IMPORTS + 1]);
    // One function, number 1; one hint, after its count of locals and `local.get 0`, of one byte.
    let hints = vec![1, 1, 1, 3, 1, 1];
    assert_eq!(custom, [("metadata.code.branch_hint".to_owned(), hints)]);
}

#[test]
fn a_changed_function_gets_no_hints() {
    let bytes = small();
    let module = Module::read(&bytes).unwrap();
    for profile in ["8 1 beginning", "7 11 beginning", "7 - beginning", "7 * beginning"] {
        let (laid_out, fit) = laid_out(&module, &profile.parse().unwrap()).unwrap();
        let (_, exports, custom) = shown(&laid_out);
        assert_eq!(
            (fit.found, exports, custom),
            (1, vec![IMPORTS, IMPORTS + 1], Vec::new()),
            "{profile}"
        );
    }
}

#[test]
fn a_profile_of_another_filter_is_not_enough() {
    for (unchanged, is_enough) in [(0, false), (4, false), (5, true), (9, true)] {
        assert_eq!(Fit { found: 9, unchanged, known: 9 }.is_enough(), is_enough, "{unchanged}");
    }
}

#[test]
fn nothing_known_changes_nothing() {
    let bytes = small();
    let (laid_out, _) = laid_out(&Module::read(&bytes).unwrap(), &Profile::default()).unwrap();
    let ((before, exported, _), (after, exports, _)) = (shown(&bytes), shown(&laid_out));
    assert_eq!((before, &exported[..1], &exported[2..]), (after, &exports[..1], &exports[1..]));
}

#[test]
fn a_marked_filter_logs_what_the_stream_before_passed_through() {
    let bytes = small();
    let marked = marked(&Module::read(&bytes).unwrap()).unwrap();
    let (bodies, ..) = shown(&marked);
    let beginning = bodies[1].join(" ");
    // Level, address and length of three marks; then they are cleared, and this function is marked.
    let log = "const 5 const 1024 const 3 call 0 Drop const 1024 const 48 const 3 MemoryFill \
               const 1025 const 49 I32Store8 LocalGet LocalSet const 1026";
    assert!(beginning.starts_with(log), "{beginning}");
    assert_eq!(bodies[0].join(" "), "const 1024 const 49 I32Store8 const 7 End");
}

#[test]
fn two_of_one_name_are_told_apart_by_their_code() {
    let bytes = small();
    let mut module = Module::read(&bytes).unwrap();
    for function in &mut module.functions {
        function.name = "twin".to_owned();
    }
    // The changed function is first in the profile, and leaves the other one its match.
    let (laid_out, fit) = laid_out(&module, &"9 - twin\n2 . twin\n".parse().unwrap()).unwrap();
    assert_eq!(fit, Fit { found: 2, unchanged: 1, known: 2 });
    assert_eq!(shown(&laid_out).0[1], ["const 7", "End"]);
}

#[test]
fn most_calls_decide() {
    let bytes = small();
    let module = Module::read(&bytes).unwrap();
    let check = |calls: &[(usize, &str)], expected: &str| {
        let mut sightings = Sightings::new(&module);
        for (times, log) in calls {
            sightings.read(format!("[12:30:09] {log} 1996 0110\n").repeat(*times).as_bytes());
        }
        let profile = Profile::learn(&module, &sightings).map(|profile| profile.to_string());
        assert_eq!(profile.unwrap_or_else(|error| error.to_string()), expected, "{calls:?}");
    };
    check(&[(20, "011")], "7 0 beginning\n");
    check(&[(20, "112")], "2 . quiet\n7 1 beginning\n");
    check(&[(10, "111"), (10, "012")], "7 * beginning\n2 . quiet\n");
    check(&[(15, "011"), (5, "012")], "7 0 beginning\n");
    check(&[(14, "011"), (6, "012")], "7 * beginning\n");
    check(&[(20, "013")], "7 * beginning\n");
    // Few calls need `quiet`.
    check(&[(4, "111"), (16, "011")], "7 0 beginning\n");
    check(&[(5, "111"), (15, "011")], "7 0 beginning\n2 . quiet\n");
    let few = "the logs have 19 calls of this filter, marked, which is too little to learn from";
    check(&[(19, "011")], few);
}

#[test]
fn profiles_are_read_as_written() {
    let text = "7 0-1* a::b<c d>\n2 . quiet\n";
    assert_eq!(text.parse::<Profile>().unwrap().to_string(), text);
    for line in ["", "7", "7 0", "7 0 ", "x 0 a", "7 2 a"] {
        let error = format!("2 . quiet\n{line}\n").parse::<Profile>().unwrap_err();
        assert!(matches!(error, Error::Line { line: 2, .. }), "{line}: {error}");
    }
}

#[test]
fn what_is_no_filter_is_said() {
    let check = |bytes: &[u8], expected: &str| {
        let error = Module::read(bytes).and_then(|module| marked(&module)).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    };
    check(&with_stack(4096), "the module has no stack large enough for marks");
    check(b"no module", "not a module: ");
    check(&wasm_encoder::Module::new().finish(), "the module has no names of functions");
}
