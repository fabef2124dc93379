//! The journal file: records appended one by one, read back after a crash.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::{Error, Result};

use super::atomic::{folder_of, sync_dir, write_atomically};
use super::record::{BadLine, Line, Record};
use super::state::RunState;

/// What a journal needs of a file.
trait Store: Write + Send {
    /// Everything written is safe when it comes back.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to `len` bytes. Writing goes on at its end.
    fn cut(&mut self, len: u64) -> io::Result<()>;
}

impl Store for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
}

/// The journal of a run, open for writing. One record a line, in JSON.
pub struct Journal {
    path: PathBuf,
    file: Box<dyn Store>,
    /// What was read and written: whole records.
    bytes: Vec<u8>,
    lines: Vec<Line>,
    /// The state after these.
    state: RunState,
    /// When this session began, and how much time the earlier ones took.
    begun: Instant,
    before: Duration,
    /// Nobody knows what is on disk any more.
    lost: bool,
}

/// What a journal file held.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The records, in order.
    pub lines: Vec<Line>,
    /// Their bytes.
    bytes: Vec<u8>,
    /// Bytes at the end of the file that are no whole record: the last append was cut short.
    pub torn: u64,
}

impl Journal {
    /// Makes a new, empty journal.
    ///
    /// # Errors
    /// When there is one already, or the file cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().append(true).create_new(true).open(path);
        let file = file
            .and_then(|file| sync_dir(folder_of(path)).map(|()| file))
            .map_err(|e| Error::io("make", path, e))?;
        Ok(Self::over(path, Box::new(file), Loaded::default()))
    }

    /// Opens a journal to go on with it. What an interrupted append left is cut away.
    ///
    /// # Errors
    /// As [`Journal::read`], or when the file cannot be written.
    pub fn open(path: &Path) -> Result<(Self, Loaded)> {
        let loaded = load(path)?;
        let io = |e| Error::io("open", path, e);
        let mut file = OpenOptions::new().append(true).open(path).map_err(io)?;
        if loaded.torn > 0 {
            let whole = loaded.bytes.len() as u64;
            file.cut(whole).and_then(|()| file.sync()).map_err(io)?;
        }
        Ok((Self::over(path, Box::new(file), loaded.clone()), loaded))
    }

    /// Reads a journal, also one that a run is writing just now, and changes nothing.
    ///
    /// # Errors
    /// When it cannot be read, was written by a newer kbisect, or a record before the last one
    /// is damaged.
    pub fn read(path: &Path) -> Result<Loaded> {
        load(path)
    }

    fn over(path: &Path, file: Box<dyn Store>, loaded: Loaded) -> Self {
        let Loaded { lines, bytes, .. } = loaded;
        Self {
            path: path.to_owned(),
            file,
            begun: Instant::now(),
            before: lines.last().map_or(Duration::ZERO, |line| line.elapsed),
            bytes,
            state: RunState::of(&lines),
            lines,
            lost: false,
        }
    }

    /// All records, as whoever reads the file finds them: those that it had, and those appended since.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The state of the run after all of them.
    #[must_use]
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Writes the file anew if it does not hold what was written: another program changed or removed it.
    /// Says whether that was so.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn restore(&mut self) -> Result<bool> {
        if std::fs::read(&self.path).is_ok_and(|bytes| bytes == self.bytes) {
            return Ok(false);
        }
        write_atomically(&self.path, &self.bytes)?;
        let file = OpenOptions::new().append(true).open(&self.path);
        self.file = Box::new(file.map_err(|e| Error::io("open", &self.path, e))?);
        Ok(true)
    }

    /// The time that the run took so far: all sessions together.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.before + self.begun.elapsed()
    }

    /// Appends a record. A verdict, and whatever else is acted upon, is safe on disk when this
    /// comes back; what need not be is ordered before the next one that is.
    ///
    /// # Errors
    /// When it cannot be written, as on a full disk. The file is left with whole records only,
    /// and the record may be appended again, unless the disk failed in a way that leaves open
    /// what it holds: then every later append fails too.
    pub fn append(&mut self, record: &Record) -> Result<()> {
        self.append_at(self.elapsed(), record)
    }

    fn append_at(&mut self, elapsed: Duration, record: &Record) -> Result<()> {
        if self.lost {
            let path = self.path.display();
            return Err(
                Error::failed(format!("{path} could not be written a moment ago"))
                    .hint("start again with `kbisect resume` when the disk is well"),
            );
        }
        let io = |path: &Path, e| Error::io("write", path, e);
        let text = Line::to_text(elapsed, record).map_err(|e| io(&self.path, e.into()))?;
        let written = self.file.write_all(text.as_bytes());
        if let Err(e) = written {
            // Half a record may be there.
            self.lost = self.file.cut(self.bytes.len() as u64).is_err();
            return Err(io(&self.path, e));
        }
        if record.is_vital()
            && let Err(e) = self.file.sync()
        {
            // After a failed sync the kernel may have dropped any of the last writes, and a
            // second sync would say that all is well.
            self.lost = true;
            return Err(io(&self.path, e));
        }
        // Read back, as not every number is the same when it was written.
        let line = Line::parse(text.as_bytes()).map_err(|e| io(&self.path, io::Error::other(e)))?;
        self.state.apply(&line);
        self.lines.push(line);
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal")
            .field("path", &self.path)
            .field("lines", &self.lines.len())
            .finish_non_exhaustive()
    }
}

