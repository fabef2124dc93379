//! The functions of a built kernel: where each lies, and which object it came from.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::ops::Range;
use std::path::Path;

use object::read::elf::ElfFile64;
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

use super::log::Ran;
use crate::{Error, Result};

/// The kernel with its symbols, in a build tree.
const VMLINUX: &str = "vmlinux";

/// Where the kernel begins to be the same on all architectures. It runs once in each boot.
const START: &str = "start_kernel";

/// When a function may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// At any time.
    Text,
    /// While the kernel starts: that a driver registered itself does not mean that it was used.
    Init,
}

/// A function of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// As the symbol table has it.
    pub name: String,
    /// Its addresses.
    pub range: Range<u64>,
    /// When it may run.
    pub stage: Stage,
    /// The object that it was compiled in, an index in [`Image::objects`]; none if that cannot be
    /// told.
    pub object: Option<usize>,
}

/// The functions of a kernel.
#[derive(Debug, Clone, Default)]
pub struct Image {
    functions: Vec<Function>,
    objects: Vec<String>,
}

/// A function as its object has it.
struct Defined {
    object: usize,
    is_local: bool,
    size: u64,
}

impl Image {
    /// Of `vmlinux` in a build tree, which was made from these objects (paths in the tree).
    ///
    /// # Errors
    /// `vmlinux` cannot be read or is no kernel for x86-64. An object that cannot be read is left
    /// out.
    pub fn read(tree: &Path, objects: &BTreeSet<String>) -> Result<Self> {
        let path = tree.join(VMLINUX);
        let bytes = fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
        let wrong = |e| Error::failed(format!("{} is no kernel", path.display())).because(e);
        let elf: ElfFile64<'_> = ElfFile64::parse(&*bytes).map_err(wrong)?;
        let objects: Vec<String> = objects.iter().cloned().collect();
        let mut defined: HashMap<String, Vec<Defined>> = HashMap::new();
        for (number, name) in objects.iter().enumerate() {
            let Ok(bytes) = fs::read(tree.join(name)) else {
                continue;
            };
            define(&bytes, number, &mut defined);
        }
        let stage = |address: u64| {
            let section = elf.sections().find(|section| {
                let begin = section.address();
                address >= begin && address - begin < section.size()
            })?;
            let name = section.name().ok()?;
            match name {
                ".init.text" | ".exit.text" => Some(Stage::Init),
                name if name.starts_with(".text") || name == ".noinstr.text" => Some(Stage::Text),
                _ => None,
            }
        };
        let mut file = String::new();
        let mut functions = Vec::new();
        for symbol in elf.symbols() {
            let Ok(name) = symbol.name() else { continue };
            match symbol.kind() {
                // It stands before the local symbols of its file.
                SymbolKind::File => name.clone_into(&mut file),
                SymbolKind::Text if symbol.size() > 0 => {
                    let begin = symbol.address();
                    let Some(stage) = stage(begin) else { continue };
                    let found = defined.get(name).map_or(&[][..], Vec::as_slice);
                    let fits: Vec<usize> = found
                        .iter()
                        .filter(|of| {
                            of.size == symbol.size()
                                && of.is_local == symbol.is_local()
                                && (!of.is_local || is_of(&objects[of.object], &file))
                        })
                        .map(|of| of.object)
                        .collect();
                    functions.push((
                        Function {
                            name: name.to_owned(),
                            range: begin..begin.saturating_add(symbol.size()),
                            stage,
                            object: None,
                        },
                        fits,
                    ));
                }
                _ => {}
            }
        }
        functions.sort_by(|a, b| (a.0.range.start, &a.0.name).cmp(&(b.0.range.start, &b.0.name)));
        Ok(Self {
            functions: settle(functions),
            objects,
        })
    }

    /// With these functions, in the order of their addresses, of these objects.
    pub(super) fn new(functions: Vec<Function>, objects: Vec<String>) -> Self {
        Self { functions, objects }
    }

    /// Does a build tree have what [`read`](Self::read) reads?
    #[must_use]
    pub fn is_in(tree: &Path) -> bool {
        tree.join(VMLINUX).is_file()
    }

    /// In the order of their addresses.
    #[must_use]
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// Paths in the tree.
    #[must_use]
    pub fn objects(&self) -> &[String] {
        &self.objects
    }

