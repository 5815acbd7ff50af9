//! Where trouble is: a connection, a provider or all, as people call it and as alerts name it.

use std::collections::BTreeSet;

use super::Engine;
use super::calendar::Place;
use super::rule::ScopeKind;
use super::tally::Connection;
use crate::event::{ConnectionId, OrganizationId};
use crate::signal::{Reach, Scope};

/// Connections that an alert names.
pub(super) const CONNECTIONS_MAX: usize = 10;

impl Engine {
    /// Those that carry most of what is wrong at a place above them, for people who know their customers by name.
    pub(super) fn named(
        &self,
        place: Place,
        carriers: impl Iterator<Item = (u32, u64)>,
    ) -> Vec<(Box<str>, u64)> {
        let above = !matches!(place, Place::Connection(_));
        let most = carriers.take(if above { CONNECTIONS_MAX } else { 0 });
        most.map(|(index, bad)| (who(&self.memory.connections[index as usize]).into(), bad))
            .collect()
    }

    /// How far trouble at `place` reaches that these connections carry.
    pub(super) fn reach(&self, place: Place, carriers: impl Iterator<Item = u32>) -> Reach {
        let own = match place {
            Place::Connection(index) => Some(index),
            Place::Provider(_) | Place::Fleet => None,
        };
        let hit: BTreeSet<u32> = own.into_iter().chain(carriers).collect();
        let info = |index: &u32| self.memory.connections[*index as usize].info.as_deref();
        let organizations: BTreeSet<_> = hit
            .iter()
            .filter_map(|index| info(index)?.organization_id.as_ref())
            .map(OrganizationId::as_str)
            .collect();
        Reach { connections: hit.len() as u64, organizations: organizations.len() as u64 }
    }

    pub(super) fn scope(&self, place: Place) -> Scope {
        match place {
            Place::Connection(index) => {
                Scope::Connection(self.memory.connections[index as usize].id.clone())
            }
            Place::Provider(index) => Scope::ConnectionType(
                (&*self.memory.providers[index as usize].connection_type).into(),
            ),
            Place::Fleet => Scope::Fleet,
        }
    }

    pub(super) fn place(&mut self, scope: &Scope) -> Option<Place> {
        match scope {
            Scope::Connection(id) => Some(Place::Connection(self.memory.connection(id.as_ref()))),
            Scope::ConnectionType(name) => Some(Place::Provider(self.memory.provider(name))),
            Scope::Fleet => Some(Place::Fleet),
            Scope::Source(_) | Scope::Sink(_) | Scope::Tier(_) | Scope::Limit(_) | Scope::None => {
                None
            }
        }
    }

    pub(super) fn who(&self, place: Place) -> String {
        match place {
            Place::Connection(index) => who(&self.memory.connections[index as usize]),
            Place::Provider(index) => {
                format!("All {} connections", self.memory.providers[index as usize].connection_type)
            }
            Place::Fleet => "All connections".into(),
        }
    }
}

impl Place {
    pub(super) fn kind(self) -> ScopeKind {
        match self {
            Self::Connection(_) => ScopeKind::Connection,
            Self::Provider(_) => ScopeKind::ConnectionType,
            Self::Fleet => ScopeKind::Fleet,
        }
    }
}

/// The kind of scope that a rule may look at; `None` for what no rule looks at.
pub(super) fn kind(scope: &Scope) -> Option<ScopeKind> {
    match scope {
        Scope::Connection(_) => Some(ScopeKind::Connection),
        Scope::ConnectionType(_) => Some(ScopeKind::ConnectionType),
        Scope::Fleet => Some(ScopeKind::Fleet),
        Scope::Source(_) | Scope::Sink(_) | Scope::Tier(_) | Scope::Limit(_) | Scope::None => None,
    }
}

/// A connection as people call it.
pub(super) fn who(connection: &Connection) -> String {
    let id = connection.id.as_ref().map_or("sign-ins without a connection", ConnectionId::as_str);
    let info = connection.info.as_deref();
    let name = info.and_then(|info| info.organization_name.as_deref().or(info.name.as_deref()));
    name.map_or_else(|| id.to_owned(), |name| format!("{name} ({id})"))
}
