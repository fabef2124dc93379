//! `kbisect explain`: what a symbol is, and why it has its value.

use super::print::print;
use crate::run::files::json;
use std::fmt::Write;
use std::path::PathBuf;

use super::asked;
use super::shown::Shown;
use crate::kconfig::engine::{Explanation, Mode, Model, SymKind, Term, Why};
use crate::kconfig::{self, parse_config};
use crate::model::{Config, Fragment, Request, Symbol, Value, sanitize};
use crate::run::start::{self};
use crate::run::tell::warn;
use crate::run::tools::Want;
use crate::run::{WhenEmpty, WhenMissing, tools};
use crate::settings::PartialSettings;
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// Arguments of `kbisect explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Symbol, with or without CONFIG_
    #[arg(value_name = "SYMBOL")]
    symbol: String,
    /// Configuration: a .config or a fragment [default: the EC2 set]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Source tree or tarball [default: the newest linux-source package]
    #[arg(long, value_name = "DIR|TARBALL")]
    source: Option<PathBuf>,
    /// Architecture, as make's ARCH has it [default: x86_64]
    #[arg(long)]
    arch: Option<String>,
    /// Configuration that requests are added to: expert (all-no with EXPERT=y), allno, or a fragment
    /// [default: expert]
    #[arg(long, value_name = "expert|allno|FILE")]
    base: Option<String>,
}

/// A symbol that changes together with the one that is explained.
#[derive(Debug, serde::Serialize)]
struct Change {
    symbol: String,
    from: String,
    to: String,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    let symbol = Symbol::new(&args.symbol).map_err(|e| Error::usage(e.to_string()))?;
    let mut asked = PartialSettings::new()
        // None is run; there have to be some.
        .with("oracle", "none")
        .with_path("source", args.source.as_deref())
        .with_path("start", args.config.as_deref());
    for (key, value) in [("arch", &args.arch), ("base", &args.base)] {
        if let Some(value) = value {
            asked = asked.with(key, value.as_str());
        }
    }
    let (mut settings, shown, warnings) = asked::settings(asked, *shown)?;
    settings.oracles.clear();
    let cancel = CancelToken::new();
    let mut ui = shown.quiet_ui();
    for text in warnings {
        warn(&mut |event| ui.event(event), text);
    }
    start::check_start(&settings, WhenEmpty::Refuse)?;
    let tools = tools(
        &settings,
        WhenMissing::Fail,
        Want::Look,
        &cancel,
        &mut |event| ui.event(event),
    )?;
    let (parsed, name) = start::read_start(
        &settings,
        &tools,
        WhenEmpty::Refuse,
        &cancel,
        &mut |event| {
            ui.event(event);
        },
    )?;
    ui.finish();
    let model = tools.resolver.model().ok_or_else(|| {
        Error::failed("the native Kconfig engine does not understand this source")
    })?;
    let asked = tools.resolver.conf().laid_over(&parsed.fragment);
    let text = asked.to_string();
    let unknown = || {
        Error::usage(format!(
            "this source has no symbol {symbol} for this architecture"
        ))
        .hint(kconfig::spelling(&symbol, &tools.known))
    };
    let id = model.find(symbol.as_str()).ok_or_else(unknown)?;
    let mut state = model.resolve(Mode::AllNo, Some(&model.assignments(text)));
    let explanation = state.explain(id).ok_or_else(unknown)?;
    let config = parse_config(&state.write());
    let changes = without(model, asked.requests(), &config, &explanation);
    let request = asked
        .requests()
        .iter()
        .find(|r| r.symbol.as_str() == explanation.symbol);
    let refused = request.filter(|r| config.get(&r.symbol) != &r.value);
    let refused = refused.map(|r| r.value.to_string());
    print(&if shown.is_json() {
        json(&serde_json::json!({
            "v": 1, "event": "explanation", "config": name,
            "explanation": explanation, "without": changes, "refused": refused,
        }))?
    } else {
        sanitize(&human(&explanation, &changes, refused.as_deref(), &name))
    })?;
    Ok(0)
}

/// What changes in the config `before` when the symbol is not asked for any more, or asked to be
/// off.
fn without(model: &Model, asked: &[Request], before: &Config, now: &Explanation) -> Vec<Change> {
    let mut rest: Vec<Request> = asked.to_vec();
    rest.retain(|request| request.symbol.as_str() != now.symbol);
    let mut text = Fragment::new(rest).to_string();
    if now.why != Why::Requested && matches!(now.kind, "bool" | "tristate") {
        text += &format!("# CONFIG_{} is not set\n", now.symbol);
    }
    let asked = model.assignments(text);
    let after = parse_config(&model.resolve(Mode::AllNo, Some(&asked)).write());
    let changes = before.diff(&after).into_iter();
    changes
        .map(|(symbol, from, to)| Change {
            from: shown_value(model, symbol, from),
            to: shown_value(model, symbol, to),
            symbol: symbol.to_string(),
        })
        .collect()
}

