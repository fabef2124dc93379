//! How an error is shown.

use super::paint::Paint;
use crate::Error;
use crate::model::sanitize_line;

/// Longest message that is shown in one line, in characters.
const LONGEST: usize = 2000;

/// An error, for people: the message with its causes, and what to do, a line each.
#[must_use]
pub fn error_text(paint: Paint, error: &Error) -> String {
    let mut lines = format!("{} {}\n", paint.bad("error:"), message(error));
    for line in error.hint_text().into_iter().flat_map(str::lines) {
        let line = sanitize_line(line, LONGEST);
        lines += &format!("{} {line}\n", paint.strong("hint:"));
    }
    lines
}

/// An error, as a line of JSON for programs.
#[must_use]
pub fn error_json(error: &Error) -> String {
    let line = serde_json::json!({
        "v": 1, "event": "error", "message": message(error),
        "hint": error.hint_text(), "exit": error.kind().exit_code(),
    });
    format!("{line}\n")
}

fn message(error: &Error) -> String {
    let mut text = sanitize_line(&error.to_string(), LONGEST);
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text += &format!(": {}", sanitize_line(&cause.to_string(), LONGEST));
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_shown_with_its_cause_and_each_line_of_its_hint_without_control_characters() {
        let cause = std::io::Error::other("no \u{1b}[31mroom");
        let error = Error::failed("cannot write").because(cause).hint("a\nb");
        let cause = sanitize_line("no \u{1b}[31mroom", LONGEST);
        assert!(!cause.contains('\u{1b}'));
        assert_eq!(
            error_text(Paint::Nothing, &error),
            format!("error: cannot write: {cause}\nhint: a\nhint: b\n")
        );
        let json: serde_json::Value = serde_json::from_str(&error_json(&error)).unwrap_or_default();
        assert_eq!(json["message"], format!("cannot write: {cause}"));
        assert_eq!(
            (json["exit"].as_u64(), json["v"].as_u64()),
            (Some(1), Some(1))
        );
    }
}
