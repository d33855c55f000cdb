//! Checks that imports are acyclic, between files and between modules.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

/// A Rust path, such as `crate::json::read`.
type Names = Vec<String>;

/// The references of a file to others.
#[derive(Default)]
struct Source {
    file: String,
    /// The names that its `use` declarations define, and whether they are visible to others.
    imports: BTreeMap<String, Names>,
    /// The paths that its code names, its private imports included.
    named: BTreeSet<Names>,
    /// Modules in files of their own that only exist in tests.
    for_tests: Vec<String>,
}

/// The modules of the crate by name.
struct Crate(BTreeMap<Names, Source>);

impl Crate {
    fn read(directory: &Path) -> Self {
        let mut modules = BTreeMap::new();
        collect(directory, &mut Vec::new(), &mut modules);
        let for_tests = modules.iter().flat_map(|(module, source)| {
            source.for_tests.iter().map(|name| child(module, name)).collect::<Vec<_>>()
        });
        let for_tests: Vec<Names> = for_tests.collect();
        modules.retain(|module, _| !for_tests.iter().any(|other| module.starts_with(other)));
        assert!(modules.len() > 100, "the source of the crate is not at {}", directory.display());
        Self(modules)
    }

    /// The module with the definition that a path refers to from another module; `None` for other
    /// crates.
    fn definition(&self, module: &[String], path: &[String], fuel: usize) -> Option<Names> {
        let (first, mut rest) = path.split_first()?;
        let fuel = fuel.checked_sub(1)?;
        let mut at = match first.as_str() {
            "crate" => Vec::new(),
            "self" => module.to_vec(),
            "super" => {
                let mut at = module.to_vec();
                at.pop()?;
                while let Some((name, after)) = rest.split_first()
                    && name == "super"
                {
                    at.pop()?;
                    rest = after;
                }
                at
            }
            name => return self.member(module, name, rest, fuel),
        };
        loop {
            // Naming a module, or a variable with its name, does not use a definition in it.
            let (name, after) = rest.split_first()?;
            let child = child(&at, name);
            if !self.0.contains_key(&child) {
                return match self.0.get(&at)?.imports.get(name) {
                    Some(_) => self.member(&at, name, after, fuel),
                    None => Some(at),
                };
            }
            (at, rest) = (child, after);
        }
    }

    /// The same for a path that starts with a name in a module: a submodule or an import.
    fn member(&self, module: &[String], name: &str, rest: &[String], fuel: usize) -> Option<Names> {
        let of_child = [&["self".to_owned(), name.to_owned()], rest].concat();
        if self.0.contains_key(&child(module, name)) {
            return self.definition(module, &of_child, fuel);
        }
        let imported = self.0.get(module)?.imports.get(name)?;
        // Importing another crate under its own name would recurse.
        if imported.first().is_some_and(|first| first == name) {
            return None;
        }
        self.definition(module, &[imported, rest].concat(), fuel)
    }

    /// The modules whose definitions each module uses.
    fn edges(&self) -> BTreeMap<Names, BTreeSet<Names>> {
        let used = |(module, source): (&Names, &Source)| {
            let used = source.named.iter().filter_map(|path| self.definition(module, path, 32));
            let used = used.filter(|other| other != module);
            (module.clone(), used.collect())
        };
        self.0.iter().map(used).collect()
    }
}

fn child(module: &[String], name: &str) -> Names {
    [module, &[name.to_owned()]].concat()
}

/// Reads the files of a module and of its submodules.
fn collect(directory: &Path, module: &mut Names, modules: &mut BTreeMap<Names, Source>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            module.push(name);
            collect(&path, module, modules);
            module.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "main" {
            let names = if name == "lib" { Vec::new() } else { child(module, &name) };
            modules.insert(names, source(&path));
        }
    }
}