/// A value; of a number or a string that has none, that there is no line for it.
fn shown_value(model: &Model, symbol: &Symbol, value: &Value) -> String {
    let kind = model.find(symbol.as_str()).map(|id| model.kind(id));
    match kind {
        Some(SymKind::Int | SymKind::Hex | SymKind::String) if value.is_no() => {
            "(no line)".to_owned()
        }
        _ => value.to_string(),
    }
}

fn human(
    explanation: &Explanation,
    changes: &[Change],
    refused: Option<&str>,
    config: &str,
) -> String {
    let Explanation {
        symbol,
        kind,
        value,
        written,
        why,
        overridden,
        visible,
        definitions,
        needs,
        hidden_by,
        selected_by,
        implied_by,
        selects,
        choice,
    } = explanation;
    let mut out = String::new();
    // Writing to a String does not fail.
    let line = if *written {
        ""
    } else {
        ", no line in the .config"
    };
    let _ = writeln!(out, "{symbol}={value}  ({kind}{line}) in {config}");
    let because = match why {
        Why::Requested => "it was asked for".to_owned(),
        Why::Limited { asked } => format!("{asked} was asked for, but cannot be"),
        Why::Default { value } => format!("its default: {value}"),
        Why::Selected { by } => format!("selected by {}", by.join(", ")),
        Why::Implied { by } => format!("implied by {}", by.join(", ")),
        Why::Chosen => "it is the one chosen".to_owned(),
        Why::NotChosen => "another one is chosen".to_owned(),
        Why::Nothing if refused.is_some() => "what was asked for cannot be".to_owned(),
        Why::Nothing if definitions.iter().all(|d| d.prompt.is_none()) => {
            "it has no prompt: only others can set it".to_owned()
        }
        Why::Nothing if !visible => "it cannot be set: something that it needs is off".to_owned(),
        Why::Nothing => "nobody asked for it".to_owned(),
    };
    let _ = writeln!(out, "why       {because}");
    if let Some(asked) = refused {
        let _ = writeln!(
            out,
            "asked     {asked}, which it cannot be: what it needs is missing, or it is no such value"
        );
    }
    if *overridden {
        let _ = writeln!(
            out,
            "but       what it needs is off: a select does not look at that"
        );
    }
    for definition in definitions {
        let _ = writeln!(out, "defined   {}:{}", definition.file, definition.line);
        if let Some(prompt) = &definition.prompt {
            let mut path = definition.menus.clone();
            path.push(prompt.clone());
            let _ = writeln!(out, "prompt    {}", path.join(" > "));
        }
    }
    terms(&mut out, "needs", needs);
    let others: Vec<Term> = hidden_by
        .iter()
        .filter(|t| !needs.contains(t))
        .cloned()
        .collect();
    terms(&mut out, "hidden", &others);
    terms(&mut out, "selected", selected_by);
    terms(&mut out, "implied", implied_by);
    if !selects.is_empty() {
        let _ = writeln!(out, "selects   {}", selects.join(" "));
    }
    if !choice.is_empty() {
        let _ = writeln!(out, "or        {}", choice.join(", "));
    }
    let others: Vec<&Change> = changes.iter().filter(|c| c.symbol != *symbol).collect();
    let is_off = value == "n";
    match (changes.len() > others.len(), others.is_empty()) {
        (false, true) if is_off => {}
        (false, true) => {
            let _ = writeln!(out, "without   nothing changes: it comes back");
        }
        (_, true) => {
            let _ = writeln!(out, "without   nothing else changes");
        }
        (_, false) => {
            let list: Vec<String> = others
                .iter()
                .map(|c| format!("{} {} -> {}", c.symbol, c.from, c.to))
                .collect();
            let _ = writeln!(out, "without   {}", list.join("\n          "));
        }
    }
    if let Some(help) = definitions.iter().find_map(|d| d.help.as_deref()) {
        let _ = writeln!(out, "\n{help}");
    }
    out
}

/// Parts of a condition, a line each, with their values.
fn terms(out: &mut String, title: &str, terms: &[Term]) {
    /// `selected by` can be hundreds; those that hold come first.
    const SHOWN: usize = 12;
    let (on, off): (Vec<&Term>, Vec<&Term>) = terms.iter().partition(|t| t.value != "n");
    let all: Vec<&Term> = if title == "needs" {
        off.into_iter().chain(on).collect()
    } else {
        on.into_iter().chain(off).collect()
    };
    for (i, term) in all.iter().take(SHOWN).enumerate() {
        let title = if i == 0 { title } else { "" };
        let _ = writeln!(out, "{title:<9} [{}] {}", term.value, term.text);
    }
    if all.len() > SHOWN {
        let _ = writeln!(out, "{:<9} and {} more", "", all.len() - SHOWN);
    }
}
