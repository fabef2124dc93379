//! `kbisect plan`: shows what a run would do, without building.

use super::print::print;
use crate::run::files::json;
use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

use super::args::RunArgs;
use super::asked;
use super::shown::Shown;
use crate::Result;
use crate::journal::RunDir;
use crate::kconfig::engine::{Explanation, Why};
use crate::kconfig::{self, Fixed, Start};
use crate::model::{
    Certify, Fragment, Order, Request, RequestId, RequestSet, Symbol, Tracing, count, sanitize,
};
use crate::oracle::Oracle;
use crate::run::opened::check_key;
use crate::run::start::{check_start, start};
use crate::run::tell::warn;
use crate::run::tools::{Tools, Want};
use crate::run::{WhenEmpty, WhenMissing, checks, tools};
use crate::search::Depends;
use crate::settings::Settings;
use crate::supervise::CancelToken;

/// More of one kind than this are counted, not listed.
const MANY: usize = 20;

/// So many of what selects a request are named.
const FEW: usize = 5;

pub(super) fn run(args: &RunArgs, shown: &Shown) -> Result<u8> {
    let (settings, shown, unknown) = asked::settings(args.settings.clone(), *shown)?;
    let when = if args.setup {
        WhenMissing::Install
    } else {
        WhenMissing::Fail
    };
    let cancel = CancelToken::new();
    let mut ui = shown.ui();
    for text in unknown {
        warn(&mut |event| ui.event(event), text);
    }
    check_start(&settings, WhenEmpty::Refuse)?;
    checks::guess(&settings)?;
    checks::output(&settings.output)?;
    let tools = tools(&settings, when, Want::Look, &cancel, &mut |event| {
        ui.event(event);
    })?;
    // What else may be wrong with a run there is told when it goes on.
    if !RunDir::is_held(&settings.output)
        && let Ok((mut info, lines)) = RunDir::read(&settings.output)
    {
        // What takes long is looked at by the run itself.
        info.key.retain_parts_of(&tools.key);
        let hint = "a run there would be refused: give another --output";
        check_key(&settings.output, &info, &lines, &tools, &cancel, hint)?;
    }
    let start = start(
        &settings,
        &tools,
        WhenEmpty::Refuse,
        &cancel,
        &mut |event| ui.event(event),
    )?;
    // One question for each request: too long with `conf`.
    let carried = match tools.resolver.trusted() {
        Some(_) => kconfig::carried(&start.requests, &start.selectors, &*tools.resolver, &cancel)?,
        None => Vec::new(),
    };
    ui.finish();
    let names = |set: &RequestSet| -> Vec<String> {
        let symbol = |id: RequestId| start.requests[id.index()].symbol.to_string();
        set.iter().map(symbol).collect()
    };
    // What goes with each request by itself, and not with what selects it.
    let none = RequestSet::empty(start.requests.len());
    let depends = Depends::measured(carried.clone());
    let own = |(id, carried): (usize, &RequestSet)| {
        let selectors = start.selectors.get(id).unwrap_or(&none);
        carried.minus(&depends.closure(selectors))
    };
    let own: Vec<RequestSet> = carried.iter().enumerate().map(own).collect();
    // Turned round: what each request can only matter with.
    let needs = |id: usize| -> Vec<String> {
        let carries = |set: &RequestSet| set.contains(RequestId(id as u32));
        let symbols = start.requests.iter().zip(&own);
        let by = symbols.filter(|(_, set)| carries(set));
        by.map(|(request, _)| request.symbol.to_string()).collect()
    };
    let command = tools.plan.command_line(Path::new("TREE"));
    let decided = deciders(&tools, &start);
    let reason = |request: &Request, why: &Fixed| {
        let by = decided.get(&request.symbol).map(String::as_str);
        if let Some((_, is)) = start.missing.iter().find(|(asked, _)| asked == request) {
            let is = if is.is_no() {
                "off".to_owned()
            } else {
                is.to_string()
            };
            return format!(
                "asked for, but it is {is} (`kbisect explain {}`)",
                request.symbol
            );
        }
        match why {
            Fixed::NoPrompt => format!(
                "no visible prompt: {}",
                by.unwrap_or("other symbols decide")
            ),
            Fixed::Forced => by.unwrap_or("forced by a select").to_owned(),
            Fixed::SameAsBase => "the base has it too".to_owned(),
            Fixed::InBase => "the base asks for it itself (--base)".to_owned(),
        }
    };
    if shown.is_json() {
        let fixed: Vec<_> = start
            .fixed
            .iter()
            .map(|(r, why)| serde_json::json!({ "request": r.to_string(), "why": reason(r, why) }))
            .collect();
        let strings = |requests: &[crate::model::Request]| -> Vec<String> {
            requests.iter().map(ToString::to_string).collect()
        };
        print(&json(&serde_json::json!({
            "v": 1,
            "event": "plan",
            "requests": strings(&start.requests),
            "carried": carried.iter().map(names).collect::<Vec<_>>(),
            "needs": (0..carried.len()).map(needs).collect::<Vec<_>>(),
            "selected_by": start.selectors.iter().map(names).collect::<Vec<_>>(),
            "keep": start.keep.iter().map(|id| start.requests[id.index()].to_string()).collect::<Vec<_>>(),
            "dropped": strings(&start.dropped),
            "fixed": fixed,
            "lines": start.resolved.config.len(),
            "base_lines": start.base.config.len(),
            "implied": start.implied(),
            "build": command,
            "oracles": tools.oracles.iter().map(|o| o.program().display().to_string()).collect::<Vec<_>>(),
            "settings": settings,
        }))?)?;
        return Ok(0);
    }
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = writeln!(
        out,
        "base: {} lines; start: {} lines, of which {} are implied",
        start.base.config.len(),
        start.resolved.config.len(),
        start.implied()
    );
    let _ = writeln!(
        out,
        "\n{}, to be taken away:",
        count(start.requests.len() - start.keep.len(), "request")
    );
    for (i, request) in start.requests.iter().enumerate() {
        if !start.keep.contains(RequestId(i as u32)) {
            let selectors = start.selectors.get(i).unwrap_or(&none);
            let kept = names(&selectors.intersection(&start.keep));
            let with = own.get(i).map(names).unwrap_or_default();
            let _ = write!(out, "  {request}{}", once(&names(selectors), &kept));
            let _ = match with.as_slice() {
                [] => writeln!(out),
                with => writeln!(out, ", and with it {}", with.join(" ")),
            };
        }
    }
    if !start.keep.is_empty() {
        let _ = writeln!(
            out,
            "\n{} kept (--keep), with what they depend on:",
            start.keep.len()
        );
        for id in start.keep.iter() {
            let _ = writeln!(out, "  {}", start.requests[id.index()]);
        }
    }
    if !start.fixed.is_empty() {
        let _ = writeln!(
            out,
            "\n{} that cannot be taken away alone:",
            start.fixed.len()
        );
    }
    let is_same = |why: &Fixed| matches!(why, Fixed::SameAsBase);
    let same = start.fixed.iter().filter(|(_, why)| is_same(why)).count();
    // A whole .config has hundreds of them.
    let is_counted = same > MANY && !shown.is_verbose();
    for (request, why) in &start.fixed {
        if !(is_counted && is_same(why)) {
            let _ = writeln!(out, "  {request:30}  {}", reason(request, why));
        }
    }
    if is_counted {
        let _ = writeln!(out, "  and {same} that the base has too (-v lists them)");
    }
    if !start.dropped.is_empty() {
        let _ = writeln!(
            out,
            "\n{} dropped at once, because nothing changes without them:",
            start.dropped.len()
        );
    }
    for request in &start.dropped {
        let _ = writeln!(out, "  {request}");
    }
    let _ = writeln!(
        out,
        "\na trial, in one of {} trees ({} compile jobs in all):",
        settings.jobs, settings.build_jobs
    );
    let _ = writeln!(out, "  {command}");
    for oracle in &tools.oracles {
        let _ = writeln!(out, "  {}", oracle.program().display());
    }
    out += &search(&settings, &tools.oracles);
    print(&sanitize(&out))?;
    Ok(0)
}

