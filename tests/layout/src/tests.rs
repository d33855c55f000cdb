//! Layouts of a small module: two functions, of which the second calls the first.

use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, FunctionSection, ImportSection,
    Instruction, MemorySection, MemoryType, NameMap, NameSection, TypeSection, ValType,
};
use wasmparser::{Operator, Parser, Payload, Validator};

use crate::{Error, Fit, Module, Profile, Sightings, laid_out, marked};

const IMPORTS: u32 = 1;

/// `quiet` has no branch and gives 7; `proxy_on_context_create` gives 7, too, unless it is given 0.
fn small() -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32; 3], [ValType::I32]);
    types.ty().function([], [ValType::I32]);
    types.ty().function([ValType::I32], [ValType::I32]);
    let mut imports = ImportSection::new();
    imports.import("env", "proxy_log", EntityType::Function(0));
    let mut functions = FunctionSection::new();
    functions.function(1).function(2);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut exports = ExportSection::new();
    exports.export("proxy_on_context_create", ExportKind::Func, IMPORTS + 1);
    let mut code = CodeSection::new();
    let mut quiet = wasm_encoder::Function::new([]);
    quiet.instructions().i32_const(7).end();
    let mut beginning = wasm_encoder::Function::new([]);
    beginning.instructions().local_get(0).if_(wasm_encoder::BlockType::Empty);
    beginning.instruction(&Instruction::Call(IMPORTS));
    beginning.instructions().return_().end().i32_const(8).end();
    code.function(&quiet).function(&beginning);
    let mut names = NameSection::new();
    let mut map = NameMap::new();
    map.append(IMPORTS, "quiet");
    map.append(IMPORTS + 1, "beginning");
    names.functions(&map);
    let mut module = wasm_encoder::Module::new();
    module.section(&types).section(&imports).section(&functions).section(&memories);
    module.section(&exports).section(&code).section(&names);
    module.finish()
}

/// Operators of functions, numbers of exports, custom sections.
type Shown = (Vec<Vec<String>>, Vec<u32>, Vec<(String, Vec<u8>)>);

fn shown(bytes: &[u8]) -> Shown {
    Validator::new().validate_all(bytes).unwrap();
    let (mut bodies, mut exports, mut custom) = (Vec::new(), Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.unwrap() {
            Payload::ExportSection(section) => {
                exports.extend(section.into_iter().map(|export| export.unwrap().index));
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
    assert_eq!(exports, [IMPORTS]);
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
        assert_eq!((fit.found, exports, custom), (1, vec![IMPORTS], Vec::new()), "{profile}");
    }
}

#[test]
fn nothing_known_changes_nothing() {
    let bytes = small();
    let (laid_out, _) = laid_out(&Module::read(&bytes).unwrap(), &"".parse().unwrap()).unwrap();
    let ((before, exported, _), (after, exports, _)) = (shown(&bytes), shown(&laid_out));
    assert_eq!((before, exported), (after, exports));
}

#[test]
fn a_marked_filter_logs_what_the_stream_before_passed_through() {
    let bytes = small();
    let marked = marked(&Module::read(&bytes).unwrap()).unwrap();
    let (bodies, ..) = shown(&marked);
    let beginning = bodies[1].join(" ");
    // Level, address and length of three marks; then they are cleared, and this function is met.
    let log = "const 5 const 1024 const 3 call 0 Drop const 1024 const 48 const 3 MemoryFill \
               const 1025 const 49 I32Store8 LocalGet LocalSet const 1026";
    assert!(beginning.starts_with(log), "{beginning}");
    assert_eq!(bodies[0].join(" "), "const 1024 const 49 I32Store8 const 7 End");
}

#[test]
fn most_calls_decide() {
    let bytes = small();
    let module = Module::read(&bytes).unwrap();
    let check = |log: &str, expected: &str| {
        let mut sightings = Sightings::new(&module);
        sightings.read(log.as_bytes());
        let profile = Profile::learn(&module, &sightings).map(|profile| profile.to_string());
        assert_eq!(profile.unwrap_or_else(|error| error.to_string()), expected, "{log}");
    };
    check("[12:30:09][critical] 011 and 1996", "7 0 beginning\n");
    check("x 112 x 012 x", "7 1 beginning\n2 . quiet\n");
    check("111 111 012 012", "7 * beginning\n2 . quiet\n");
    check("111 111 111 012", "7 0 beginning\n2 . quiet\n");
    check("010 013", "7 * beginning\n");
    check("no marks, 0110 neither", "no call was seen in the logs");
}

#[test]
fn profiles_are_read_as_written() {
    let text = "7 0-1* a::b<c d>\n2 . quiet\n";
    assert_eq!(text.parse::<Profile>().unwrap().to_string(), text);
    for line in ["", "7", "7 0", "x 0 a", "7 2 a"] {
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
    check(b"no module", "not a module: ");
    check(&wasm_encoder::Module::new().finish(), "the module has no names of functions");
}
