//! Pages that are derived from the code, so that they cannot disagree with it.

use std::path::Path;

use crate::tidy::{Finding, Tree};
use crate::{Error, say};

mod asyncapi;
mod config;
mod events;
mod metrics;
mod mutations;
mod openapi;

/// One derived file.
struct Page {
    /// From the root.
    path: &'static str,
    text: String,
}

/// Said at the top of every derived Markdown page.
const NOTICE: &str = "<!-- Written by `cargo xtask gen`. Change the code instead. -->";

fn pages(root: &Path) -> Result<Vec<Page>, Error> {
    let tree = Tree::load(root)?;
    let processes = config::processes();
    Ok(vec![
        Page { path: "docs/generated/openapi.json", text: openapi::page(&tree)? },
        Page { path: "schemas/asyncapi.yaml", text: asyncapi::page()? },
        Page { path: "docs/generated/events.md", text: events::page()? },
        Page { path: "docs/generated/config.md", text: config::page(&processes) },
        Page { path: ".env.example", text: config::example(&processes) },
        Page { path: "docs/generated/metrics.md", text: metrics::page(&tree) },
        Page { path: "docs/generated/mutations.md", text: mutations::page(&tree) },
    ])
}

/// Writes every page that is not already what it should be.
pub fn write(root: &Path) -> Result<(), Error> {
    for page in pages(root)? {
        if is_current(root, &page) {
            continue;
        }
        let path = root.join(page.path);
        let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        let written = folder.and_then(|()| std::fs::write(&path, &page.text));
        written.map_err(|source| Error::Write { path: page.path.to_owned(), source })?;
        say(&format!("wrote {}", page.path));
    }
    Ok(())
}

/// The pages that are not what `gen` would write.
pub fn stale(root: &Path) -> Result<Vec<Finding>, Error> {
    let pages = pages(root)?;
    let stale = pages.iter().filter(|page| !is_current(root, page));
    Ok(stale.map(|page| Finding::of_file("generated", page.path, "is not current: run `cargo xtask gen`")).collect())
}

fn is_current(root: &Path, page: &Page) -> bool {
    std::fs::read_to_string(root.join(page.path)).is_ok_and(|text| text == page.text)
}

/// A table row; a pipe inside a cell would end it.
fn row(cells: &[&str]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn header(cells: &[&str]) -> String {
    format!("{}{}", row(cells), row(&vec!["---"; cells.len()]))
}

#[cfg(test)]
mod tests {
    use super::{Page, is_current, row};

    #[test]
    fn a_page_that_differs_by_one_character_is_stale() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = include_str!("generate.rs").to_owned();
        let current = Page { path: "src/generate.rs", text };
        assert!(is_current(root, &current));
        let stale = Page { text: format!("{} ", current.text), ..current };
        assert!(!is_current(root, &stale));
        assert!(!is_current(root, &Page { path: "src/absent.rs", text: String::new() }));
    }

    #[test]
    fn a_cell_cannot_break_its_row() {
        assert_eq!(row(&["a|b", "c\nd"]), "| a\\|b | c d |\n");
    }
}
