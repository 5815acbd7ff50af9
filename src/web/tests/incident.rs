//! Incidents beside each other, in each other, and on their pages.

use super::*;

#[tokio::test]
async fn what_began_together_on_the_other_side_is_a_click_away() {
    for (minutes, want) in [(-14, true), (-17, false), (14, true)] {
        let mut snapshot = sample::snapshot();
        let mut edge = sample::incident(IncidentState::Firing);
        edge.id = "edge-1".into();
        edge.scope = Scope::Tier("api".into());
        edge.started_at = edge.started_at.plus_millis(minutes * 60_000);
        snapshot.incidents.push(Arc::new(edge));
        for (path, other) in [
            ("/incidents/0123456789abcdef-firing", "edge-1"),
            ("/incidents/edge-1", "0123456789abcdef-firing"),
        ] {
            let response = ask(admin(snapshot.clone(), None), Method::GET, path, &[]).await;
            let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
            let page = String::from_utf8(body.to_vec()).unwrap();
            let link = format!("<a href=\"/incidents/{other}\">");
            assert_eq!(page.contains(&link), want, "{path} {minutes}: {page}");
        }
    }
}

#[tokio::test]
async fn what_is_part_of_an_incident_is_told_with_it_everywhere() {
    let mut snapshot = sample::snapshot();
    snapshot.incidents.clear();
    for (id, scope, after) in
        [("edge-1", Scope::Tier("api".into()), 0), ("fleet-1", Scope::Fleet, 30_000)]
    {
        let mut incident = sample::incident(IncidentState::Firing);
        (incident.id, incident.fingerprint, incident.scope) = (id.into(), id.into(), scope);
        incident.fired_at = incident.fired_at.map(|at| at.plus_millis(after));
        incident.summary = format!("{id} suffers");
        snapshot.incidents.push(Arc::new(incident));
    }
    let read = async |path: &str| {
        let response = ask(admin(snapshot.clone(), None), Method::GET, path, &[]).await;
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    };
    let front = read("/").await;
    assert!(front.contains("1 incident needs somebody now"), "{front}");
    assert!(front.contains("edge-1 suffers. Together with it, fleet-1 suffers"), "{front}");
    assert!(!front.contains("/incidents/fleet-1"), "{front}");
    let page = read("/incidents/edge-1").await;
    assert!(page.contains("Parts of it") && page.contains("/incidents/fleet-1"), "{page}");
    assert!(read("/incidents/fleet-1").await.contains("Part of <a href=\"/incidents/edge-1\">"));
    let report = read("/api/v1/incidents/edge-1/report").await;
    assert!(report.contains("### SsoConnectionFailing\n\nfleet-1 suffers."), "{report}");
    let json: Value = serde_json::from_str(&read("/api/v1/incidents").await).unwrap();
    let [edge, fleet] = [&json["incidents"][0], &json["incidents"][1]];
    assert_eq!((&edge["part_of"], &edge["parts"][0]["id"]), (&json!(null), &json!("fleet-1")));
    assert_eq!(
        (&edge["parts"][0]["evidence"]["bad"], &fleet["part_of"]),
        (&json!(38), &json!("edge-1"))
    );
}

#[tokio::test]
async fn the_page_of_an_incident_says_whether_people_are_counted() {
    for (users, want) in [(38, "38 of 61 people (62 %)"), (22, "38 of 61 sign-ins (62 %)")] {
        let mut snapshot = sample::snapshot();
        let mut incident = sample::incident(IncidentState::Firing);
        incident.evidence.users = Some(users);
        incident.evidence.causes = vec![("certificate".into(), 70)];
        let path = format!("/incidents/{}", incident.id);
        snapshot.incidents = vec![Arc::new(incident)];
        let response = ask(admin(snapshot, None), Method::GET, &path, &[]).await;
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let page = String::from_utf8(body.to_vec()).unwrap();
        assert!(page.contains(want), "{want}: {page}");
    }
}

#[tokio::test]
async fn the_page_of_a_rules_incident_says_of_which_window_its_numbers_are() {
    for (window, want) in [(Some(300), true), (None, false)] {
        let mut snapshot = sample::snapshot();
        let mut incident = sample::incident(IncidentState::Firing);
        incident.evidence.window_seconds = window;
        let path = format!("/incidents/{}", incident.id);
        snapshot.incidents = vec![Arc::new(incident)];
        let response = ask(admin(snapshot, None), Method::GET, &path, &[]).await;
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let page = String::from_utf8(body.to_vec()).unwrap();
        assert_eq!(page.contains(" in its last 5 min"), want, "{page}");
    }
}
