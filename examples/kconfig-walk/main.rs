//! Reads a tree's Kconfig, resolves a fragment over its base, and says of symbols where they are in the menus and
//! why they have their values: the engine of `kbisect::kconfig::engine` as a library.
//!
//! ```sh
//! cargo run --example kconfig-walk -- SOURCE FRAGMENT SYMBOL...
//! cargo run --example kconfig-walk -- ~/src/linux my.fragment EPOLL SYSFS
//! cargo run --example kconfig-walk -- ~/src/linux my.fragment        # a table of contents
//! ```
//!
//! A kernel's Kconfig asks the compiler some 90 questions, with what its Makefile exports; so `make` is watched once,
//! as a run of kbisect does it (`ConfResolver`). `PROJECT` says which project the tree is one of: `linux`, which is the
//! default, `busybox`, or a file with what `[project]` in kbisect.toml has. A tree that asks nothing needs
//! `engine::parse` alone.
#![allow(clippy::print_stdout)]

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

use kbisect::kconfig::engine::{Expr, Model, Node, NodeKind, PropertyKind, State, SymId, Why};
use kbisect::kconfig::{ConfResolver, Project, read_as, symbols};
use kbisect::supervise::CancelToken;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let (Some(source), Some(fragment)) = (args.next(), args.next()) else {
        return Err("usage: kconfig-walk SOURCE FRAGMENT SYMBOL...".into());
    };
    let project = project()?;
    let source = fs::canonicalize(source)?;
    let work = tempfile::tempdir()?;
    let conf = ConfResolver::build(&source, &project, work.path(), &CancelToken::new())?;
    let model = conf.parse_natively(&CancelToken::new())?;

    // As a run of kbisect lays it over its base: all-no, of Linux with EXPERT=y.
    let known = symbols(&model);
    let base = project.base_fragment(&|symbol| known.contains(symbol))?;
    let conf = conf.over(base, &known);
    let parsed = read_as(&fs::read(fragment)?, conf.dialect(), Some(&model));
    let (mode, text) = conf.question(&parsed.fragment);
    let mut state = model.resolve(mode, Some(&model.assignments(text)));
    let symbols: Vec<String> = args.collect();
    if symbols.is_empty() {
        contents(&model, &mut state);
    }
    for name in symbols {
        match model.find(&name) {
            Some(id) => tell(&model, &mut state, id),
            None => println!("{name}: this tree has no such symbol"),
        }
    }
    Ok(())
}

fn project() -> Result<Project, Box<dyn Error>> {
    let name = env::var("PROJECT").unwrap_or_else(|_| "linux".to_owned());
    if Path::new(&name).is_file() {
        return Ok(toml::from_str(&fs::read_to_string(name)?)?);
    }
    Ok(Project::named(&name, "x86_64")?)
}

/// The menus, each with how many symbols below it have a line in the `.config` that is not off.
fn contents(model: &Model, state: &mut State<'_>) {
    for node in model.walk() {
        if matches!(node.kind(), NodeKind::Root | NodeKind::Menu) {
            let depth = node.path().len();
            let (on, all) = count(node, state);
            let title = node.prompt().unwrap_or_default();
            println!("{:indent$}{title}: {on} of {all}", "", indent = 2 * depth);
        }
    }
}

fn count(node: Node<'_>, state: &mut State<'_>) -> (usize, usize) {
    let (mut on, mut all) = (0, 0);
    if let NodeKind::Symbol(id) = node.kind() {
        all += 1;
        on += usize::from(state.has_line(id) && state.value(id).to_string() != "n");
    }
    for child in node.children() {
        let (more_on, more) = count(child, state);
        (on, all) = (on + more_on, all + more);
    }
    (on, all)
}

/// Why a symbol has its value, and where it is.
fn tell(model: &Model, state: &mut State<'_>, id: SymId) {
    let Some(explanation) = state.explain(id) else {
        println!("{}: used, but nowhere defined", model.name(id));
        return;
    };
    let why = match &explanation.why {
        Why::Requested => "it was asked for".to_owned(),
        Why::Limited { asked } => format!("{asked} was asked for, but cannot be"),
        Why::Default { value } => format!("its default is {value}"),
        Why::Selected { by } => format!("selected by {}", by.join(", ")),
        Why::Implied { by } => format!("implied by {}", by.join(", ")),
        Why::Chosen => "it is the one chosen of its choice".to_owned(),
        Why::NotChosen => "another one is chosen of its choice".to_owned(),
        Why::Nothing => "nothing sets it".to_owned(),
    };
    println!("{}={}: {why}", model.name(id), state.value(id));
    for part in &explanation.hidden_by {
        println!("  cannot be set: {} [={}]", part.text, part.value);
    }
    for node in model.definitions(id) {
        println!("  defined at {}:{}", node.file(), node.line());
        let mut path = node.path();
        path.extend(node.prompt());
        println!("  in the menus: {}", path.join(" > "));
        shown("  depends on", node.depends(), state);
    }
    for property in model.properties(id) {
        let what = match property.kind {
            PropertyKind::Prompt => continue,
            PropertyKind::Default(value) => format!("default {value}"),
            PropertyKind::Select(other) => format!("selects {}", model.name(other)),
            PropertyKind::Imply(other) => format!("implies {}", model.name(other)),
            PropertyKind::Range(low, high) => {
                format!("range {} {}", model.name(low), model.name(high))
            }
        };
        match property.condition {
            None => println!("  {what}"),
            Some(_) => shown(&format!("  {what} if"), property.condition, state),
        }
    }
    for part in model.selected_by(id).iter().flat_map(|all| all.disjuncts()) {
        if state.eval(part).as_str() != "n" {
            println!("  selected by {part}");
        }
    }
}

fn shown(title: &str, condition: Option<Expr<'_>>, state: &mut State<'_>) {
    match condition {
        None => println!("{title} nothing"),
        Some(condition) => println!("{title} {condition} [={}]", state.eval(condition)),
    }
}
