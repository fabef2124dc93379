//! The functions of a kernel that was not built here: where the guest says that each lies, and which object of the
//! source can have it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use rayon::prelude::*;

use super::guarded::defined;
use super::image::{Function, Image, Stage, settle};
use super::log::Ran;
use crate::{Error, Result};

/// So many functions any kernel has: with fewer the list is not whole.
const FEWEST: usize = 1000;

/// Longest function: what is beyond belongs to nobody.
const LONGEST: u64 = 1 << 16;

/// Modules begin at multiples of this.
const PAGE: u64 = 1 << 12;

/// So far from where a module is in one boot it may be in another.
const SPAN: u64 = 1 << 22;

/// Modules of one boot are not further apart: those of a guest take some megabytes.
const REACH: u64 = 1 << 28;

/// So often is looked whether a function of a module may begin at a place: some million times for those of a guest.
const MOST_LOOKS: u64 = 1 << 29;

/// More than this is not read of what a guest wrote: the list of a distribution's kernel has some 10 MB.
const MOST_TEXT: u64 = 1 << 26;

/// So many functions must begin with something that ran for a place to be that of a module.
const LEAST: usize = 3;

/// Around the code that the kernel throws away once it has started.
const INIT: [&str; 2] = ["_sinittext", "_einittext"];

/// A function in the guest's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelSymbol {
    /// Its address.
    pub address: u64,
    /// Its name.
    pub name: String,
    /// The module that it is in; none: it is built in.
    pub module: Option<String>,
}

/// The text in the file of what a guest wrote when it was asked about its kernel.
///
/// # Errors
/// The file cannot be read or is larger than 64 MiB.
pub fn read_console(console: &Path) -> Result<String> {
    let mut text = Vec::new();
    File::open(console)
        .and_then(|file| file.take(MOST_TEXT + 1).read_to_end(&mut text))
        .map_err(|e| Error::io("read", console, e))?;
    if text.len() as u64 > MOST_TEXT {
        return Err(Error::failed(format!(
            "the guest writes more than {} MiB when it is to list the functions of its kernel",
            MOST_TEXT >> 20
        )));
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The functions in what a guest wrote of its `/proc/kallsyms`, among other lines, in the order of their addresses.
///
/// # Errors
/// There is no list in it, or its addresses are hidden.
pub fn kernel_symbols(console: &str) -> Result<Vec<KernelSymbol>> {
    let mut symbols: Vec<KernelSymbol> = console.lines().filter_map(symbol).collect();
    if symbols.len() < FEWEST {
        return Err(
            Error::failed("the guest does not list the functions of its kernel")
                .hint("it does if the kernel has KALLSYMS and PROC_FS"),
        );
    }
    if symbols.iter().all(|symbol| symbol.address == 0) {
        return Err(Error::failed(
            "the guest hides the addresses of the functions of its kernel (kptr_restrict)",
        ));
    }
    symbols.sort_by(|a, b| (a.address, &a.name).cmp(&(b.address, &b.name)));
    Ok(symbols)
}

/// `ffffffff8304ee41 T start_kernel`, or with a tab and `[module]` behind it.
fn symbol(line: &str) -> Option<KernelSymbol> {
    let mut words = line.split_whitespace();
    let address = words.next().filter(|word| word.len() == 16)?;
    let address = u64::from_str_radix(address, 16).ok()?;
    words
        .next()
        .filter(|kind| ["t", "T", "w", "W"].contains(kind))?;
    let name = words.next()?.to_owned();
    let module = match words.next() {
        None => None,
        Some(word) => Some(word.strip_prefix('[')?.strip_suffix(']')?.to_owned()),
    };
    // What BPF programs are compiled to is listed, too, and nobody configures it.
    if words.next().is_some() || module.as_deref() == Some("bpf") {
        return None;
    }
    Some(KernelSymbol {
        address,
        name,
        module,
    })
}

/// The functions of a kernel, with the modules where they were in another boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Those of which it can be told where they were, in the order of their addresses.
    pub symbols: Vec<KernelSymbol>,
    /// Those of modules that may have been anywhere.
    pub lost: Vec<KernelSymbol>,
}

/// Where the modules of a guest may have been in another boot: around where they are in this one.
///
/// # Errors
/// They are so far apart, or so many, that the list is not that of a kernel.
pub fn around(symbols: &[KernelSymbol]) -> Result<Range<u64>> {
    let own = |symbol: &&KernelSymbol| symbol.module.is_some();
    let addresses = || symbols.iter().filter(own).map(|symbol| symbol.address);
    let (first, last) = (addresses().min(), addresses().max());
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(0..0);
    };
    let region = (first & !(SPAN - 1))..last.saturating_add(SPAN);
    let length = region.end - region.start;
    let looks = (length / PAGE).saturating_mul(addresses().count() as u64);
    if length > REACH || looks > MOST_LOOKS {
        return Err(Error::failed(
            "the guest's list of the functions of its kernel is garbled: its modules are too far apart, or too many",
        ));
    }
    Ok(region)
}

