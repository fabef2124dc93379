//! What is known of one call of the compiler: which files it read, and what came of it for which
//! values of the CONFIG symbols in them.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::autoconf::is_autoconf;
use super::codec::{Reader, Writer};
use super::source_text;
use super::symbols::{Mention, Values};

/// Kind and version of the format.
const MARK: &[u8; 8] = b"kbmanif1";

/// So many sets of files are kept of a call, and so many outcomes of each; the oldest go.
const MOST_VIEWS: usize = 48;
const MOST_OUTCOMES: usize = 256;

pub(super) type Hash = [u8; 32];

/// When a file was last changed, as far as the filesystem tells: nobody sets the time of the last
/// change of a file's state (`ctime`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    inode: u64,
    size: u64,
    modified: i128,
    changed: i128,
}

impl Stat {
    fn of(meta: &Metadata) -> Self {
        let time = |s: i64, ns: i64| i128::from(s) * 1_000_000_000 + i128::from(ns);
        Self {
            inode: meta.ino(),
            size: meta.size(),
            modified: time(meta.mtime(), meta.mtime_nsec()),
            changed: time(meta.ctime(), meta.ctime_nsec()),
        }
    }

    /// A short form of it.
    fn digest(&self) -> u64 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.inode.to_le_bytes());
        hasher.update(&self.size.to_le_bytes());
        hasher.update(&self.modified.to_le_bytes());
        hasher.update(&self.changed.to_le_bytes());
        let [a, b, c, d, e, f, g, h, ..] = *hasher.finalize().as_bytes();
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    path: Vec<u8>,
    contents: Hash,
    stat: u64,
}

/// A set of files that were read together.
#[derive(Debug, Clone, PartialEq, Eq)]
struct View {
    /// Indices of [`Manifest::rows`], in the order in which they were read first.
    files: Vec<u32>,
    /// Indices of [`Manifest::symbols`]: all that these files mention.
    symbols: Vec<u32>,
    /// What make's dependency file says, by its hash.
    depfile: Hash,
    /// By the values of the symbols: the outcome's name.
    outcomes: Vec<(Hash, Hash)>,
}

/// The files that a compiler call read, and its outcomes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    rows: Vec<Row>,
    symbols: Vec<Vec<u8>>,
    views: Vec<View>,
}

/// What a call gives that was made before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) outcome: Hash,
    pub(super) depfile: Hash,
}

/// The files of one call as they are, read and searched.
#[derive(Debug)]
pub(super) struct Sources {
    rows: Vec<Row>,
    symbols: BTreeSet<Vec<u8>>,
    /// Their text tells all ([`source_text::tells_all`]).
    pub(super) tell_all: bool,
    /// One of them puts names of symbols together: which they mention is not known.
    pub(super) form_names: bool,
}

impl Sources {
    /// Reads what the preprocessor has read. Nothing when a file is gone or was changed since `began`
    /// (nanoseconds since 1970).
    pub(super) fn read<'p>(
        paths: impl Iterator<Item = &'p [u8]>,
        values: &Values<'_>,
        began: i128,
    ) -> Option<Self> {
        let mut sources = Self {
            rows: Vec::new(),
            symbols: BTreeSet::new(),
            tell_all: true,
            form_names: false,
        };
        for path in paths.filter(|path| !is_autoconf(path)) {
            let stat = settled(path, began)?;
            let text = fs::read(file(path)).ok()?;
            for mention in values.mentioned(&text) {
                let Mention::Symbol(symbol) = mention else {
                    sources.form_names = true;
                    break;
                };
                if !sources.symbols.contains(symbol) {
                    sources.symbols.insert(symbol.to_vec());
                }
            }
            sources.tell_all &= source_text::tells_all(&text);
            sources.rows.push(Row {
                path: path.to_vec(),
                contents: *blake3::hash(&text).as_bytes(),
                stat: stat.digest(),
            });
        }
        Some(sources)
    }
}

/// Is all that the preprocessor has read as it was when the call began?
pub(super) fn are_settled<'p>(mut paths: impl Iterator<Item = &'p [u8]>, began: i128) -> bool {
    paths.all(|path| is_autoconf(path) || settled(path, began).is_some())
}

/// The state of a file that is there and was not changed since `began`.
fn settled(path: &[u8], began: i128) -> Option<Stat> {
    let stat = Stat::of(&fs::metadata(file(path)).ok()?);
    (stat.modified.max(stat.changed) < began).then_some(stat)
}

fn file(path: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(path))
}