    /// Is this a trace of this kernel, as far as can be told? Not when its first common function did not run
    /// at its address: of another kernel, or of one that was moved (KASLR), other functions would seem to
    /// run. (By chance something may begin there. Without that symbol, anything that runs will do.)
    #[must_use]
    pub fn is_traced_by(&self, ran: &Ran) -> bool {
        let start = self.functions.iter().find(|f| f.name == START);
        !ran.is_empty() && start.is_none_or(|start| ran.enters(start.range.start))
    }

    /// From the first function to the end of the last.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        // Some are in no place.
        let ranges = || {
            let all = self.functions.iter().map(|f| &f.range);
            all.filter(|range| !range.is_empty())
        };
        let begin = ranges().map(|range| range.start).min();
        let end = ranges().map(|range| range.end).max();
        begin.unwrap_or(0)..end.unwrap_or(0)
    }
}

/// Adds the functions of an object.
fn define(bytes: &[u8], object: usize, defined: &mut HashMap<String, Vec<Defined>>) {
    let Ok(elf) = ElfFile64::<object::Endianness>::parse(bytes) else {
        return;
    };
    for symbol in elf.symbols() {
        if symbol.kind() == SymbolKind::Text
            && symbol.is_definition()
            && let Ok(name) = symbol.name()
        {
            defined.entry(name.to_owned()).or_default().push(Defined {
                object,
                is_local: symbol.is_local(),
                size: symbol.size(),
            });
        }
    }
}

/// Can an object have been compiled from a file of this name? The compiler notes its last part only.
fn is_of(object: &str, file: &str) -> bool {
    let stem = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path).to_owned();
        name.rsplit_once('.')
            .map_or(name.clone(), |(stem, _)| stem.to_owned())
    };
    stem(object) == stem(file)
}

/// Of several objects that a function may be of, takes that of the function before it: the linker
/// puts those of one object side by side.
pub(super) fn settle(functions: Vec<(Function, Vec<usize>)>) -> Vec<Function> {
    let mut before = None;
    let settled = functions.into_iter().map(|(mut function, fits)| {
        function.object = match fits.as_slice() {
            [] => None,
            [one] => Some(*one),
            several => before.filter(|before| several.contains(before)),
        };
        before = function.object.or(before);
        function
    });
    settled.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_functions_of_one_name_the_neighbours_tell_which_is_which() {
        let function = |start: u64| Function {
            name: "show".into(),
            range: start..start + 1,
            stage: Stage::Text,
            object: None,
        };
        let all = vec![
            (function(0), vec![2, 5]),
            (function(1), vec![5]),
            (function(2), vec![2, 5]),
            (function(3), vec![]),
            (function(4), vec![2, 7]),
        ];
        let of: Vec<Option<usize>> = settle(all).iter().map(|f| f.object).collect();
        assert_eq!(of, [None, Some(5), Some(5), None, None]);
    }

    #[test]
    fn an_object_is_known_by_the_last_part_of_its_source() {
        assert!(is_of("net/core/sock.o", "sock.c"));
        assert!(is_of("arch/x86/entry/entry.o", "arch/x86/entry/entry.S"));
        assert!(!is_of("net/core/sock.o", "sock_diag.c"));
    }

    #[test]
    fn a_trace_of_a_kernel_that_was_moved_is_none_of_this_kernel() {
        let at = 0xffff_ffff_8100_0000;
        let function = |name: &str, range| Function {
            name: name.into(),
            range,
            stage: Stage::Init,
            object: None,
        };
        let image = Image {
            functions: vec![
                function("x", at..at + 0x100),
                function(START, at + 0x100..at + 0x120),
                function("y", at + 0x120..at + 0x4000),
            ],
            objects: vec![],
        };
        let traced = |moved: u64| {
            let blocks =
                [0x100, 0x120].map(|low| format!("IN:\n{:#x}:  90  nop\n", at + low + moved));
            let log = blocks.concat();
            image.is_traced_by(&Ran::read(log.as_bytes(), &image.range()).expect("a trace"))
        };
        assert!(traced(0));
        assert!(!traced(0x1000) && !traced(0x20_0000));
        let no_start = Image::default();
        assert!(!no_start.is_traced_by(&Ran::default()));
    }

    #[test]
    fn what_is_no_kernel_is_refused() {
        let tree = tempfile::tempdir().expect("a folder");
        let none = BTreeSet::new();
        assert!(Image::read(tree.path(), &none).is_err());
        fs::write(
            tree.path().join("vmlinux"),
            b"\x7fELF\x02\x01\x01 and no more",
        )
        .expect("a file");
        assert!(Image::read(tree.path(), &none).is_err());
    }
}