fn load(path: &Path) -> Result<Loaded> {
    let mut bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
    let mut lines = Vec::new();
    let mut whole = 0;
    for (number, text) in (1..).zip(bytes.split_inclusive(|b| *b == b'\n')) {
        let is_last = whole + text.len() == bytes.len();
        let parsed = Line::parse(text);
        match parsed {
            // Without its newline the append had not come back, so nobody relied on it.
            Ok(_) if !text.ends_with(b"\n") => break,
            Ok(line) => lines.push(line),
            Err(BadLine::Newer(_)) => return Err(bad_line(path, number, &parsed)),
            // After a power loss there can be anything in the place of the last record.
            Err(BadLine::Broken(_)) if is_last => break,
            Err(BadLine::Broken(_)) => return Err(bad_line(path, number, &parsed)),
        }
        whole += text.len();
    }
    let torn = (bytes.len() - whole) as u64;
    bytes.truncate(whole);
    Ok(Loaded { lines, bytes, torn })
}

fn bad_line(path: &Path, number: usize, parsed: &Result<Line, BadLine>) -> Error {
    let place = format!("line {number} of {}", path.display());
    match parsed {
        Err(BadLine::Newer(_)) => {
            Error::newer(place).hint("go on with the kbisect that began the run, or a newer one")
        }
        _ => Error::failed(format!("{place} is damaged"))
            .hint("the run cannot be resumed; its best.config is not affected"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{Arc, Mutex};

    use rayon::prelude::*;

    use super::*;
    use crate::model::CandidateId;

    /// A disk, simulated: room for so many bytes, and a sync and a cut that can fail.
    #[derive(Debug, Default)]
    struct Disk {
        bytes: Vec<u8>,
        room: usize,
        synced: usize,
        sync_fails: bool,
        cut_fails: bool,
    }

    #[derive(Clone, Default)]
    struct Fake(Arc<Mutex<Disk>>);

    impl Write for Fake {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            let mut disk = self.0.lock().unwrap();
            let n = buf.len().min(disk.room);
            if n == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            disk.room -= n;
            disk.bytes.extend_from_slice(&buf[..n]);
            Ok(n)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Store for Fake {
        fn sync(&mut self) -> io::Result<()> {
            let mut disk = self.0.lock().unwrap();
            if disk.sync_fails {
                return Err(io::Error::other("simulated"));
            }
            disk.synced = disk.bytes.len();
            Ok(())
        }
        fn cut(&mut self, len: u64) -> io::Result<()> {
            let mut disk = self.0.lock().unwrap();
            if disk.cut_fails {
                return Err(io::Error::other("simulated"));
            }
            disk.bytes.truncate(len as usize);
            Ok(())
        }
    }

    fn journal(room: usize) -> (Journal, Fake) {
        let fake = Fake::default();
        fake.0.lock().unwrap().room = room;
        let store = Box::new(fake.clone());
        (
            Journal::over(Path::new("journal.jsonl"), store, Loaded::default()),
            fake,
        )
    }

    const VITAL: Record = Record::Resumed { at: 1 };
    const MINOR: Record = Record::Withdrawn {
        candidate: CandidateId(1),
    };

    #[test]
    fn a_full_disk_leaves_whole_records_and_a_hint() {
        let line = Line::to_text(Duration::ZERO, &VITAL).unwrap();
        for room in line.len()..2 * line.len() {
            let (mut journal, fake) = journal(room);
            journal.append_at(Duration::ZERO, &VITAL).unwrap();
            let error = journal.append_at(Duration::ZERO, &VITAL).unwrap_err();
            assert!(
                error.hint_text().unwrap().contains("free some space"),
                "{error}"
            );
            assert_eq!(fake.0.lock().unwrap().bytes, line.as_bytes());
            fake.0.lock().unwrap().room = 1000;
            journal.append_at(Duration::ZERO, &VITAL).unwrap();
            assert_eq!(fake.0.lock().unwrap().bytes, line.repeat(2).as_bytes());
        }
    }

    #[test]
    fn a_vital_record_is_synced_with_all_before_it() {
        let (mut journal, fake) = journal(1000);
        journal.append(&MINOR).unwrap();
        assert_eq!(fake.0.lock().unwrap().synced, 0);
        journal.append(&VITAL).unwrap();
        let disk = fake.0.lock().unwrap();
        assert_eq!(disk.synced, disk.bytes.len());
    }

    #[test]
    fn after_a_failed_sync_or_cut_nothing_more_is_believed() {
        let (mut synced, fake) = journal(1000);
        fake.0.lock().unwrap().sync_fails = true;
        synced.append(&VITAL).unwrap_err();
        fake.0.lock().unwrap().sync_fails = false;
        assert!(synced.append(&VITAL).is_err());

        let (mut cut, fake) = journal(10);
        fake.0.lock().unwrap().cut_fails = true;
        cut.append(&VITAL).unwrap_err();
        fake.0.lock().unwrap().room = 1000;
        assert!(cut.append(&VITAL).is_err(), "it would follow half a record");
    }

    #[test]
    fn a_real_full_device_is_reported_as_one() {
        let file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let path = Path::new("/dev/full");
        let mut journal = Journal::over(path, Box::new(file), Loaded::default());
        let error = journal.append(&VITAL).unwrap_err();
        assert!(
            error.hint_text().unwrap().contains("free some space"),
            "{error}"
        );
    }

    #[test]
    fn what_was_appended_is_known_as_whoever_reads_it_finds_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let mut journal = Journal::create(&path).unwrap();
        let elapsed = Duration::from_nanos(1_234_567);
        journal.append_at(elapsed, &VITAL).unwrap();
        let (mut again, _) = Journal::open(&path).unwrap();
        again.append(&MINOR).unwrap();
        assert_eq!(again.lines(), Journal::read(&path).unwrap().lines);
        assert_eq!(again.lines().len(), 2);
    }

    #[test]
    fn a_file_that_another_program_changed_is_written_anew_and_added_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let mut journal = Journal::create(&path).unwrap();
        journal.append(&VITAL).unwrap();
        assert!(!journal.restore().unwrap());
        let whole = std::fs::read(&path).unwrap();
        for other in ["", "{}\n"] {
            std::fs::write(&path, other).unwrap();
            assert!(journal.restore().unwrap());
            assert_eq!(std::fs::read(&path).unwrap(), whole);
        }
        std::fs::remove_file(&path).unwrap();
        assert!(journal.restore().unwrap());
        journal.append(&MINOR).unwrap();
        assert_eq!(Journal::read(&path).unwrap().lines, journal.lines());
    }

    #[test]
    fn the_state_at_each_record_of_a_recorded_run_is_the_same_live_and_replayed() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
        let entries = std::fs::read_dir(folder).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path().join("journal.jsonl"));
        let paths: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
        assert!(paths.len() > 30, "{}", paths.len());
        paths.par_iter().for_each(|path| {
            let lines = Journal::read(path).unwrap().lines;
            let (mut live, _) = journal(usize::MAX);
            for (end, line) in (1..).zip(&lines) {
                live.append_at(line.elapsed, &line.record).unwrap();
                // Every prefix of a long one takes a minute.
                if lines.len() < 300 || end % 16 == 0 || end == lines.len() {
                    let replayed = RunState::of(&lines[..end]);
                    assert!(*live.state() == replayed, "{path:?}: {end} records");
                }
            }
        });
    }
}
