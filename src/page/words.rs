//! The words for what the long report knows as variants.

use crate::model::{Fragment, Request};
use crate::report::Reason;
use crate::report::details::{FreeKind, LineWhy, OptionDetails, Standing, TrialEnd, TrialOf};

/// How far the run came.
pub(super) fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Minimal => "minimal and certified",
        Standing::Leaves => "minimal if the oracle is monotone, not certified",
        Standing::Unproved => "not proved minimal",
        Standing::Stopped => "stopped early",
        Standing::Running => "under way",
        Standing::NothingPassed => "nothing has passed yet",
    }
}

/// The kind of proof that a request has to stay.
pub(super) fn proof(reason: &Reason) -> &'static str {
    match reason {
        Reason::Needed { .. } => "needed: the trial without it failed",
        Reason::Implied { .. } => "implied: a needed request depends on it",
        Reason::Kept => "kept because you said so: it was never tested",
        Reason::Unproved => "not proved: no trial without it gave a verdict",
    }
}

/// Why a request stays, in a few words: how the trial without it failed, if it did.
pub(super) fn short(option: &OptionDetails) -> String {
    let failure = option.failure.as_ref();
    let meaning = failure.and_then(|f| f.meaning.as_ref().or(f.evidence.as_ref()));
    match (&option.reason, meaning) {
        (Reason::Needed { .. }, Some(meaning)) => meaning.clone(),
        (
            Reason::Needed {
                evidence: Some(evidence),
                ..
            },
            None,
        ) => evidence.clone(),
        (Reason::Implied { by }, _) => format!("{by} depends on it, and is needed"),
        (reason, _) => proof(reason).to_owned(),
    }
}

/// The kind of reason for which a line is in a config, as a heading.
pub(super) fn line_kind(why: &LineWhy) -> &'static str {
    match why {
        LineWhy::Asked => "requested",
        LineWhy::Base => "base",
        LineWhy::Forced => "forced",
        LineWhy::Selected { .. } => "selected",
        LineWhy::Implied { .. } => "implied",
        LineWhy::Default { .. } => "default",
        LineWhy::Chosen => "chosen",
        LineWhy::Unknown => "unknown",
    }
}

/// The kind of reason for which a line is in a config, in words.
pub(super) fn line_kind_said(why: &LineWhy) -> &'static str {
    match why {
        LineWhy::Asked => "requested by the answer",
        LineWhy::Base => "requested by the base",
        LineWhy::Forced => {
            "forced by the architecture or the tree: there without any request, and without a prompt"
        }
        LineWhy::Selected { .. } => "selected by another symbol",
        LineWhy::Implied { .. } => "implied by another symbol",
        LineWhy::Default { .. } => "a default",
        LineWhy::Chosen => "taken by its choice",
        LineWhy::Unknown => "unknown: nobody could tell why",
    }
}

/// Why a line is in a config.
pub(super) fn line_why(why: &LineWhy) -> String {
    match why {
        LineWhy::Asked => "requested by the answer".to_owned(),
        LineWhy::Base => "requested by the base".to_owned(),
        LineWhy::Forced => "forced by the architecture or the tree".to_owned(),
        LineWhy::Selected { by } => format!("selected by {}", by.join(", ")),
        LineWhy::Implied { by } => format!("implied by {}", by.join(", ")),
        LineWhy::Default { default } => format!("its default: {default}"),
        LineWhy::Chosen => "the member that its choice takes".to_owned(),
        LineWhy::Unknown => "nobody could tell".to_owned(),
    }
}

/// Why a line of the start is no request, as a heading.
pub(super) fn free_kind(kind: FreeKind) -> &'static str {
    match kind {
        FreeKind::Follows => "free: the start has it without a request",
        FreeKind::Fixed => "fixed: no request can switch it",
        FreeKind::NoEffect => "without effect: the start asks for it and does not get it",
    }
}

/// How a trial ended.
pub(super) fn trial_end(end: TrialEnd) -> &'static str {
    match end {
        TrialEnd::Pass => "pass",
        TrialEnd::FailBuild => "fail: build",
        TrialEnd::FailOracle => "fail: oracle",
        TrialEnd::Unresolved => "unresolved",
        TrialEnd::Open => "no verdict",
    }
}

/// What a trial is of.
pub(super) fn trial_of(of: TrialOf) -> &'static str {
    match of {
        TrialOf::Start => "start",
        TrialOf::StandIn => "stand-in",
        TrialOf::Candidate => "candidate",
    }
}

/// A request as a line of a fragment.
pub(super) fn fragment_line(request: &Request) -> String {
    let mut line = Fragment::new(vec![request.clone()]).to_string();
    line.truncate(line.trim_end().len());
    line
}

/// The menus that something is in, from the outermost.
pub(super) fn menu(path: &[String]) -> String {
    path.join(" › ")
}

/// Bytes that an option brings: `+4.1 kB`.
pub(super) fn signed_bytes(n: i64) -> String {
    let sign = match n {
        0 => "",
        1.. => "+",
        _ => "\u{2212}",
    };
    format!("{sign}{}", crate::model::bytes(n.unsigned_abs()))
}
