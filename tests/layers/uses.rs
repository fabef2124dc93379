//! Which file of the crate uses which, from the parsed source.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// A module's path within the crate, from its root: `["search", "group_testing"]`.
type ModPath = Vec<String>;

/// The modules that are files, and what each uses.
pub struct Crate {
    files: BTreeMap<ModPath, File>,
}

/// A module in a file of its own.
struct File {
    /// Relative to `src/`.
    path: PathBuf,
    /// The names that it imports or re-exports, and what they stand for.
    names: BTreeMap<String, ModPath>,
    /// What its program names, from the root of the crate.
    paths: BTreeSet<ModPath>,
}

impl Crate {
    /// Reads all of `src/`.
    pub fn read() -> Self {
        Self::below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
    }

    fn below(root: &Path) -> Self {
        let mut found = Vec::new();
        walk(root, &mut found);
        let texts = found.iter().map(|path| {
            let relative = path.strip_prefix(root).unwrap().to_owned();
            (relative, fs::read_to_string(path).unwrap())
        });
        Self::of(texts)
    }

    /// Of files by their paths relative to `src/`.
    pub fn of(texts: impl IntoIterator<Item = (PathBuf, String)>) -> Self {
        let mut files = BTreeMap::new();
        for (path, text) in texts {
            let Some(module) = module_of(&path) else {
                continue;
            };
            let parsed = syn::parse_file(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let mut reader = Reader {
                module: module.clone(),
                file: File {
                    path,
                    names: BTreeMap::new(),
                    paths: BTreeSet::new(),
                },
            };
            reader.visit_file(&parsed);
            files.insert(module, reader.file);
        }
        Self { files }
    }

    /// The names of the modules at the top.
    pub fn top(&self) -> BTreeSet<String> {
        let first = self.files.keys().filter_map(|module| module.first());
        first.cloned().collect()
    }

    /// Which modules at the top each of them uses.
    pub fn uses(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (module, file) in &self.files {
            let Some(from) = module.first() else { continue };
            let used = uses.entry(from.clone()).or_default();
            for path in &file.paths {
                let to = self.file_of(path);
                used.extend(to.first().filter(|to| *to != from).cloned());
            }
        }
        uses
    }

    /// What the files of a module use beyond it, each as `FILE: PATH`.
    pub fn beyond(&self, module: &[&str]) -> Vec<String> {
        let is_inside =
            |path: &[String]| path.len() >= module.len() && path[..module.len()] == *module;
        let mut found = Vec::new();
        for (_, file) in self.files.iter().filter(|(path, _)| is_inside(path)) {
            let used = file.paths.iter().filter(|path| !is_inside(path));
            found.extend(used.map(|path| format!("{}: {}", file.path.display(), path.join("::"))));
        }
        found
    }

    /// The circles between files of one module: those that use one another, over how many others
    /// it may be.
    pub fn cycles(&self) -> BTreeSet<BTreeSet<String>> {
        let names: Vec<&ModPath> = self.files.keys().collect();
        let edges: Vec<BTreeSet<usize>> = names.iter().map(|m| self.edges(m, &names)).collect();
        let reach: Vec<BTreeSet<usize>> = (0..names.len()).map(|i| reach(i, &edges)).collect();
        let mut found = BTreeSet::new();
        for i in 0..names.len() {
            let circle = |j: &usize| reach[i].contains(j) && reach[*j].contains(&i);
            let members: Vec<usize> = (0..names.len()).filter(circle).collect();
            if members.len() > 1 {
                let paths = members.iter().map(|m| &self.files[names[*m]].path);
                found.insert(paths.map(|p| p.display().to_string()).collect());
            }
        }
        found
    }

    /// What a file uses in its own module at the top.
    fn edges(&self, module: &ModPath, names: &[&ModPath]) -> BTreeSet<usize> {
        let used = self.files[module]
            .paths
            .iter()
            .map(|path| self.file_of(path));
        let others = used.filter(|to| to != module && to.first() == module.first());
        let numbers = others.filter_map(|to| names.iter().position(|name| **name == to));
        numbers.collect()
    }

    /// The file in which the thing is defined that a path names, through re-exports.
    fn file_of(&self, path: &[String]) -> ModPath {
        let mut path = path.to_vec();
        // As many re-exports one after the other as nobody has.
        for _ in 0..16 {
            let deepest = (0..=path.len())
                .rev()
                .find(|end| self.files.contains_key(&path[..*end]));
            let module = path[..deepest.unwrap_or(0)].to_vec();
            let Some(name) = path.get(module.len()) else {
                return module;
            };
            let stands_for = self
                .files
                .get(&module)
                .and_then(|file| file.names.get(name));
            match stands_for {
                Some(to) if *to != path[..=module.len()] => {
                    let rest = path.split_off(module.len() + 1);
                    path = to.iter().cloned().chain(rest).collect();
                }
                _ => return module,
            }
        }
        path
    }
}

/// All that can be come to from `from`.
fn reach(from: usize, edges: &[BTreeSet<usize>]) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut next = vec![from];
    while let Some(at) = next.pop() {
        next.extend(edges[at].iter().filter(|to| seen.insert(**to)));
    }
    seen
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The module that a file is, and `None` for files of tests. `main.rs` is another crate, which
/// stands beside the modules here.
fn module_of(path: &Path) -> Option<ModPath> {
    let mut parts: ModPath = path
        .with_extension("")
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect();
    if parts.iter().any(|part| part == "tests") {
        return None;
    }
    if parts == ["lib"] || parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    Some(parts)
}

/// Collects what a file names, without its tests.
struct Reader {
    module: ModPath,
    file: File,
}

impl Reader {
    /// From the root of the crate, if the path is one of this crate.
    fn absolute(&self, path: &[String]) -> Option<ModPath> {
        let mut at = self.module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" | "kbisect" => {
                at = Vec::new();
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            _ => return None,
        }
        at.extend(rest.iter().cloned());
        Some(at)
    }

