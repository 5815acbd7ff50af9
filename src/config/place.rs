//! Where a key stands in the file: looked up only when there is an error to tell.

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::tracked::Step;

/// Line and column, from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) column: u64,
}

impl From<serde_saphyr::Location> for Place {
    fn from(location: serde_saphyr::Location) -> Self {
        Self { line: location.line(), column: location.column() }
    }
}

/// The place of the last step of `path` that is written in `text`: of its key, or of the item of a list.
pub(super) fn locate(text: &str, path: &[Step]) -> Option<Place> {
    let tree: Spanned<Tree> = serde_saphyr::from_str(text).ok()?;
    let mut place = Place::from(tree.referenced);
    let mut tree = &tree.value;
    for step in path {
        let inside = match (tree, step) {
            (Tree::Map(entries), Step::Key(key)) => entries
                .iter()
                .find(|(name, _)| name.value == *key)
                .map(|(name, tree)| (name.referenced, tree)),
            (Tree::List(items), Step::Index(index)) => {
                items.get(*index).map(|tree| (tree.referenced, tree))
            }
            _ => None,
        };
        let Some((at, inside)) = inside else { break };
        (place, tree) = (Place::from(at), &inside.value);
    }
    Some(place)
}

/// `http.admin.listen`, `receivers[0].slack`.
pub(super) fn name(path: &[Step]) -> String {
    let mut name = String::new();
    for step in path {
        match step {
            Step::Key(key) if name.is_empty() => name.push_str(key),
            Step::Key(key) => {
                name.push('.');
                name.push_str(key);
            }
            Step::Index(index) => {
                name.push('[');
                name.push_str(&index.to_string());
                name.push(']');
            }
        }
    }
    name
}

/// The steps of a name that [`name`] gives.
pub(super) fn steps(name: &str) -> Vec<Step> {
    let each = name.split(['.', '[']).filter(|part| !part.is_empty());
    each.map(|part| {
        let index = part.strip_suffix(']').and_then(|index| index.parse().ok());
        index.map_or_else(|| Step::Key(part.to_owned()), Step::Index)
    })
    .collect()
}

enum Tree {
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
    List(Vec<Spanned<Self>>),
    Scalar,
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_unit<E: Error>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_none<E: Error>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Tree::Scalar)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Tree::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_items_are_found_and_what_is_missing_is_its_parent() {
        let text = "a: 1\nb:\n  - { c: x }\n  - d:\n      e: null\n";
        let cases = [
            ("a", (1, 1)),
            ("b[0].c", (3, 7)),
            ("b[1].d.e", (5, 7)),
            ("b[1].d.z", (4, 5)),
            ("z", (1, 1)),
        ];
        for (path, (line, column)) in cases {
            assert_eq!(locate(text, &steps(path)), Some(Place { line, column }), "{path}");
            assert_eq!(name(&steps(path)), path);
        }
    }
}
