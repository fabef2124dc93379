//! The lines of a start that are no requests, with the reasons in words.

use super::{Free, FreeKind};
use crate::model::{Analysis, Request, SetBy, WhyFixed, WhyMissing};

/// All of them, in the order of the analysis.
pub(super) fn free(analysis: &Analysis) -> Vec<Free> {
    let mut all: Vec<Free> = Vec::new();
    let mut add = |request: &Request, kind, said: String| {
        all.push(Free {
            request: request.clone(),
            kind,
            said,
        });
    };
    for dropped in &analysis.dropped {
        let said = format!("the start is the same without it: {}", set_by(&dropped.why));
        add(&dropped.request, FreeKind::Follows, said);
    }
    for fixed in &analysis.fixed {
        add(&fixed.request, FreeKind::Fixed, why_fixed(&fixed.why));
    }
    for missing in &analysis.missing {
        let said = format!("it became {}: {}", missing.got, why_missing(&missing.why));
        add(&missing.request, FreeKind::NoEffect, said);
    }
    all
}

/// What sets a symbol, in words.
fn set_by(why: &SetBy) -> String {
    match why {
        SetBy::Default { default } => format!("its default is {default}"),
        SetBy::Selected { by } => format!("selected by {}", by.join(", ")),
        SetBy::Implied { by } => format!("implied by {}", by.join(", ")),
        SetBy::Chosen => "its choice takes it".to_owned(),
        SetBy::Base => "the base asks for it".to_owned(),
        SetBy::Unknown => "nobody could tell why".to_owned(),
    }
}

fn why_fixed(why: &WhyFixed) -> String {
    match why {
        WhyFixed::NoPrompt { set, needs } => {
            let needs = match needs.as_slice() {
                [] => String::new(),
                needs => format!("; for a prompt it needs {}", needs.join(", ")),
            };
            format!("it has no prompt here: {}{needs}", set_by(set))
        }
        WhyFixed::Forced { by } => match by.as_slice() {
            [] => "a select leaves it no other value".to_owned(),
            by => format!(
                "selected by {}, which leaves it no other value",
                by.join(", ")
            ),
        },
        WhyFixed::SameAsBase => "the base has the same value".to_owned(),
        WhyFixed::InBase => "the base asks for it".to_owned(),
    }
}

fn why_missing(why: &WhyMissing) -> String {
    match why {
        WhyMissing::Needs { needs } => format!("it needs {}", needs.join(", ")),
        WhyMissing::Selected { by } => format!("selected by {}", by.join(", ")),
        WhyMissing::NotChosen => "its choice takes another member".to_owned(),
        WhyMissing::NoPrompt => "it has no prompt: only other symbols set it".to_owned(),
        WhyMissing::Limited => "its dependencies or its range allow no more".to_owned(),
        WhyMissing::Unknown => "nobody could tell why".to_owned(),
    }
}
