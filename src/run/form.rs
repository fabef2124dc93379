//! What the text of a start means: a whole config, a defconfig or a fragment.

use super::given::Given;
use super::lists::{few, list};
use super::tell::{Watcher, note};
use super::tools::Tools;
use super::versions;
use crate::build::arch_folder;
use crate::input;
use crate::kconfig::engine::{Mode, Model};
use crate::kconfig::{Parsed, Resolver, parse_config};
use crate::model::{Config, Fragment, Request, Value, count};
use crate::settings::{Form, Settings};
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// So many symbols that nobody sets are named.
const NAMED: usize = 3;

/// So few may do so in any text.
const FEW: usize = 5;

/// So many of a hundred assignments must make sense only with the defaults of the tree, or a text is a fragment.
const NEEDS_DEFAULTS: usize = 10;

/// A text that means more than it says, as the `.config` that it means.
pub(crate) struct Completed {
    /// The text of the `.config`.
    pub(crate) text: String,
    /// Assignments of the text that do not hold in it, with the value that holds.
    pub(crate) unmet: Vec<(Request, Value)>,
}

/// Adds the defaults of the tree to a start where its form asks for that, and says in one line how it is read.
/// None: the text is taken as it is.
///
/// # Errors
/// The start is for another architecture; Kconfig fails.
pub(crate) fn complete(
    settings: &Settings,
    given: &Given,
    parsed: &Parsed,
    tools: &Tools,
    cancel: &CancelToken,
    tell: &mut Watcher<'_>,
) -> Result<Option<Completed>> {
    refuse_another_architecture(given, tools)?;
    if given.is_own && settings.start_as.is_none() {
        return Ok(None);
    }
    let (form, why) = form(settings, given, parsed, tools, cancel)?;
    let mut said = format!("start: {}: {}", given.name, form_name(form));
    if !why.is_empty() {
        said = format!("{said}: {why}");
    }
    if !given.packed.is_empty() {
        said = format!("{said}; {}", given.packed.join(", "));
    }
    note(tell, said);
    // A whole config may be of another version, and lack symbols that this tree has; what was merged into one may
    // uncover symbols.
    if form == Form::Fragment {
        return Ok(None);
    }
    let conf = tools.resolver.conf();
    let text = conf.reference(Mode::OldDef, Some(&given.merged.text), cancel)?;
    let config = parse_config(&text);
    let unmet = unmet(&parsed.fragment, &config, tools);
    if form == Form::Full
        && let Some(model) = tools.resolver.trusted()
    {
        versions::tell_new(tell, &given.name, parsed, model, &text);
    }
    Ok(Some(Completed { text, unmet }))
}

fn form_name(form: Form) -> &'static str {
    match form {
        Form::Full => "a whole .config",
        Form::Defconfig => "a defconfig",
        Form::Fragment => "a fragment",
    }
}

/// How the start is read, and why.
fn form(
    settings: &Settings,
    given: &Given,
    parsed: &Parsed,
    tools: &Tools,
    cancel: &CancelToken,
) -> Result<(Form, String)> {
    if let Some(form) = settings.start_as {
        return Ok((form, String::new()));
    }
    if given.is_whole {
        return Ok((Form::Full, String::new()));
    }
    // The one and the other cannot be told apart by their text: what Kconfig makes of it tells.
    let asked = &parsed.fragment;
    let alone = tools.resolver.foresee(asked, cancel)?;
    let needs_defaults = unmet(asked, &alone.config, tools).len();
    let with = unmet(asked, &with_defaults(asked, tools, cancel)?, tools).len();
    // Over a base without defaults nobody has to switch these off.
    let is_off = |request: &&Request| request.value.is_no();
    let (off, on): (Vec<&Request>, Vec<&Request>) = asked.requests().iter().partition(is_off);
    let on = Fragment::new(on.into_iter().cloned().collect());
    let defaults = with_defaults(&on, tools, cancel)?;
    let is_default = |request: &&&Request| !defaults.get(&request.symbol).is_no();
    let switched_off = off.iter().filter(is_default).count();
    let relying = needs_defaults.saturating_sub(with) + switched_off;
    let count = asked.requests().len();
    if relying < FEW || relying * 100 < count * NEEDS_DEFAULTS || with > needs_defaults {
        return Ok((Form::Fragment, String::new()));
    }
    let why = format!(
        "{relying} of its {count} assignments make sense only with the defaults of the tree (--start-as fragment reads \
         it without)"
    );
    Ok((Form::Defconfig, why))
}

/// What assignments come to with the defaults of the tree.
fn with_defaults(asked: &Fragment, tools: &Tools, cancel: &CancelToken) -> Result<Config> {
    let text = asked.to_string();
    let config = match tools.resolver.trusted() {
        Some(model) => {
            let asked = model.assignments(&text);
            model.resolve(Mode::OldDef, Some(&asked)).write()
        }
        None => (tools.resolver.conf()).reference(Mode::OldDef, Some(text.as_bytes()), cancel)?,
    };
    Ok(parse_config(&config))
}

/// The assignments that do not hold in a config, with the value that holds. Symbols that the tree does not have are
/// left out: they are told by themselves.
fn unmet(asked: &Fragment, config: &Config, tools: &Tools) -> Vec<(Request, Value)> {
    let known = asked.requests().iter();
    let known = known.filter(|request| tools.known.contains(&request.symbol));
    let with_value = known.map(|request| (request.clone(), config.get(&request.symbol).clone()));
    with_value
        .filter(|(request, got)| request.value != *got && !request.value.is_same_number(got))
        .collect()
}

/// Warns of assignments that do not hold even with the defaults of the tree. Of those without a prompt it only tells
/// how many there are: nobody sets them, they follow from the compiler and from the others.
pub(crate) fn tell_unmet(
    tell: &mut Watcher<'_>,
    name: &str,
    unmet: &[(Request, Value)],
    model: Option<&Model>,
) {
    let mut state = model.map(|model| (model, model.resolve(Mode::OldDef, None)));
    let has_prompt = |(request, _): &&(Request, Value)| {
        let explained = state.as_mut().and_then(|(model, state)| {
            let explanation = state.explain(model.find(request.symbol.as_str())?)?;
            Some(explanation.has_prompt())
        });
        explained.unwrap_or(true)
    };
    let (set, computed): (Vec<_>, Vec<_>) = unmet.iter().partition(has_prompt);
    let text = |(request, got): &&(Request, Value)| {
        format!("asks for {request}, gets {got} with the defaults of the tree")
    };
    list(tell, name, set.iter().map(text));
    if !computed.is_empty() {
        let names: Vec<&str> = computed.iter().map(|(r, _)| r.symbol.as_str()).collect();
        note(
            tell,
            format!(
                "start: {name}: {} that nobody sets, such as the compiler's version, {} another value here ({})",
                count(computed.len(), "symbol"),
                if computed.len() == 1 { "has" } else { "have" },
                few(&names, NAMED),
            ),
        );
    }
}

/// Refuses a whole `.config` of Linux for another architecture.
fn refuse_another_architecture(given: &Given, tools: &Tools) -> Result<()> {
    let ours = tools.resolver.conf().srcarch();
    if ours.is_empty() {
        return Ok(());
    }
    for part in given.parts() {
        if let Some(arch) = input::architecture(&part.text)
            && arch_folder(arch) != ours
        {
            let (name, arch) = (&part.name, arch.escape_debug());
            return Err(Error::usage(format!(
                "{name} is a configuration for {arch}, and this run is for {ours}"
            ))
            .hint(format!("give --arch {arch}, or another --start")));
        }
    }
    Ok(())
}
