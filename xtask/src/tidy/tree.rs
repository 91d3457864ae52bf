//! The repository's content, as the rules see it: paths, texts and parsed Rust.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::Error;

/// Endings of the files whose text a rule reads; of all others only the path is known.
const TEXT: [&str; 12] =
    [".rs", ".js", ".css", ".html", ".md", ".toml", ".sh", ".yml", ".conf", ".template", ".patch", "/dev"];

/// Every file of the repository by its path from the root.
#[derive(Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, String>,
    sources: Vec<Source>,
}

/// One Rust file.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
}

impl Tree {
    /// Reads what git tracks or would add; ignored files do not count.
    pub(crate) fn load(root: &Path) -> Result<Self, Error> {
        let listing = run_for_text(root, "git", &["ls-files", "--cached", "--others", "--exclude-standard"])?;
        let mut files = BTreeMap::new();
        for path in listing.lines().filter(|path| root.join(path).is_file()) {
            let text = if TEXT.iter().any(|ending| format!("/{path}").ends_with(ending)) {
                let read = std::fs::read_to_string(root.join(path));
                read.map_err(|source| Error::Read { path: path.to_owned(), source })?
            } else {
                String::new()
            };
            files.insert(path.to_owned(), text);
        }
        Self::parsed(files)
    }

    fn parsed(files: BTreeMap<String, String>) -> Result<Self, Error> {
        let rust = files.iter().filter(|(path, _)| path.ends_with(".rs"));
        let sources = rust.map(|(path, text)| Source::parse(path, text)).collect::<Result<_, _>>()?;
        Ok(Self { files, sources })
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The text at this path, if the file exists.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self::parsed(files).unwrap_or_default()
    }
}

impl Source {
    fn parse(path: &str, text: &str) -> Result<Self, Error> {
        let parsed = syn::parse_file(text);
        let syntax = parsed.map_err(|source| Error::Parse {
            path: path.to_owned(),
            line: source.span().start().line,
            source,
        })?;
        Ok(Self { path: path.to_owned(), text: text.to_owned(), syntax })
    }
}

/// Runs a program in the root and returns what it printed.
pub(crate) fn run_for_text(root: &Path, program: &str, arguments: &[&str]) -> Result<String, Error> {
    let command = format!("{program} {}", arguments.join(" "));
    let output = Command::new(program).args(arguments).current_dir(root).output();
    let output = output.map_err(|source| Error::Run { command: command.clone(), source })?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::Failed { command, stderr });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