/// When a request that others select can be taken away; of these some may be `kept`.
fn once(by: &[String], kept: &[String]) -> String {
    match by {
        _ if !kept.is_empty() => format!(", which changes nothing beside {}", kept.join(" ")),
        [] => String::new(),
        [by] => format!(", once {by} is gone"),
        by if by.len() <= FEW => format!(", once {} are gone", by.join(" ")),
        // CRC32 has some hundred.
        by => format!(
            ", once {} and {} more are gone",
            by[..FEW].join(" "),
            by.len() - FEW
        ),
    }
}

/// What decides each symbol that is no request, as well as the Kconfig engine can tell.
fn deciders(tools: &Tools, start: &Start) -> HashMap<Symbol, String> {
    let Some(model) = tools.resolver.trusted() else {
        return HashMap::new();
    };
    let asked = Fragment::new(start.requests.clone());
    let (mode, text) = tools.resolver.conf().question(&asked);
    let mut state = model.resolve(mode, Some(&model.assignments(text)));
    let decider = |(request, why): &(Request, Fixed)| {
        let explanation = state.explain(model.find(request.symbol.as_str())?)?;
        let by = match why {
            Fixed::Forced => forced_by(&explanation),
            _ => decider(&explanation)?,
        };
        Some((request.symbol.clone(), by))
    };
    start.fixed.iter().filter_map(decider).collect()
}

