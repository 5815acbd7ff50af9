use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::{Exposition, PART_CONNECTIONS};
use crate::signal::{Snapshot, catalog};
use crate::web::sample;

fn exposition(snapshot: &Snapshot, chosen: &[bool], own: &str) -> String {
    Exposition::new(Arc::new(snapshot.clone()), chosen, own.to_owned()).collect()
}

#[test]
fn many_connections_are_written_part_by_part_each_once() {
    let count = PART_CONNECTIONS * 2;
    let connection = |index| Arc::new(sample::connection(Some(&format!("conn_{index}")), 2));
    let connections = (0..=count).map(connection).collect();
    let snapshot = Snapshot { connections, ..Snapshot::default() };
    let mut chosen = vec![true; count];
    chosen.push(false);
    let page = exposition(&snapshot, &chosen, "");
    let started = page.lines().filter(|line| line.starts_with("sso_sessions_started_total{"));
    let labels: Vec<_> =
        started.map(|line| sample::labels(line)["connection_id"].clone()).collect();
    let mut want: Vec<_> = (0..count).map(|index| format!("conn_{index}")).collect();
    want.push("other".to_owned());
    assert_eq!(labels, want);
    let parts = Exposition::new(Arc::new(snapshot), &chosen, String::new());
    assert!(parts.map(|part| part.len()).max() < Some(page.len() / 5));
}

#[test]
fn the_whole_exposition_is_as_agreed() {
    let own = "# HELP ssowatch_journal_bytes Size of the journal.\n# TYPE ssowatch_journal_bytes gauge\nssowatch_journal_bytes 1024\n";
    insta::assert_snapshot!(exposition(&sample::snapshot(), &[true, true, false, false], own));
}

#[test]
fn each_series_and_each_family_is_written_once() {
    let page = exposition(&sample::snapshot(), &[true; 4], "");
    let (mut series, mut families) = (HashSet::new(), HashSet::new());
    for line in page.lines() {
        match line.strip_prefix("# TYPE ") {
            Some(family) => assert!(families.insert(family), "{line}"),
            None if line.starts_with('#') => {}
            None => assert!(series.insert(line.rsplit_once(' ').unwrap().0), "{line}"),
        }
    }
}

#[test]
fn what_is_of_the_journal_is_what_its_owner_alone_shows() {
    let page = exposition(&sample::snapshot(), &[true; 4], "");
    let families: HashSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .filter(|name| *name != catalog::BUILD_INFO.name)
        .collect();
    let names = catalog::ALL.iter().map(|metric| metric.name);
    assert_eq!(
        names.filter(|name| catalog::is_of_the_journal(name)).collect::<HashSet<_>>(),
        families
    );
}

#[test]
fn the_certificate_of_a_removed_connection_is_not_shown() {
    for (state, shown) in [("active", true), ("deleted", false), ("inactive", false)] {
        let mut connection = sample::connection(Some("conn_1"), 2);
        Arc::make_mut(connection.info.as_mut().unwrap()).state = Some(state.into());
        let snapshot = Snapshot { connections: vec![Arc::new(connection)], ..Snapshot::default() };
        let page = exposition(&snapshot, &[true], "");
        let series = "\nsso_connection_certificate_expiry_timestamp_seconds{";
        assert_eq!(page.contains(series), shown, "{state}");
    }
}

#[test]
fn nothing_is_shown_of_what_is_not_known() {
    let page = exposition(&Snapshot::default(), &[], "");
    let samples: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(samples.len(), 1, "only build information: {samples:?}");
    assert!(!page.contains("NaN"));
}

proptest! {
    #[test]
    fn property_test_label_values_survive_escaping(name in any::<String>()) {
        let mut connection = sample::connection(Some("conn_1"), 2);
        let info = Arc::make_mut(connection.info.as_mut().unwrap());
        info.organization_name = Some(name.clone().into());
        let snapshot = Snapshot { connections: vec![Arc::new(connection)], ..Snapshot::default() };
        let page = exposition(&snapshot, &[true], "");
        // Only a line feed ends a line here; other separators are characters like any other.
        let line = page.split('\n').find(|line| line.starts_with("sso_connection_info{")).unwrap();
        prop_assert_eq!(&sample::labels(line)["organization_name"], &name);
        prop_assert_eq!(&sample::labels(line)["state"], "active");
    }
}
