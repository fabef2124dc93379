//! Writes a `.config`, byte for byte as `conf` does.

use super::dialect::Writer;
use super::model::{Entry, MenuId, ROOT, SymId, SymKind};
use super::stack::deep;
use super::state::State;
use super::value::N;

impl State<'_> {
    /// The `.config` of these values.
    #[must_use]
    pub fn write(&mut self) -> String {
        let text = self.head();
        let mut out = Out {
            text,
            need_newline: false,
            written: vec![false; self.model.len()],
        };
        for child in &self.model.menu(ROOT).children {
            self.write_entry(*child, &mut out);
        }
        out.text
    }

    fn head(&mut self) -> String {
        let model = self.model;
        match model.dialect.writer() {
            Writer::Linux => {
                let title = model.menu(ROOT).prompt.as_deref().unwrap_or_default();
                format!("#\n# Automatically generated file; DO NOT EDIT.\n# {title}\n#\n")
            }
            Writer::BusyBox => {
                let version = model.find("KERNELVERSION");
                let version = version.map_or("", |id| self.calculated(id));
                generated("Busybox", version)
            }
            Writer::Toybox => {
                // One that is nowhere defined is its own value.
                let version = "KCONFIG_VERSION";
                let id = model.find(version);
                generated(&model.project, id.map_or(version, |id| self.calculated(id)))
            }
        }
    }

    fn write_entry(&mut self, id: MenuId, out: &mut Out) {
        let menu = self.model.menu(id);
        let writer = self.model.dialect.writer();
        let title = menu.prompt.as_deref().unwrap_or_default();
        match menu.entry {
            Entry::Menu | Entry::Comment => {
                if self.is_shown(id) {
                    out.text += &format!("\n#\n# {title}\n#\n");
                    out.need_newline = false;
                }
            }
            Entry::Config(sym) if writer != Writer::Linux => {
                let again = std::mem::replace(&mut out.written[sym.0 as usize], true);
                if !again || writer == Writer::BusyBox {
                    self.calc(sym);
                    self.write_symbol(sym, &mut out.text);
                }
            }
            Entry::Config(sym) => {
                if !std::mem::replace(&mut out.written[sym.0 as usize], true) {
                    if self.is_written(sym) {
                        if std::mem::take(&mut out.need_newline) {
                            out.text.push('\n');
                        }
                        self.write_symbol(sym, &mut out.text);
                    } else {
                        out.written[sym.0 as usize] = false;
                    }
                }
            }
            Entry::Choice(_) | Entry::If | Entry::Root => {}
        }
        for child in &menu.children {
            deep(|| self.write_entry(*child, out));
        }
        if menu.entry == Entry::Menu && self.model.dialect.ends_menus() && self.is_shown(id) {
            out.text += &format!("# end of {title}\n");
            out.need_newline = true;
        }
    }

    fn is_shown(&mut self, id: MenuId) -> bool {
        let menu = self.model.menu(id);
        let mut holds = |cond: Option<_>| cond.is_none_or(|e| self.tri_of(e) != N);
        holds(menu.visible) && holds(menu.prompt_cond)
    }

    pub(super) fn write_symbol(&self, id: SymId, out: &mut String) {
        let (name, value) = (self.model.name(id), self.string(id));
        match self.model.kind(id) {
            SymKind::Unknown => {}
            SymKind::Bool | SymKind::Tristate if value == "n" => {
                *out += "# CONFIG_";
                *out += name;
                *out += " is not set\n";
            }
            kind => {
                *out += "CONFIG_";
                *out += name;
                *out += "=";
                if kind == SymKind::String {
                    out.push('"');
                    for c in value.chars() {
                        if matches!(c, '"' | '\\') && self.model.dialect.escapes_strings() {
                            out.push('\\');
                        }
                        out.push(c);
                    }
                    out.push('"');
                } else if value.is_empty() && self.model.dialect.writer() != Writer::Linux {
                    *out += "0";
                } else {
                    *out += value;
                }
                out.push('\n');
            }
        }
    }
}

fn generated(project: &str, version: &str) -> String {
    format!(
        "#\n# Automatically generated make config: don't edit\n# {project} version: {version}\n#\n"
    )
}

struct Out {
    text: String,
    need_newline: bool,
    written: Vec<bool>,
}
