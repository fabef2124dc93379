//! The page: one file of HTML, which needs nothing else.

use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, Value, context};
use sha2::{Digest, Sha256};

use super::anchors::Anchors;
use super::{filters, fit, pictures};
use crate::model::sanitize;
use crate::report::Details;
use crate::{Error, Result};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The templates. Their names end in `.html`: all that they show is escaped.
const TEMPLATES: [(&str, &str); 7] = [
    ("page.html", include_str!("templates/page.html")),
    ("top.html", include_str!("templates/top.html")),
    ("options.html", include_str!("templates/options.html")),
    ("lines.html", include_str!("templates/lines.html")),
    ("gone.html", include_str!("templates/gone.html")),
    ("pictures.html", include_str!("templates/pictures.html")),
    ("trials.html", include_str!("templates/trials.html")),
];

/// Where the page comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served<'a> {
    /// From a file.
    File,
    /// From a server that has, under `version` beside the page, the version of the report as a text. The page is
    /// loaded anew when that is no longer `version`.
    Live {
        /// The version of these details.
        version: &'a str,
    },
}

/// The report as a page of HTML. It needs no other file and no network. Nothing in it can run but its own script.
///
/// # Errors
/// A template is wrong.
pub fn html(details: &Details, served: Served<'_>) -> Result<String> {
    let details = fit::fitted(details);
    let style = format!("{STYLE}\n{}", pictures::STYLE);
    let version = match served {
        Served::File => None,
        Served::Live { version } => Some(version),
    };
    let context = context! {
        details => Value::from(Serde(&*details)),
        pictures => Value::from(Serde(pictures::all(&details))),
        policy => policy(&style, served),
        style => Value::from_safe_string(style),
        script => Value::from_safe_string(SCRIPT.to_owned()),
        version => version,
    };
    let environment = environment(Anchors::new(&details));
    environment
        .and_then(|environment| environment.get_template("page.html")?.render(context))
        .map_err(|e| Error::failed("the report cannot be made into a page").because(e))
}

fn environment(anchors: Anchors) -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    environment.set_syntax(syntax.build()?);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(format);
    filters::add(&mut environment, &Arc::new(anchors));
    for (name, text) in TEMPLATES {
        environment.add_template(name, text)?;
    }
    Ok(environment)
}

/// Writes a value: escaped, and without what could reorder or hide the text around it.
fn format(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    match value.as_str() {
        Some(text) if !value.is_safe() && (!text.is_ascii() || text.contains(char::is_control)) => {
            minijinja::escape_formatter(out, state, &Value::from(sanitize(text)))
        }
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// What the page may do: its own style and script, by their hashes, and, if it is live, ask its server.
fn policy(style: &str, served: Served<'_>) -> String {
    let connect = match served {
        Served::File => "'none'",
        Served::Live { .. } => "'self'",
    };
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src {connect}; img-src data:; \
         base-uri 'none'; form-action 'none'",
        base64(&Sha256::digest(style)),
        base64(&Sha256::digest(SCRIPT)),
    )
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let byte = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            match i <= group.len() {
                true => out.push(char::from(DIGITS[(bits >> (18 - 6 * i) & 63) as usize])),
                false => out.push('='),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads_what_is_no_multiple_of_three() {
        let all = ["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes()));
        assert_eq!(all, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }
}
