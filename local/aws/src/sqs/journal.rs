//! The journal of the queues: changes as JSON lines on disk, appended before the response.
//!
//! Once `write` returns, the operating system has the line, which is enough to survive `kill -9`. To survive a power
//! cut would take an fsync per message, which a development machine does not need.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::core::{Change, Core};

/// The number of lines beyond the live state after which the journal is rewritten.
const SLACK: usize = 50_000;

/// The journal's file.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// The number of lines since the last rewrite.
    appended: usize,
}

impl Journal {
    /// Reads the journal in `folder`, or starts one, and rewrites it as short as its state allows.
    pub fn open(folder: &Path) -> anyhow::Result<(Self, Core)> {
        fs::create_dir_all(folder).with_context(|| format!("Failed to create {}", folder.display()))?;
        let path = folder.join("journal.jsonl");
        let mut core = Core::default();
        match fs::read(&path) {
            Ok(content) => replay(&content, &mut core).with_context(|| format!("Failed to read {}", path.display()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("Failed to read {}", path.display())),
        }
        let file = rewrite(&path, &core).with_context(|| format!("Failed to write {}", path.display()))?;
        Ok((Self { path, file, appended: 0 }, core))
    }

    /// Appends the changes in one write, so a crash can tear only the last line.
    pub fn keep(&mut self, core: &mut Core) -> io::Result<()> {
        let changes = core.drain();
        if changes.is_empty() {
            return Ok(());
        }
        self.file.write_all(&lines(&changes)?)?;
        self.appended += changes.len();
        if self.appended > SLACK {
            self.file = rewrite(&self.path, core)?;
            self.appended = 0;
        }
        Ok(())
    }
}

fn lines(changes: &[Change]) -> io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for change in changes {
        serde_json::to_writer(&mut lines, change)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// Replays all complete lines. Only the last line may be incomplete; its change was never confirmed.
fn replay(content: &[u8], core: &mut Core) -> anyhow::Result<()> {
    let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if whole < content.len() {
        tracing::warn!(bytes = content.len() - whole, "The queues' journal ends in a torn line; it is left out");
    }
    for (number, line) in content[..whole].split(|byte| *byte == b'\n').enumerate() {
        if !line.is_empty() {
            core.apply(serde_json::from_slice(line).with_context(|| format!("Line {} is damaged", number + 1))?);
        }
    }
    Ok(())
}

fn rewrite(path: &Path, core: &Core) -> io::Result<File> {
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(&fresh)?;
    file.write_all(&lines(&core.snapshot())?)?;
    fs::rename(&fresh, path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqs::message::{Message, Settings};

    fn send(core: &mut Core, id: &str) {
        let (id, body) = (id.to_owned(), format!("body of {id}"));
        core.send("jobs", Message { id, body, ..Message::default() }, None, 5).unwrap();
    }

    #[test]
    fn kept_messages_return_visible_with_receive_count() {
        let folder = tempfile::tempdir().unwrap();
        {
            let (mut journal, mut core) = Journal::open(folder.path()).unwrap();
            core.configure("jobs", Settings::default(), 0).unwrap();
            send(&mut core, "a");
            send(&mut core, "b");
            assert_eq!(core.receive("jobs", 1, None, 10).unwrap().len(), 1);
            journal.keep(&mut core).unwrap();
        }
        let (_, mut core) = Journal::open(folder.path()).unwrap();
        let received = core.receive("jobs", 10, None, 11).unwrap();
        let seen: Vec<_> = received.iter().map(|r| (r.message_id.as_str(), r.receive_count)).collect();
        assert_eq!(seen, [("a", 2), ("b", 1)]);
        assert_eq!(received[0].first_received_at_ms, 10);
    }

    #[test]
    fn torn_last_line_loses_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        {
            let (mut journal, mut core) = Journal::open(folder.path()).unwrap();
            core.configure("jobs", Settings::default(), 0).unwrap();
            send(&mut core, "a");
            send(&mut core, "b");
            journal.keep(&mut core).unwrap();
        }
        let path = folder.path().join("journal.jsonl");
        let content = fs::read(&path).unwrap();
        fs::write(&path, &content[..content.len() - 3]).unwrap();
        let (_, core) = Journal::open(folder.path()).unwrap();
        assert_eq!(core.messages("jobs").unwrap().len(), 1);
    }

    #[test]
    fn damaged_middle_line_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("journal.jsonl"), "{\"change\":\n{}\n").unwrap();
        assert!(format!("{:#}", Journal::open(folder.path()).unwrap_err()).contains("Line 1 is damaged"));
    }

    #[test]
    fn start_drops_purged_messages_from_journal() {
        let folder = tempfile::tempdir().unwrap();
        {
            let (mut journal, mut core) = Journal::open(folder.path()).unwrap();
            core.configure("jobs", Settings::default(), 0).unwrap();
            for number in 0..100 {
                send(&mut core, &number.to_string());
            }
            core.purge("jobs").unwrap();
            journal.keep(&mut core).unwrap();
        }
        Journal::open(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("journal.jsonl")).unwrap().lines().count(), 1);
    }
}