impl Manifest {
    /// What came of this call when all files and values were as they are now.
    pub(super) fn find(&self, values: &Values<'_>) -> Option<Found> {
        let mut known: Vec<Option<bool>> = vec![None; self.rows.len()];
        let mut is_same = |at: u32| {
            let at = at as usize;
            let (Some(row), Some(known)) = (self.rows.get(at), known.get_mut(at)) else {
                return false;
            };
            *known.get_or_insert_with(|| row.is_as_it_was())
        };
        // The newest first: most likely it is about the files as they are.
        for view in self.views.iter().rev() {
            let symbols = view
                .symbols
                .iter()
                .filter_map(|at| self.symbols.get(*at as usize));
            let digest = values.digest(symbols.map(Vec::as_slice));
            let outcome = view.outcomes.iter().rev().find(|(of, _)| *of == digest);
            // To look at the files takes longest.
            if let Some((_, outcome)) = outcome
                && view.files.iter().all(|at| is_same(*at))
            {
                return Some(Found {
                    outcome: *outcome,
                    depfile: view.depfile,
                });
            }
        }
        None
    }

    /// Remembers what came of it with these files and values.
    pub(super) fn add(&mut self, sources: &Sources, values: &Values<'_>, found: Found) {
        let digest = values.digest(sources.symbols.iter().map(Vec::as_slice));
        let files = places(&mut self.rows, &sources.rows, |row| {
            (row.path.clone(), row.contents)
        });
        for (at, row) in files.iter().zip(&sources.rows) {
            self.rows[*at as usize].stat = row.stat;
        }
        let mut view = match self.views.iter().position(|view| view.files == files) {
            Some(at) => self.views.remove(at),
            None => View {
                symbols: places(&mut self.symbols, &sources.symbols, Clone::clone),
                files,
                depfile: found.depfile,
                outcomes: Vec::new(),
            },
        };
        view.depfile = found.depfile;
        view.outcomes.retain(|(of, _)| *of != digest);
        view.outcomes.push((digest, found.outcome));
        if view.outcomes.len() > MOST_OUTCOMES {
            view.outcomes.remove(0);
        }
        self.views.push(view);
        if self.views.len() > MOST_VIEWS {
            self.views.remove(0);
            self.tidy();
        }
    }

    /// Takes out the rows that no view has any more.
    fn tidy(&mut self) {
        let mut places: HashMap<u32, u32> = HashMap::new();
        let mut rows = Vec::new();
        for at in self.views.iter_mut().flat_map(|view| &mut view.files) {
            let place = places.entry(*at).or_insert_with(|| {
                rows.push(self.rows[*at as usize].clone());
                rows.len() as u32 - 1
            });
            *at = *place;
        }
        self.rows = rows;
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.count(self.rows.len());
        for row in &self.rows {
            writer.bytes(&row.path);
            writer.hash(&row.contents);
            writer.u64(row.stat);
        }
        writer.count(self.symbols.len());
        self.symbols.iter().for_each(|s| writer.bytes(s));
        writer.count(self.views.len());
        for view in &self.views {
            writer.count(view.files.len());
            view.files.iter().for_each(|at| writer.u32(*at));
            writer.count(view.symbols.len());
            view.symbols.iter().for_each(|at| writer.u32(*at));
            writer.hash(&view.depfile);
            writer.count(view.outcomes.len());
            for (values, outcome) in &view.outcomes {
                writer.hash(values);
                writer.hash(outcome);
            }
        }
        writer.sealed(MARK)
    }

    /// Nothing when it is not whole, or of another version.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::open(bytes, MARK)?;
        let rows = (0..reader.count(44)?).map(|_| {
            Some(Row {
                path: reader.bytes()?.to_vec(),
                contents: reader.hash()?,
                stat: reader.u64()?,
            })
        });
        let rows: Vec<Row> = rows.collect::<Option<_>>()?;
        let symbols = (0..reader.count(4)?).map(|_| Some(reader.bytes()?.to_vec()));
        let symbols: Vec<Vec<u8>> = symbols.collect::<Option<_>>()?;
        let mut views = Vec::new();
        for _ in 0..reader.count(44)? {
            let files = (0..reader.count(4)?).map(|_| reader.u32());
            let files: Vec<u32> = files.collect::<Option<_>>()?;
            let of = (0..reader.count(4)?).map(|_| reader.u32());
            let of: Vec<u32> = of.collect::<Option<_>>()?;
            let depfile = reader.hash()?;
            let outcomes = (0..reader.count(64)?).map(|_| Some((reader.hash()?, reader.hash()?)));
            let outcomes = outcomes.collect::<Option<_>>()?;
            let is_within = |all: &[u32], len: usize| all.iter().all(|at| (*at as usize) < len);
            if !is_within(&files, rows.len()) || !is_within(&of, symbols.len()) {
                return None;
            }
            views.push(View {
                files,
                symbols: of,
                depfile,
                outcomes,
            });
        }
        Some(Self {
            rows,
            symbols,
            views,
        })
    }
}

