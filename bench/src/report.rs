//! What a run says: one line of JSON per case in a file, and the same for people on the terminal.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::case::Case;
use crate::machine::Machine;
use crate::table;

/// The file of one run. Its first line is the machine.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    file: File,
}

impl Lines {
    pub(crate) fn create(folder: &Path, machine: &Machine) -> Self {
        std::fs::create_dir_all(folder).expect("a folder for the results");
        let name: String = machine.at.chars().filter(char::is_ascii_alphanumeric).take(15).collect();
        let path = folder.join(format!("{name}-{}.jsonl", machine.commit));
        let file = File::create(&path).expect("a file for the results");
        line(&file, machine);
        Self { path, file }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn line(mut file: &File, value: &impl serde::Serialize) {
    let text = serde_json::to_string(value).expect("JSON");
    writeln!(file, "{text}").expect("room for the results");
}

/// Writes cases down, and shows them.
pub(crate) fn tell(lines: &Lines, cases: &[Case]) {
    for case in cases {
        line(&lines.file, case);
    }
    let _nobody_reads = writeln!(std::io::stdout().lock(), "{}", table::of(cases));
}

/// What goes on.
pub(crate) fn say(what: &str) {
    let _nobody_reads = writeln!(std::io::stderr().lock(), "  {what}");
}
