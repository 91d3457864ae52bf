//! What there is to look after: every generation of every projection that is fed.

use read_model::generations::{Generations, State};
use read_model::{Error, ReadModel, Sink, Target};
use views::Projection;

/// One generation of a projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Of which projection.
    pub(crate) projection: Projection,
    /// Which generation.
    pub(crate) target: Target,
    /// Whether answers come from it.
    pub(crate) live: bool,
}

impl Shown {
    pub(crate) const fn sink(&self) -> Sink {
        Sink::Views(self.target)
    }
}

/// Every generation that is fed, the live one of a projection first; none of a projection that never began.
pub(crate) async fn shown(read_model: &ReadModel) -> Result<Vec<Shown>, Error> {
    let mut shown = Vec::new();
    for (projection, generations) in known(read_model).await? {
        let one =
            |generation, live| Shown { projection, target: Target { projection: projection.name(), generation }, live };
        shown.push(one(generations.live, true));
        let others = generations.entries.iter().filter(|(number, _)| **number != generations.live);
        let fed = others.filter(|(_, entry)| entry.state != State::Dropping);
        shown.extend(fed.map(|(number, _)| one(*number, false)));
    }
    Ok(shown)
}

/// Every generation of which a part is left, because its drop goes on or was cut short: nobody feeds it, and whoever is
/// erased meanwhile is not erased there.
pub(crate) async fn dropped_in_part(read_model: &ReadModel) -> Result<Vec<Target>, Error> {
    let mut parts = Vec::new();
    for (projection, generations) in known(read_model).await? {
        let dropped = generations.entries.iter().filter(|(_, entry)| entry.state == State::Dropping);
        let projection = projection.name();
        parts.extend(dropped.map(|(generation, _)| Target { projection, generation: *generation }));
    }
    Ok(parts)
}

/// How a drop comes to its end.
pub(crate) fn drop_again(target: &Target) -> String {
    let Target { projection, generation } = target;
    format!("unless that is under way, repeat `ops projections drop {projection} {generation} --execute`")
}

/// The generations of each projection that ever began.
async fn known(read_model: &ReadModel) -> Result<Vec<(Projection, Generations)>, Error> {
    let found = read_model.generations(&Projection::ALL.map(Projection::name)).await?;
    Ok(Projection::ALL.into_iter().zip(found).filter_map(|(projection, known)| Some((projection, known?))).collect())
}