    fn import(&mut self, tree: &syn::UseTree, path: &mut Vec<String>, kind: Import) {
        match tree {
            syn::UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.import(&part.tree, path, kind);
                path.pop();
            }
            syn::UseTree::Name(name) => {
                let name = name.ident.to_string();
                self.import_one(path, &name, &name, kind);
            }
            syn::UseTree::Rename(name) => {
                self.import_one(
                    path,
                    &name.ident.to_string(),
                    &name.rename.to_string(),
                    kind,
                );
            }
            syn::UseTree::Glob(_) => {
                if let Some(path) = self.absolute(path) {
                    self.file.paths.insert(path);
                }
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, path, kind);
                }
            }
        }
    }

    fn import_one(&mut self, path: &[String], name: &str, alias: &str, kind: Import) {
        let mut path = path.to_vec();
        let own_name = path.last().cloned();
        if name != "self" {
            path.push(name.to_owned());
        }
        let absolute = self.absolute(&path).or_else(|| {
            // `pub use child::Thing`.
            let is_module = matches!(kind, Import::Public).then(|| self.module.clone());
            is_module.map(|module| module.into_iter().chain(path.iter().cloned()).collect())
        });
        let Some(absolute) = absolute else { return };
        let alias = match alias {
            "self" => own_name.unwrap_or_default(),
            alias => alias.to_owned(),
        };
        self.file.names.insert(alias, absolute.clone());
        // A re-export of a part of the same module is a door, not a use.
        let is_own = absolute.first() == self.module.first();
        if !is_own || matches!(kind, Import::Private) {
            self.file.paths.insert(absolute);
        }
    }

    fn note(&mut self, path: &[String]) {
        if let Some(path) = self.absolute(path) {
            self.file.paths.insert(path);
        } else if let Some(first) = path.first() {
            // `child::thing()`: only what is a module of its own matters.
            let mut absolute = self.module.clone();
            absolute.push(first.clone());
            absolute.extend(path[1..].iter().cloned());
            if path.len() > 1 && !self.file.names.contains_key(first) {
                self.file.paths.insert(absolute);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Import {
    Public,
    Private,
}

/// Is it compiled for tests only?
fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let list = attribute.meta.require_list();
        attribute.path().is_ident("test")
            || (attribute.path().is_ident("cfg")
                && list.is_ok_and(|list| list.tokens.to_string() == "test"))
    })
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            syn::Item::Static(item) => &item.attrs,
            syn::Item::Const(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let kind = match item.vis {
            syn::Visibility::Inherited => Import::Private,
            _ => Import::Public,
        };
        self.import(&item.tree, &mut Vec::new(), kind);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {
        // `pub(super)` uses nothing.
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts = path.segments.iter().map(|part| part.ident.to_string());
        self.note(&parts.collect::<Vec<_>>());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        // The arguments are not parsed: paths in them are read from the tokens.
        let mut path: Vec<String> = Vec::new();
        self.tokens(item.tokens.clone(), &mut path);
        visit::visit_macro(self, item);
    }
}

impl Reader {
    fn tokens(&mut self, tokens: proc_macro2::TokenStream, path: &mut Vec<String>) {
        use proc_macro2::TokenTree;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) if path.is_empty() || colons == 2 => {
                    path.push(name.to_string());
                    colons = 0;
                    continue;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' && !path.is_empty() => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(name) => {
                    self.note(&std::mem::take(path));
                    path.push(name.to_string());
                }
                TokenTree::Group(group) => {
                    self.note(&std::mem::take(path));
                    self.tokens(group.stream(), &mut Vec::new());
                }
                _ => self.note(&std::mem::take(path)),
            }
            colons = 0;
        }
        self.note(&std::mem::take(path));
    }
}
