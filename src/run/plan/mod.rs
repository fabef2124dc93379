//! Shows what a run would do, without a build.

mod text;

pub use text::{Listing, plan_text};

use std::collections::HashMap;
use std::path::Path;

use serde::{Serialize, Serializer};

use crate::Result;
use crate::build::TreePool;
use crate::journal::{RunDir, RunState};
use crate::kconfig::engine::{Explanation, Why};
use crate::kconfig::{self, Fixed, Start};
use crate::model::{Fragment, Request, RequestId, RequestSet, Symbol};
use crate::oracle::Oracle;
use crate::run::opened::check_key;
use crate::run::opening::{Opening, prior};
use crate::run::start::start;
use crate::run::tell::{Watcher, warn};
use crate::run::tools::{Tools, Want};
use crate::run::{Plan, checks, stand_in, tools};
use crate::search::Depends;
use crate::settings::Settings;
use crate::supervise::CancelToken;

/// What a run would do. The lists by request are in the order of `requests`.
#[derive(Debug, Clone, Serialize)]
pub struct PlanReport {
    /// The requests of the start, in menu order.
    #[serde(serialize_with = "as_texts")]
    pub requests: Vec<Request>,
    /// By request, the others that go with it. Empty if nobody can tell quickly.
    pub carried: Vec<Vec<Symbol>>,
    /// By request, those that it goes with by itself, not only with what selects it. Empty as `carried`.
    pub needs: Vec<Vec<Symbol>>,
    /// By request, the others that select it, so that it changes nothing beside them. Empty if there are none.
    pub selected_by: Vec<Vec<Symbol>>,
    /// The requests that stay (`--keep`, and what these depend on).
    #[serde(serialize_with = "as_texts")]
    pub keep: Vec<Request>,
    /// Requests without which nothing changes.
    #[serde(serialize_with = "as_texts")]
    pub dropped: Vec<Request>,
    /// Assignments of the start that are no requests.
    pub fixed: Vec<FixedRequest>,
    /// `=` lines of the resolved start.
    pub lines: usize,
    /// `=` lines of the base.
    pub base_lines: usize,
    /// `=` lines of the resolved start that no request asks for.
    pub implied: usize,
    /// The command line of a build in the folder `TREE`.
    pub build: String,
    /// The programs of the oracles.
    pub oracles: Vec<String>,
    /// What is judged first, the start or a guess, and why; in words for people.
    #[serde(skip)]
    pub opening: String,
    /// Whether it is a guess.
    pub begins_with_guess: bool,
    /// The settings.
    pub settings: Settings,
    /// By request, those that go with it by itself: `needs` turned round.
    #[serde(skip)]
    pub with: Vec<Vec<Symbol>>,
    /// The number of build trees.
    #[serde(skip)]
    pub trees: usize,
    /// Whether an oracle boots kernels, so that a boot of the start can be traced.
    #[serde(skip)]
    pub boots: bool,
    /// Whether there is a run in the run directory already.
    #[serde(skip)]
    pub has_run: bool,
}

/// An assignment of the start that is no request.
#[derive(Debug, Clone, Serialize)]
pub struct FixedRequest {
    /// The assignment.
    #[serde(serialize_with = "as_text")]
    pub request: Request,
    /// Why it is no request, in words for people.
    pub why: String,
    /// Why it is no request.
    #[serde(skip)]
    pub kind: Fixed,
}

fn as_text<S: Serializer>(request: &Request, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(request)
}

fn as_texts<S: Serializer>(requests: &[Request], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(requests.iter().map(ToString::to_string))
}

/// Shows what the run would do: reads the start and asks Kconfig, but builds and writes nothing.
///
/// # Errors
/// Those that [`search`](crate::run::search) would have before its first build.
pub fn plan(plan: &Plan<'_>, cancel: &CancelToken, tell: &mut Watcher<'_>) -> Result<PlanReport> {
    let mut settings = plan.settings.clone();
    stand_in::find(&mut settings, cancel, tell)?;
    let settings = &settings;
    let files = plan.files(settings, tell)?;
    checks::guess(settings)?;
    checks::output(&settings.output)?;
    let tools = tools(settings, plan.when_missing, Want::ResolveOnly, cancel, tell)?;
    check_run(settings, &tools, cancel)?;
    let start = start(files, settings, &tools, cancel, tell)?.start;
    let (prior, origin) = prior(settings, &start.requests, &[], &tools.known, tell)?;
    let opening = Opening::of(settings, &tools, start.requests.len(), &prior, origin)?;
    if let Some(text) = opening.warning(settings) {
        warn(tell, text);
    }
    let begins_with_guess = matches!(opening, Opening::Guess(_));
    // One question for each request: too long with `conf`.
    let carried = match tools.resolver.trusted() {
        Some(_) => {
            kconfig::dependents(&start.requests, &start.selectors, &*tools.resolver, cancel)?
        }
        None => Vec::new(),
    };
    Ok(PlanReport {
        opening: opening.text(),
        begins_with_guess,
        ..report(settings, &tools, &start, &carried)
    })
}

