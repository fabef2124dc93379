//! The page in a browser, as people use it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use kbisect::page::{Served, html};
use kbisect::report::Details;
use kbisect::serve::{Answer, Server};
use kbisect::supervise::CancelToken;
use serde_json::json;

use super::chromium::{Chromium, axe};
use super::sample::{hostile, small};

/// Cancels when it is dropped: a server ends with its test, even if that fails.
struct Ends<'a>(&'a CancelToken);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// A page in a file.
struct File {
    dir: tempfile::TempDir,
}

impl File {
    fn of(details: &Details) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let page = html(details, Served::File).unwrap();
        fs::write(dir.path().join("report.html"), page).unwrap();
        Self { dir }
    }

    fn url(&self) -> String {
        format!("file://{}/report.html", self.dir.path().display())
    }
}

fn opened(details: &Details) -> (Chromium, File) {
    let (mut browser, file) = (Chromium::new(), File::of(details));
    browser.look(1400, "light");
    browser.open(&file.url());
    (browser, file)
}

fn pictures() -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// The ids of the entries of `list` that are shown.
fn shown(browser: &mut Chromium, list: &str) -> Vec<String> {
    let ids = browser.value(&format!(
        "Array.from(document.querySelectorAll('[data-list={list}] .item')).filter((e) => e.checkVisibility()).map((e) => e.id)"
    ));
    serde_json::from_value(ids).unwrap()
}

#[test]
fn nobody_is_kept_from_using_the_page_in_any_colours_and_width() {
    let script = axe();
    for (name, details) in [("sample", small()), ("hostile", hostile())] {
        let (mut browser, file) = opened(&details);
        for scheme in ["light", "dark"] {
            for width in [1400, 360] {
                browser.look(width, scheme);
                browser.open(&file.url());
                browser.value(
                    "document.querySelectorAll('details').forEach((d) => { d.open = true; })",
                );
                let wide = browser.value("document.documentElement.scrollWidth");
                assert_eq!(wide, json!(width), "{name} {scheme}: it scrolls sideways");
                let back = browser.value("getComputedStyle(document.body).backgroundColor");
                assert_eq!(
                    back == json!("rgb(255, 255, 255)"),
                    scheme == "light",
                    "{back}"
                );
                browser.picture(
                    width,
                    &pictures().join(format!("{name}-{scheme}-{width}.png")),
                );
                browser.value(&script);
                let findings = browser.value(
                    "axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations\
                     .filter((v) => v.impact === 'serious' || v.impact === 'critical')\
                     .map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html + ' ' + n.failureSummary).join('; ')}`))",
                );
                assert_eq!(findings, json!([]), "{name} {scheme} {width}");
            }
        }
        assert_eq!(browser.complaints(), [""; 0], "{name}");
    }
}

