//! The page in place of a report that cannot be made now.

use crate::model::{escape_markup, sanitize_line};

/// Longest reason, in characters.
const LONGEST: usize = 1000;

/// A page that says why there is no report, and tries again by itself.
#[must_use]
pub fn broken(why: &str) -> String {
    let why = escape_markup(&sanitize_line(why, LONGEST));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'\">\n\
         <meta http-equiv=\"refresh\" content=\"5\">\n<title>No report now</title>\n\
         <h1>There is no report now</h1>\n<p>{why}</p>\n<p>This page tries again every 5 seconds.</p>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_no_markup() {
        let page = broken("no <script>alert(1)</script> & \u{1b}[2J more");
        assert!(
            page.contains("no &lt;script&gt;alert(1)&lt;/script&gt; &amp; more"),
            "{page}"
        );
        assert!(page.contains("http-equiv=\"refresh\""));
    }
}