/// Would the run in the output go on with these tools? Its other checks are left to the run itself.
fn check_run(settings: &Settings, tools: &Tools, cancel: &CancelToken) -> Result<()> {
    if RunDir::is_held(&settings.output) {
        return Ok(());
    }
    let Ok((mut info, lines)) = RunDir::read(&settings.output) else {
        return Ok(());
    };
    // The rest takes long: the run itself looks at it.
    info.key.retain_parts_of(&tools.key);
    let hint = "a run there would be refused: give another --output";
    let state = RunState::of(&lines);
    check_key(&settings.output, &info, &state, tools, cancel, hint)
}

fn report(settings: &Settings, tools: &Tools, start: &Start, carried: &[RequestSet]) -> PlanReport {
    let request = |id: RequestId| &start.requests[id.index()];
    let symbols = |set: &RequestSet| -> Vec<Symbol> {
        set.iter().map(|id| request(id).symbol.clone()).collect()
    };
    let own = by_themselves(start, carried);
    // Turned round: what each request can only matter with.
    let mut needs = vec![Vec::new(); own.len()];
    for (request, set) in start.requests.iter().zip(&own) {
        for id in set.iter() {
            needs[id.index()].push(request.symbol.clone());
        }
    }
    PlanReport {
        carried: carried.iter().map(symbols).collect(),
        needs,
        selected_by: start.selectors.iter().map(symbols).collect(),
        keep: start.keep.iter().map(|id| request(id).clone()).collect(),
        dropped: start.dropped.clone(),
        fixed: fixed(tools, start),
        lines: start.resolved.config.len(),
        base_lines: start.base.config.len(),
        implied: start.implied(),
        build: tools
            .plan
            .of_config(&start.resolved.config)
            .command_line(Path::new("TREE")),
        oracles: tools
            .oracles
            .iter()
            .map(|o| o.program().display().to_string())
            .collect(),
        opening: String::new(),
        begins_with_guess: false,
        settings: settings.clone(),
        with: own.iter().map(symbols).collect(),
        trees: TreePool::size(settings.jobs.get()),
        boots: tools.oracles.iter().any(Oracle::boots),
        has_run: RunDir::has_run(&settings.output),
        requests: start.requests.clone(),
    }
}

/// What goes with each request by itself, and not only with what selects it.
fn by_themselves(start: &Start, carried: &[RequestSet]) -> Vec<RequestSet> {
    let none = RequestSet::empty(start.requests.len());
    let depends = Depends::measured(carried.to_vec());
    let own = |(id, carried): (usize, &RequestSet)| {
        let selectors = start.selectors.get(id).unwrap_or(&none);
        carried.minus(&depends.closure(selectors))
    };
    carried.iter().enumerate().map(own).collect()
}

/// The assignments that are no requests, each with the reason.
fn fixed(tools: &Tools, start: &Start) -> Vec<FixedRequest> {
    let decided = deciders(tools, start);
    let why = |request: &Request, kind: Fixed| {
        let by = decided.get(&request.symbol).map(String::as_str);
        if let Some((_, is)) = start.missing.iter().find(|(asked, _)| asked == request) {
            let is = match is.is_no() {
                true => "off".to_owned(),
                false => is.to_string(),
            };
            return format!(
                "asked for, but it is {is} (`kbisect explain {}`)",
                request.symbol
            );
        }
        match kind {
            Fixed::NoPrompt => format!(
                "no visible prompt: {}",
                by.unwrap_or("other symbols decide")
            ),
            Fixed::Forced => by.unwrap_or("forced by a select").to_owned(),
            Fixed::SameAsBase => "the base has it too".to_owned(),
            Fixed::InBase => "the base asks for it itself (--base)".to_owned(),
        }
    };
    let fixed = start.fixed.iter();
    fixed
        .map(|(request, kind)| FixedRequest {
            request: request.clone(),
            why: why(request, *kind),
            kind: *kind,
        })
        .collect()
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
