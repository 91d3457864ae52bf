//! Every noun stands at every station, under its own name, and the checklist for a new one names every station.

use schemas::Aggregate;

use super::{Finding, Tree};

const RULE: &str = "stations";

/// The page that lists what a new aggregate needs.
const CHECKLIST: &str = "docs/adding-an-aggregate.md";

/// What stands for the noun in a station's path, here and in the checklist.
const NOUN: &str = "<noun>";

/// A place through which every aggregate passes.
struct Station {
    /// A file, or a folder (with a slash at its end) that holds at least one.
    path: &'static str,
    /// Aggregates that do not pass here. Each is a debt or a decision: the checklist says which.
    without: &'static [Aggregate],
}

/// All stations, in the order in which a change travels.
const STATIONS: [Station; 6] = [
    Station { path: "schemas/src/<noun>.rs", without: &[] },
    Station { path: "schemas/avro/<noun>/", without: &[] },
    Station { path: "crates/domain/src/<noun>.rs", without: &[] },
    Station { path: "command-api/src/routes/<noun>.rs", without: &[] },
    Station { path: "crates/views/src/<noun>.rs", without: &[] },
    Station { path: "query-api/src/routes/<noun>.rs", without: &[] },
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    STATIONS.iter().flat_map(|station| absent(tree, station).into_iter().chain(unlisted(tree, station))).collect()
}

fn absent(tree: &Tree, station: &Station) -> Vec<Finding> {
    let nouns = Aggregate::ALL.into_iter().filter(|aggregate| !station.without.contains(aggregate));
    let paths = nouns.map(|aggregate| station.path.replace(NOUN, aggregate.noun()));
    let missing = paths.filter(|wanted| !tree.paths().any(|path| stands_at(path, wanted)));
    missing.map(|path| Finding::of_file(RULE, &path, "is missing: every noun stands at every station")).collect()
}

fn stands_at(path: &str, station: &str) -> bool {
    path == station || (station.ends_with('/') && path.starts_with(station))
}

fn unlisted(tree: &Tree, station: &Station) -> Option<Finding> {
    let listed = tree.text(CHECKLIST).is_some_and(|text| text.contains(station.path));
    (!listed).then(|| Finding::of_file(RULE, CHECKLIST, format!("must name the station `{}`", station.path)))
}

#[cfg(test)]
mod tests {
    use super::{Aggregate, CHECKLIST, NOUN, STATIONS, Tree, check};

    /// A repository in order, less the file at `gap`.
    fn found_without(gap: Option<&str>) -> Vec<String> {
        let places = STATIONS.iter().flat_map(|station| {
            let nouns = Aggregate::ALL.into_iter().filter(|aggregate| !station.without.contains(aggregate));
            nouns.map(|aggregate| station.path.replace(NOUN, aggregate.noun()))
        });
        let places = places.map(|path| if path.ends_with('/') { format!("{path}Some.avsc") } else { path });
        let checklist = STATIONS.map(|station| station.path).join("\n");
        let mut files: Vec<_> = places.map(|path| (path, "//! A station.\n".to_owned())).collect();
        files.push((CHECKLIST.to_owned(), checklist.replace(gap.unwrap_or("no station"), "")));
        files.retain(|(path, _)| Some(path.as_str()) != gap);
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        check(&Tree::of(&files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_noun_stands_at_every_station() {
        assert_eq!(found_without(None), Vec::<String>::new());
        let found = found_without(Some("crates/domain/src/stock.rs"));
        assert_eq!(found, ["crates/domain/src/stock.rs: is missing: every noun stands at every station [stations]"]);
        assert_eq!(found_without(Some("schemas/avro/user/Some.avsc")).len(), 1);
    }

    #[test]
    fn the_checklist_names_every_station() {
        for station in STATIONS {
            assert_eq!(found_without(Some(station.path)).len(), 1, "{} may be left out unnoticed", station.path);
        }
    }
}