/// Who selects a symbol that would be off without.
fn forced_by(explanation: &Explanation) -> String {
    let terms = explanation.selected_by.iter();
    let on: Vec<&str> = terms
        .filter(|term| term.value != "n")
        .map(|term| term.text.as_str())
        .collect();
    format!("forced by a select of {}", on.join(", "))
}

/// What decides a symbol that the user cannot set, in a few words.
fn decider(explanation: &Explanation) -> Option<String> {
    let by = match &explanation.why {
        Why::Selected { by } => format!("selected by {}", by.join(", ")),
        Why::Implied { by } => format!("implied by {}", by.join(", ")),
        Why::Default { value } => format!("its default is {value}"),
        _ => return None,
    };
    let needs: Vec<&str> = explanation
        .hidden_by
        .iter()
        .map(|term| term.text.as_str())
        .collect();
    Some(match needs.as_slice() {
        [] => by,
        needs => format!("{by}; for a prompt it needs {}", needs.join(" and ")),
    })
}

/// How it would be searched, and where.
fn search(settings: &Settings, oracles: &[Oracle]) -> String {
    let order = match settings.order {
        Order::AsItComes => "",
        Order::Deterministic => ", the same way each time",
    };
    let certificate = match settings.certify {
        Certify::Strict => "each request alone, with what falls with it",
        Certify::Leaves => "only each request alone on which no other depends",
    };
    let doubt = match settings.confidence {
        Some(confidence) => format!("{} sure", f64::from(confidence)),
        None => "taken as they come".to_owned(),
    };
    let mut text = format!(
        "\nthe search: {}{order}; for the certificate {certificate}; verdicts: {doubt}\n",
        settings.algorithm
    );
    if settings.learns() {
        text +=
            "  begins with what earlier runs did not need, and keeps its result for later ones\n";
    } else if let Some(prior) = &settings.prior {
        text += &format!("  begins with what is not needed by {}\n", prior.display());
    }
    match &settings.trace {
        // Others boot nothing that could be traced.
        Tracing::Auto if oracles.iter().any(Oracle::boots) => {
            text += "  begins with what does not run in a boot of the start, if it can be traced\n";
        }
        Tracing::File(path) => {
            text += &format!("  begins with what did not run in {}\n", path.display());
        }
        Tracing::Auto | Tracing::Off => {}
    }
    if let Some(time) = settings.budget_time {
        text += &format!(
            "  ends after {} at the latest\n",
            crate::model::duration(time)
        );
    }
    if let Some(trials) = settings.budget_trials {
        let trials = count(trials as usize, "trial");
        text += &format!("  ends after {trials} at the latest\n");
    }
    let there = if RunDir::has_run(&settings.output) {
        ", where there is a run: it goes on, if it is this one"
    } else {
        ""
    };
    text + &format!("  in {}{there}\n", settings.output.display())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::oracle;
    use crate::settings::{Machine, PartialSettings};

    #[test]
    fn a_traced_boot_is_announced_only_where_an_oracle_boots() {
        let dir = tempfile::tempdir().unwrap();
        let line = "begins with what does not run in a boot of the start";
        for (script, is_told) in [("kbisect boot --until x", true), ("test -s image", false)] {
            let program = dir.path().join("oracle");
            fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            let name = program.to_str().unwrap().to_owned();
            let asked = PartialSettings::new().with("oracle", name.as_str());
            let told = |trace: Option<&str>| {
                let asked = match trace {
                    Some(trace) => asked.clone().with("trace", trace),
                    None => asked.clone(),
                };
                let settings = Settings::complete(&asked, Machine::here()).unwrap();
                search(&settings, &[oracle::find(&name).unwrap()]).contains(line)
            };
            assert_eq!(told(None), is_told, "{script}");
            assert!(!told(Some("off")), "{script}");
        }
    }
}