/// The places of `wanted` in `all`, to which those are added that are not there yet.
fn places<'w, T: Clone + 'w, N: Eq + std::hash::Hash>(
    all: &mut Vec<T>,
    wanted: impl IntoIterator<Item = &'w T>,
    name: impl Fn(&T) -> N,
) -> Vec<u32> {
    let mut known: HashMap<N, u32> = all.iter().map(&name).zip(0..).collect();
    let place = |one: &T| {
        *known.entry(name(one)).or_insert_with(|| {
            all.push(one.clone());
            // A compiler reads some hundred files, with some thousand symbols.
            all.len() as u32 - 1
        })
    };
    wanted.into_iter().map(place).collect()
}

impl Row {
    /// Are the contents of the file what they were?
    fn is_as_it_was(&self) -> bool {
        let path = file(&self.path);
        let Ok(meta) = fs::metadata(path) else {
            return false;
        };
        if Stat::of(&meta).digest() == self.stat {
            return true;
        }
        fs::read(path).is_ok_and(|text| *blake3::hash(&text).as_bytes() == self.contents)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const LATE: i128 = i128::MAX;

    fn values(text: &str) -> Values<'_> {
        Values::of(text.as_bytes())
    }

    struct Case {
        dir: tempfile::TempDir,
    }

    impl Case {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::write(
                dir.path().join("a.c"),
                "#ifdef CONFIG_A\n#include \"b.h\"\n#endif",
            )
            .unwrap();
            fs::write(dir.path().join("b.h"), "CONFIG_B").unwrap();
            Self { dir }
        }

        fn path(&self, name: &str) -> std::path::PathBuf {
            self.dir.path().join(name)
        }

        fn sources(&self, names: &[&str]) -> Option<Sources> {
            let paths: Vec<_> = names.iter().map(|n| self.path(n)).collect();
            let paths = paths.iter().map(|p| p.as_os_str().as_bytes());
            Sources::read(paths, &values(""), LATE)
        }

        /// With both files, and both symbols set.
        fn add_both(&self, manifest: &mut Manifest, n: u8) {
            let sources = self.sources(&["a.c", "b.h"]).unwrap();
            manifest.add(&sources, &values(BOTH), found(n));
        }
    }

    fn found(n: u8) -> Found {
        Found {
            outcome: [n; 32],
            depfile: [n + 100; 32],
        }
    }

    const BOTH: &str = "#define CONFIG_A 1\n#define CONFIG_B 1";
    const A: &str = "#define CONFIG_A 1\n#define CONFIG_OTHER 1";
    const B: &str = "#define CONFIG_B 1";

    #[test]
    fn an_outcome_is_found_by_files_and_by_the_values_that_they_mention() {
        let case = Case::new();
        let mut manifest = Manifest::default();
        case.add_both(&mut manifest, 1);
        manifest.add(&case.sources(&["a.c"]).unwrap(), &values(B), found(2));
        let manifest = Manifest::from_bytes(&manifest.to_bytes()).unwrap();
        assert_eq!(manifest.find(&values(BOTH)), Some(found(1)));
        assert_eq!(
            manifest.find(&values("")),
            Some(found(2)),
            "without A nobody reads B"
        );
        assert_eq!(
            manifest.find(&values(A)),
            None,
            "nobody has tried A without B"
        );
    }

    #[test]
    fn a_file_that_changed_is_another_call() {
        let case = Case::new();
        let mut manifest = Manifest::default();
        case.add_both(&mut manifest, 1);
        fs::write(case.path("b.h"), "CONFIG_B /* */").unwrap();
        assert_eq!(manifest.find(&values(BOTH)), None);
        case.add_both(&mut manifest, 2);
        assert_eq!(manifest.find(&values(BOTH)), Some(found(2)));
        // It is back: only its time is another one.
        fs::write(case.path("b.h"), "CONFIG_B").unwrap();
        assert_eq!(manifest.find(&values(BOTH)), Some(found(1)));
        fs::remove_file(case.path("b.h")).unwrap();
        assert_eq!(manifest.find(&values(BOTH)), None);
    }

    #[test]
    fn what_cannot_be_known_is_not_remembered() {
        let case = Case::new();
        assert!(case.sources(&["a.c", "gone.h"]).is_none());
        fs::write(case.path("b.h"), "#define IS(x) IS_ENABLED(CONFIG_##x)").unwrap();
        assert!(case.sources(&["b.h"]).unwrap().form_names);
        let path = case.path("a.c");
        let path = [path.as_os_str().as_bytes()];
        assert!(
            Sources::read(path.into_iter(), &values(""), 1).is_none(),
            "changed after the beginning"
        );
    }

    #[test]
    fn a_manifest_does_not_grow_without_end() {
        let case = Case::new();
        let mut manifest = Manifest::default();
        for n in 0..60_u8 {
            fs::write(case.path("b.h"), format!("CONFIG_B {n}")).unwrap();
            case.add_both(&mut manifest, n);
        }
        assert_eq!(manifest.views.len(), MOST_VIEWS);
        assert_eq!(manifest.rows.len(), MOST_VIEWS + 1);
        assert_eq!(manifest.find(&values(BOTH)), Some(found(59)));
    }
}
