//! Between the run directory and the search: the files of the best, the calls of the search that a journal has.

use std::collections::HashSet;

use crate::Result;
use crate::journal::{Line, Record, RunDir, RunState};
use crate::kconfig;
use crate::model::{Fragment, MODULES, Request, RequestSet, Symbol, Value};
use crate::search::{Call, Depends};

/// The resolved config of the best, in the run directory.
pub const BEST_CONFIG: &str = "best.config";

/// Its requests.
pub const BEST_FRAGMENT: &str = "best.fragment";

/// The requests of `keep`, in order. Without that for `MODULES`, if there is one, those for modules are left out: Kconfig
/// would build each of them in, and so make a larger kernel of fewer requests.
#[must_use]
pub fn fragment_of(requests: &[Request], keep: &RequestSet) -> Fragment {
    let switches = |request: &Request| request.symbol.as_str() == MODULES;
    let kept = || keep.iter().map(|id| &requests[id.index()]);
    let has_none = requests.iter().any(switches) && !kept().any(switches);
    let holds = |request: &&Request| !(has_none && request.value == Value::MODULE);
    Fragment::new(kept().filter(holds).cloned().collect())
}

/// Replaces both files, each of them at once. `header` stands before the fragment.
///
/// # Errors
/// They cannot be written.
pub fn write_best(dir: &RunDir, config: &str, header: &str, fragment: &Fragment) -> Result<()> {
    dir.write(BEST_CONFIG, config.as_bytes())?;
    dir.write(BEST_FRAGMENT, laid_over(header, fragment).as_bytes())?;
    Ok(())
}

/// A fragment with what stands before it, less what the fragment itself has another value for: some `conf`s
/// take the first of two lines.
#[must_use]
pub fn laid_over(header: &str, fragment: &Fragment) -> String {
    let asked: HashSet<&Symbol> = fragment.requests().iter().map(|r| &r.symbol).collect();
    let is_overridden = |line: &str| {
        let line = kconfig::read(line.as_bytes()).fragment;
        line.requests().iter().any(|r| asked.contains(&r.symbol))
    };
    let kept = header
        .split_inclusive('\n')
        .filter(|line| !is_overridden(line));
    kept.collect::<String>() + &fragment.to_string()
}

/// The calls of the search that a journal has, since it last began anew, for
/// [`replay`](crate::search::replay).
pub fn calls(lines: &[Line]) -> impl Iterator<Item = Call> + '_ {
    let calls = RunState::of(lines).calls.into_iter();
    let evidence = |at: &usize| match &lines[*at].record {
        Record::Told { judgement, .. } => judgement.why_failed().map(str::to_owned),
        _ => None,
    };
    let call = |at: usize| match &lines[at].record {
        Record::Start { judgement, .. } => Some(Call::StartJudged(judgement.verdict)),
        Record::Proposed { candidate } => Some(Call::Proposed(candidate.clone())),
        Record::Told {
            candidate,
            judgement,
            ..
        } => Some(Call::Told(*candidate, judgement.verdict)),
        Record::Withdrawn { candidate } => Some(Call::Withdrawn(*candidate)),
        // One that does not fit says nothing, as if nobody could tell.
        Record::Depends { keep, carried } => Some(Call::Learnt(
            Depends::of_lists(carried, keep.capacity()).unwrap_or_default(),
        )),
        _ => None,
    };
    calls.flat_map(move |at| {
        [evidence(&at).map(Call::Heard), call(at)]
            .into_iter()
            .flatten()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::RequestId;

    #[test]
    fn without_modules_no_module_is_asked_for() {
        let text = b"CONFIG_NET=y\nCONFIG_MODULES=y\nCONFIG_VIRTIO_NET=m\nCONFIG_HZ=100\n";
        let requests = kconfig::read(text).fragment.requests().to_vec();
        let of = |ids: &[u32], requests: &[Request]| {
            let keep = RequestSet::of(requests.len(), ids.iter().map(|id| RequestId(*id)));
            fragment_of(requests, &keep).to_string()
        };
        let without = "CONFIG_NET=y\nCONFIG_HZ=100\n";
        assert_eq!(of(&[0, 2, 3], &requests), without);
        assert_eq!(of(&[0, 1, 2, 3], &requests).as_bytes(), text);
        // Of a base with modules nobody asks for them.
        let others = [&requests[..1], &requests[2..]].concat();
        assert_eq!(of(&[0, 1], &others), "CONFIG_NET=y\nCONFIG_VIRTIO_NET=m\n");
    }
}
