use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::exposition;
use crate::signal::Snapshot;
use crate::web::sample;

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