/// Finds where each module was in a boot: modules are loaded to other places each time. It was where most of its
/// functions begin with something that ran, if no other place comes near that.
///
/// # Errors
/// That of [`around`].
pub fn placed(symbols: &[KernelSymbol], ran: &Ran) -> Result<Placed> {
    let region = around(symbols)?;
    let mut modules: BTreeMap<&str, Vec<&KernelSymbol>> = BTreeMap::new();
    let mut all = Placed {
        symbols: Vec::new(),
        lost: Vec::new(),
    };
    for symbol in symbols {
        match &symbol.module {
            Some(module) => modules.entry(module).or_default().push(symbol),
            None => all.symbols.push(symbol.clone()),
        }
    }
    for of in modules.into_values() {
        // Modules begin at pages.
        let first = of.iter().map(|symbol| symbol.address).min();
        let begin = first.unwrap_or_default() & !(PAGE - 1);
        let starts: BTreeSet<u64> = of.iter().map(|symbol| symbol.address - begin).collect();
        let (mut best, mut next, mut place) = (0, 0, 0);
        for base in (region.start..region.end).step_by(PAGE as usize) {
            // What would be beyond the last address did not run.
            let begins = |start: &&u64| base.checked_add(**start).is_some_and(|a| ran.enters(a));
            let score = starts.iter().filter(begins).count();
            if score > best {
                (best, next, place) = (score, best, base);
            } else {
                next = next.max(score);
            }
        }
        let is_found = best >= LEAST && best > next * 3 / 2;
        for symbol in of {
            let address = place.checked_add(symbol.address - begin);
            match address.filter(|_| is_found) {
                Some(address) => all.symbols.push(KernelSymbol {
                    address,
                    ..symbol.clone()
                }),
                None => all.lost.push(symbol.clone()),
            }
        }
    }
    all.symbols
        .sort_by(|a, b| (a.address, &a.name).cmp(&(b.address, &b.name)));
    Ok(all)
}

/// By function, the objects whose sources define one of that name.
#[derive(Debug, Default)]
pub struct Definitions {
    objects: Vec<String>,
    of: HashMap<String, Vec<usize>>,
}

impl Definitions {
    /// Those in the sources of these objects.
    #[must_use]
    pub fn in_sources(source: &Path, objects: &BTreeSet<String>) -> Self {
        let objects: Vec<String> = objects.iter().cloned().collect();
        let names = |object: &String| -> BTreeSet<String> {
            let stem = object.strip_suffix(".o").unwrap_or(object);
            let text = fs::read(source.join(format!("{stem}.c"))).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            text.lines().flat_map(defined).collect()
        };
        let all: Vec<BTreeSet<String>> = objects.par_iter().map(names).collect();
        let mut of: HashMap<String, Vec<usize>> = HashMap::new();
        for (object, names) in all.into_iter().enumerate() {
            for name in names {
                of.entry(name).or_default().push(object);
            }
        }
        Self { objects, of }
    }
}