fn source(path: &Path) -> Source {
    #[expect(clippy::disallowed_methods, reason = "tests read the tree itself")]
    let text = fs::read_to_string(path).unwrap();
    let mut source = Source { file: path.display().to_string(), ..Source::default() };
    source.visit_file(&syn::parse_file(&text).unwrap());
    source
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes: &[Attribute] = if let Item::Mod(item) = item {
            &item.attrs
        } else if let Item::Fn(item) = item {
            &item.attrs
        } else if let Item::Use(item) = item {
            &item.attrs
        } else if let Item::Impl(item) = item {
            &item.attrs
        } else {
            &[]
        };
        if !attributes.iter().any(is_for_tests) {
            visit::visit_item(self, item);
        } else if let Item::Mod(module) = item {
            self.for_tests.push(module.ident.to_string());
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let mut leaves = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut leaves);
        for (name, path) in leaves {
            if matches!(item.vis, Visibility::Inherited) {
                self.named.insert(path.clone());
            }
            self.imports.insert(name, path);
        }
    }

    /// A visibility is not an import.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.named.insert(path.segments.iter().map(|it| it.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else { return false };
    attribute.path().is_ident("cfg") && list.tokens.to_string() == "test"
}

/// Every name that a `use` declaration defines, with its path.
fn flatten(tree: &UseTree, path: &mut Names, leaves: &mut Vec<(String, Names)>) {
    match tree {
        UseTree::Path(tree) => {
            path.push(tree.ident.to_string());
            flatten(&tree.tree, path, leaves);
            path.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            leaves.push((path.last().unwrap().clone(), path.clone()));
        }
        UseTree::Name(name) => {
            leaves.push((name.ident.to_string(), child(path, &name.ident.to_string())));
        }
        UseTree::Rename(rename) => {
            leaves.push((rename.rename.to_string(), child(path, &rename.ident.to_string())));
        }
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| flatten(tree, path, leaves));
        }
        UseTree::Glob(_) => {}
    }
}

/// A cycle in a graph, if there is one.
fn circle<N: Clone + Ord>(edges: &BTreeMap<N, BTreeSet<N>>) -> Option<Vec<N>> {
    fn walk<N: Clone + Ord>(
        node: &N,
        edges: &BTreeMap<N, BTreeSet<N>>,
        way: &mut Vec<N>,
        done: &mut BTreeSet<N>,
    ) -> Option<Vec<N>> {
        if let Some(start) = way.iter().position(|other| other == node) {
            return Some(way[start..].to_vec());
        }
        if !done.contains(node) {
            way.push(node.clone());
            let mut next = edges.get(node).into_iter().flatten();
            let found = next.find_map(|next| walk(next, edges, way, done));
            way.pop();
            done.insert(node.clone());
            return found;
        }
        None
    }
    let mut done = BTreeSet::new();
    edges.keys().find_map(|node| walk(node, edges, &mut Vec::new(), &mut done))
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let all = Crate::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let circle = circle(&all.edges()).unwrap_or_default();
    let files: Vec<&String> = circle.iter().map(|module| &all.0[module].file).collect();
    assert!(
        files.is_empty(),
        "each of these files uses the next, and the last the first: {files:#?}"
    );
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let all = Crate::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let edges = all.edges();
    for depth in 1..4 {
        let mut modules: BTreeMap<Names, BTreeSet<Names>> = BTreeMap::new();
        let short = |module: &Names| module[..module.len().min(depth)].to_vec();
        for (module, used) in &edges {
            let used = used.iter().map(short).filter(|other| *other != short(module));
            modules.entry(short(module)).or_default().extend(used);
        }
        let circle = circle(&modules).unwrap_or_default();
        let names: Vec<String> = circle.iter().map(|module| module.join("::")).collect();
        assert!(
            names.is_empty(),
            "each of these modules uses the next, and the last the first: {names:#?}"
        );
    }
}

#[test]
fn a_circle_is_found() {
    let edges = |pairs: &[(u8, u8)]| {
        let mut edges: BTreeMap<u8, BTreeSet<u8>> = BTreeMap::new();
        for (from, to) in pairs {
            edges.entry(*from).or_default().insert(*to);
        }
        edges
    };
    assert_eq!(circle(&edges(&[(1, 2), (1, 3), (2, 3)])), None);
    assert_eq!(circle(&edges(&[(1, 2), (2, 3), (3, 4), (4, 2)])), Some(vec![2, 3, 4]));
    assert_eq!(circle(&edges(&[(1, 1)])), Some(vec![1]));
}