#[test]
fn the_switch_turns_the_colours_whatever_the_system_has() {
    let (mut browser, _file) = opened(&small());
    let back = "getComputedStyle(document.body).backgroundColor";
    let light = browser.value(back);
    browser.click("#theme");
    let dark = browser.value(back);
    assert_ne!(light, dark);
    assert_eq!(
        browser.value("document.querySelector('#theme').textContent"),
        "Light"
    );
    browser.look(1400, "dark");
    assert_eq!(browser.value(back), dark);
    browser.click("#theme");
    assert_eq!(browser.value(back), light);
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn the_keyboard_finds_and_unfolds() {
    let (mut browser, _file) = opened(&small());
    browser.press("/");
    assert_eq!(browser.value("document.activeElement.id"), "seek");
    browser.write("FUTEX");
    browser.until("found.textContent !== ''");
    let said = browser.value("found.textContent");
    assert_eq!(
        said,
        "Found 1 of 6 options, 3 of 13 lines of the config, 0 of 4 removed, 1 of 3 other lines of the start, 1 of 10 trials."
    );
    assert_eq!(shown(&mut browser, "options"), ["CONFIG_FUTEX"]);
    assert_eq!(
        shown(&mut browser, "lines"),
        ["line-FUTEX", "CONFIG_FUTEX_PI", "CONFIG_RT_MUTEXES"]
    );
    // The group in which it is was folded.
    assert_eq!(shown(&mut browser, "free"), ["free-FUTEX_PI"]);
    browser.value("document.querySelector('#CONFIG_FUTEX > summary').focus()");
    browser.press("Enter");
    assert_eq!(
        browser.value("document.querySelector('#CONFIG_FUTEX').open"),
        true
    );
    browser.press("/");
    browser.press("Escape");
    browser.until("found.textContent === ''");
    assert_eq!(shown(&mut browser, "options").len(), 6);
    assert_eq!(shown(&mut browser, "free"), [""; 0]);
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn the_first_stop_of_the_keyboard_leads_past_the_bar() {
    let (mut browser, _file) = opened(&small());
    browser.press("Tab");
    assert_eq!(browser.value("document.activeElement.className"), "skip");
    browser.press("Enter");
    browser.until("document.activeElement.id === 'main'");
}

#[test]
fn the_mouse_unfolds_filters_and_copies() {
    let (mut browser, _file) = opened(&small());
    browser.click("#CONFIG_NET > summary");
    assert_eq!(
        browser.value("document.querySelector('#CONFIG_NET').open"),
        true
    );
    browser.click("#CONFIG_NET > summary");
    assert_eq!(
        browser.value("document.querySelector('#CONFIG_NET').open"),
        false
    );
    browser.click("[data-unfold]");
    assert_eq!(
        browser.value("document.querySelectorAll('details.option[open]').length"),
        6
    );
    browser.click("[data-fold]");
    assert_eq!(
        browser.value("document.querySelectorAll('details.option[open]').length"),
        0
    );
    // The list of a select is not in the page: it is chosen from with the keyboard.
    browser.value("menu.focus()");
    browser.press("ArrowDown");
    browser.until("found.textContent !== ''");
    assert_eq!(browser.value("menu.value"), "Device Drivers");
    assert_eq!(shown(&mut browser, "options"), ["CONFIG_TTY"]);
    assert_eq!(shown(&mut browser, "removed"), ["CONFIG_USB"]);
    browser.value(
        "menu.value = ''; reason.value = 'selected'; reason.dispatchEvent(new Event('change'))",
    );
    assert_eq!(shown(&mut browser, "lines"), ["CONFIG_RT_MUTEXES"]);
    assert_eq!(shown(&mut browser, "options"), [""; 0]);
    // A link to what the filter hides.
    browser.click("#CONFIG_RT_MUTEXES td a");
    browser.until("reason.value === ''");
    assert_eq!(browser.value("location.hash"), "#CONFIG_FUTEX_PI");
    browser.click("[data-copy=command-1]");
    browser.until("document.querySelector('[data-copy=command-1]').textContent !== 'Copy'");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn a_link_to_a_folded_option_unfolds_it() {
    let (mut browser, file) = (Chromium::new(), File::of(&small()));
    browser.open(&format!("{}#CONFIG_TTY", file.url()));
    browser.until("document.querySelector('#CONFIG_TTY').open");
    browser.value("location.hash = '#CONFIG_USB'");
    browser.until("document.querySelector('#CONFIG_USB').checkVisibility()");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn nothing_of_a_hostile_log_runs_or_leaves() {
    let (mut browser, file) = opened(&hostile());
    browser.value("document.querySelectorAll('details').forEach((d) => { d.open = true; })");
    browser.press("/");
    browser.write("<img");
    browser.until("found.textContent !== ''");
    assert_eq!(browser.value("typeof hacked"), "undefined");
    assert_eq!(browser.value("document.scripts.length"), 1);
    assert_eq!(browser.value("document.images.length"), 0);
    assert_eq!(browser.value("document.forms.length"), 1);
    let requests = browser.requests();
    assert_eq!(requests, [file.url()]);
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn without_script_all_is_there() {
    let (mut browser, file) = opened(&small());
    browser.call(
        "Emulation.setScriptExecutionDisabled",
        json!({"value": true}),
    );
    browser.open(&file.url());
    let is_shown = |browser: &mut Chromium, selector: &str| {
        browser.value(&format!(
            "document.querySelector('{selector}').checkVisibility()"
        ))
    };
    for selector in ["#filter", ".copy", ".controls", "#CONFIG_USB"] {
        assert_eq!(is_shown(&mut browser, selector), false, "{selector}");
    }
    browser.click("#CONFIG_FUTEX > summary");
    browser.click("#menu-2 > summary");
    for selector in [
        "#CONFIG_FUTEX .facts",
        "#trial-9",
        "#CONFIG_USB",
        "#line-FUTEX",
    ] {
        assert_eq!(is_shown(&mut browser, selector), true, "{selector}");
    }
}

#[test]
fn on_paper_the_options_are_unfolded_and_no_controls_are_there() {
    let (mut browser, _file) = opened(&small());
    // About as wide as a sheet.
    browser.look(760, "dark");
    browser.call("Emulation.setEmulatedMedia", json!({"media": "print"}));
    let is_shown = |browser: &mut Chromium, selector: &str| {
        browser.value(&format!(
            "document.querySelector('{selector}').checkVisibility()"
        ))
    };
    for selector in ["#filter", ".copy", ".controls", "nav", "#log-FUTEX pre"] {
        assert_eq!(is_shown(&mut browser, selector), false, "{selector}");
    }
    for selector in ["#CONFIG_FUTEX .facts", "#CONFIG_HZ .facts", "#trial-9"] {
        assert_eq!(is_shown(&mut browser, selector), true, "{selector}");
    }
    let wide = browser.value("document.documentElement.scrollWidth");
    assert_eq!(wide, json!(760), "it is wider than a sheet");
}

#[test]
fn a_live_page_follows_the_run_and_stays_where_it_is() {
    let server = Server::new().unwrap();
    let cancel = CancelToken::new();
    let state = Mutex::new((small(), "1"));
    thread::scope(|scope| {
        scope.spawn(|| {
            server.serve(&cancel, &mut |path| {
                let state = state.lock().unwrap();
                let (details, version) = &*state;
                match path {
                    "" => Answer::Page(html(details, Served::Live { version }).unwrap()),
                    "version" => Answer::Text((*version).to_owned()),
                    _ => Answer::Nothing,
                }
            });
        });
        let _ends = Ends(&cancel);
        let mut browser = Chromium::new();
        browser.look(1400, "light");
        browser.open(&server.url());
        browser.click("#CONFIG_FUTEX > summary");
        browser.press("/");
        browser.write("futex");
        browser.until("found.textContent !== ''");
        browser.value("window.scrollTo(0, 100)");
        {
            let mut state = state.lock().unwrap();
            state.0.said[0] = "it went on".to_owned();
            state.1 = "2";
        }
        browser.wait_for("Page.loadEventFired");
        browser.until("document.querySelector('.said').textContent.includes('it went on')");
        browser.until("found.textContent !== ''");
        assert_eq!(browser.value("seek.value"), "futex");
        assert_eq!(browser.value("document.activeElement.id"), "seek");
        assert_eq!(
            browser.value("document.querySelector('#CONFIG_FUTEX').open"),
            true
        );
        assert_eq!(shown(&mut browser, "options"), ["CONFIG_FUTEX"]);
        assert_eq!(browser.value("window.scrollY"), 100);
        assert_eq!(browser.complaints(), [""; 0]);
    });
}
