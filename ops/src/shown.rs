//! What there is to look after: every generation of every projection that is fed.

use read_model::generations::State;
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
    let found = read_model.generations(&Projection::ALL.map(Projection::name)).await?;
    let mut shown = Vec::new();
    for (projection, generations) in Projection::ALL.into_iter().zip(found) {
        let Some(generations) = generations else { continue };
        let one =
            |generation, live| Shown { projection, target: Target { projection: projection.name(), generation }, live };
        shown.push(one(generations.live, true));
        let others = generations.entries.iter().filter(|(number, _)| **number != generations.live);
        let fed = others.filter(|(_, entry)| entry.state != State::Dropping);
        shown.extend(fed.map(|(number, _)| one(*number, false)));
    }
    Ok(shown)
}