impl Image {
    /// Of a kernel with these functions, in the order of their addresses, whose sources have these definitions. Of a
    /// name that several objects define, the neighbours tell which it is; if they cannot, it tells nothing. Objects of
    /// which nothing is in the kernel (modules that were not loaded) are there with functions that cannot run, unless
    /// something of them is `lost`.
    #[must_use]
    pub fn of_symbols(
        symbols: &[KernelSymbol],
        lost: &[KernelSymbol],
        definitions: &Definitions,
    ) -> Self {
        let at = |name: &str| symbols.iter().find(|s| s.name == name).map(|s| s.address);
        let init = at(INIT[0]).unwrap_or(0)..at(INIT[1]).unwrap_or(0);
        let mut by_module: BTreeMap<Option<&str>, Vec<(Function, Vec<usize>)>> = BTreeMap::new();
        for symbol in symbols {
            let begin = symbol.address;
            // Several names of one place are one function each.
            let next = symbols.partition_point(|s| s.address <= begin);
            let next = symbols.get(next).map(|s| s.address);
            let most = begin.saturating_add(LONGEST);
            // The compiler makes several of one: `name.constprop.0`.
            let plain = symbol.name.split('.').next().unwrap_or_default();
            let fits = definitions.of.get(plain).cloned().unwrap_or_default();
            let function = Function {
                name: symbol.name.clone(),
                range: begin..next.unwrap_or(most).min(most),
                stage: match init.contains(&begin) {
                    true => Stage::Init,
                    false => Stage::Text,
                },
                object: None,
            };
            let of = by_module.entry(symbol.module.as_deref()).or_default();
            of.push((function, fits));
        }
        let mut functions: Vec<Function> = by_module.into_values().flat_map(settle).collect();
        let mut known: BTreeSet<usize> = functions.iter().filter_map(|f| f.object).collect();
        for symbol in lost {
            // Of a name that several define nobody knows which was loaded.
            if let Some([object]) = definitions.of.get(&symbol.name).map(Vec::as_slice) {
                known.insert(*object);
            }
        }
        for (name, objects) in &definitions.of {
            let absent = objects.iter().filter(|object| !known.contains(object));
            functions.extend(absent.map(|object| Function {
                name: name.clone(),
                range: 0..0,
                stage: Stage::Text,
                object: Some(*object),
            }));
        }
        functions.sort_by(|a, b| {
            (a.range.start, &a.name, a.object).cmp(&(b.range.start, &b.name, b.object))
        });
        Self::new(functions, definitions.objects.clone())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::trace::Activity;

    #[test]
    fn functions_are_read_from_a_console_with_other_lines() {
        let other: String = (0..FEWEST)
            .map(|i| {
                format!(
                    "{:016x} t f{i}\r\n",
                    0xffff_ffff_8100_0000_u64 + i as u64 * 16
                )
            })
            .collect();
        let text = format!(
            "guest# grep /proc/kallsyms\r\n{other}ffffffff80000000 T first\r\nffffffffc0000010 t probe\t[virtio_net]\r\n\
             ffffffff81000001 D data\r\nffffffffc0000020 t bpf_prog_1\t[bpf]\r\nffffffff8100 T short\r\nzzz\r\n"
        );
        let symbols = kernel_symbols(&text).unwrap();
        assert_eq!(symbols.len(), FEWEST + 2);
        assert_eq!(symbols[0].name, "first");
        assert_eq!(
            symbols.last().unwrap().module.as_deref(),
            Some("virtio_net")
        );
        let error = kernel_symbols("grep: /proc/kallsyms: No such file\r\n").unwrap_err();
        assert!(error.to_string().contains("does not list"), "{error}");
        let hidden = other.replace("ffffffff81", "0000000000");
        let hidden: String = hidden
            .lines()
            .map(|l| format!("{:016x}{}\n", 0, &l[16..]))
            .collect();
        let error = kernel_symbols(&hidden).unwrap_err();
        assert!(error.to_string().contains("kptr_restrict"), "{error}");
    }

    #[test]
    fn modules_that_are_where_none_can_be_are_an_error_and_no_endless_search() {
        let at = |addresses: &[u64]| -> Vec<KernelSymbol> {
            let symbol = |address: &u64| KernelSymbol {
                address: *address,
                name: format!("f{address}"),
                module: Some("net".into()),
            };
            addresses.iter().map(symbol).collect()
        };
        let ran = Ran::default();
        let far = at(&[0, 0xffff_ffff_c020_0000, u64::MAX]);
        let many: Vec<u64> = (0..20_000).map(|i| i << 13).collect();
        for symbols in [far, at(&many)] {
            for error in [
                around(&symbols).unwrap_err(),
                placed(&symbols, &ran).unwrap_err(),
            ] {
                assert!(error.to_string().contains("garbled"), "{error}");
            }
        }
        // At the end of all addresses nothing overflows, in whatever order they are.
        let last = at(&[u64::MAX, u64::MAX - 0x3000, u64::MAX - 0x5000]);
        let log: String = [u64::MAX - 1, u64::MAX - 0x3000, u64::MAX - 0x5000]
            .iter()
            .map(|address| format!("IN:\n{address:#018x}:  90  nop\n"))
            .collect();
        let ran = Ran::read(log.as_bytes(), &around(&last).unwrap()).unwrap();
        let placed = placed(&last, &ran).unwrap();
        assert_eq!((placed.symbols.len(), placed.lost.len()), (0, 3));
    }

    #[test]
    fn a_guest_that_writes_without_end_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MOST_TEXT + 1).unwrap();
        let error = read_console(file.path()).unwrap_err();
        assert!(error.to_string().contains("more than 64 MiB"), "{error}");
    }

    #[test]
    fn a_name_is_of_the_object_that_defines_it_and_what_was_not_loaded_did_not_run() {
        let source = tempfile::tempdir().unwrap();
        for (name, text) in [
            (
                "fs/exec.c",
                "int load(int a)\n{\n}\nstatic int show(void)\n{\n}\n",
            ),
            (
                "drivers/net.c",
                "static int probe(void)\n{\n}\nstatic int show(void)\n{\n}\n",
            ),
            (
                "drivers/idle.c",
                "int attach(void)\n{\n}\nstatic int probe(void)\n{\n}\n",
            ),
        ] {
            let path = source.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let objects = ["fs/exec.o", "drivers/net.o", "drivers/idle.o"].map(str::to_owned);
        let objects = BTreeSet::from(objects);
        let definitions = Definitions::in_sources(source.path(), &objects);
        let symbol = |address, name: &str, module: Option<&str>| KernelSymbol {
            address,
            name: name.into(),
            module: module.map(str::to_owned),
        };
        let symbols = [
            symbol(0x1000, "load.isra.0", None),
            symbol(0x1010, "show", None),
            symbol(0x2000, "_sinittext", None),
            symbol(0x2000, "start_kernel", None),
            symbol(0x3000, "_einittext", None),
            symbol(0xc000, "show", Some("net")),
        ];
        let image = Image::of_symbols(&symbols, &[], &definitions);
        let block = |address: u64| format!("IN:\n{address:#018x}:  90  nop\n");
        let log = [0x2000, 0x1000, 0xc000].map(block).concat();
        assert_eq!(image.range().start, 0x1000);
        let ran = Ran::read(log.as_bytes(), &image.range()).unwrap();
        assert!(image.is_traced_by(&ran));
        let activity = Activity::of(&image, &ran);
        let counts = |object: &str| {
            let of = activity.evidence([&object.to_owned()], []).functions;
            (of.all, of.ran)
        };
        assert_eq!(
            counts("fs/exec.o"),
            (2, 1),
            "its neighbour tells whose `show` it is"
        );
        assert_eq!(counts("drivers/idle.o"), (2, 0), "it was not loaded");
        // Nothing tells whose `show` the module has: all of it counts as not loaded.
        assert_eq!(counts("drivers/net.o"), (2, 0));
    }

    #[test]
    fn a_module_is_found_where_its_functions_begin_with_something_that_ran() {
        let symbol = |address, name: String, module: &str| KernelSymbol {
            address,
            name,
            module: Some(module.into()),
        };
        let at = 0xffff_ffff_c020_0000;
        let starts = [0x10, 0x40, 0x150, 0x2a0, 0x1230, 0x1400, 0x1500];
        let net = starts.map(|start| symbol(at + start, format!("net{start}"), "net"));
        let idle = [0x5000, 0x5020].map(|start| symbol(at + start, format!("idle{start}"), "idle"));
        let symbols = [net.to_vec(), idle.to_vec()].concat();
        let block = |address: u64| format!("IN:\n{address:#018x}:  90  nop\n");
        let moved = at + 0x7000;
        let log: String = starts[1..6]
            .iter()
            .map(|start| block(moved + start))
            .collect();
        let ran = Ran::read(log.as_bytes(), &around(&symbols).unwrap()).unwrap();
        let placed = placed(&symbols, &ran).unwrap();
        let addresses: Vec<u64> = placed.symbols.iter().map(|s| s.address).collect();
        assert_eq!(addresses, starts.map(|start| moved + start));
        // Of this one nothing ran: it may be anywhere.
        assert_eq!(placed.lost, idle);
        assert_eq!(super::around(&[]).unwrap(), 0..0);
        let source = tempfile::tempdir().unwrap();
        fs::write(source.path().join("idle.c"), "int idle20480(void)\n{\n}\n").unwrap();
        let objects = BTreeSet::from(["idle.o".to_owned()]);
        let definitions = Definitions::in_sources(source.path(), &objects);
        let count = |lost: &[KernelSymbol]| {
            let image = Image::of_symbols(&placed.symbols, lost, &definitions);
            let activity = Activity::of(&image, &ran);
            activity.evidence([&"idle.o".to_owned()], []).functions.all
        };
        assert_eq!((count(&placed.lost), count(&[])), (0, 1));
    }
}
