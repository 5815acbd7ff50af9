//! What the edge counts, which the sink adds up by itself.

use super::*;
use crate::event::edge::{Kind, Method};
use crate::signal::{Buckets, LimitView, TierView};

/// A snapshot whose edge has seen so many requests since the beginning.
fn edge_of(stage: &Stage, count: u64) -> Snapshot {
    let kind = Kind { route: "/u/:id".into(), method: Method::Get, code: 429, internal: false };
    let tier = TierView {
        tier: "web".into(),
        requests: vec![(kind, count)],
        durations: Buckets::default(),
        uri_bytes: Buckets::default(),
        windows: Default::default(),
        minutes: Vec::new(),
        last_at: None,
    };
    let limit = LimitView {
        limit: "per client".into(),
        quota: "10/m".into(),
        utilization: Some(0.9),
        requests: count,
        unnamed: 0,
        exceeded: 2 * count,
        refused_keys: 0,
        first_refused_at: None,
        keys: Vec::new(),
    };
    Snapshot {
        now: stage.clock.now(),
        tiers: vec![Arc::new(tier)],
        limits: vec![limit],
        ..Snapshot::default()
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_edge_counts_is_told_once_and_not_again_after_a_start() {
    let mut stage = Stage::new(|_| 202.into());
    start(&mut stage, &config(&json!({})), None);
    // What a process before this one counted.
    stage.publish.send_replace(Arc::new(edge_of(&stage, 100)));
    stage.pass(70).await;
    stage.publish.send_replace(Arc::new(edge_of(&stage, 107)));
    stage.pass(180).await;
    let asked = stage.intake.asked();
    let series: Vec<Value> = asked
        .iter()
        .flat_map(|asked| {
            let body: Value = serde_json::from_str(&asked.body).unwrap();
            body["series"].as_array().unwrap().clone()
        })
        .collect();
    let of = |name: &str| series.iter().filter(|one| one["metric"] == name).collect::<Vec<_>>();
    let requests = of("edge.requests");
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!((&requests[0]["type"], &requests[0]["interval"]), (&json!(1), &json!(60)));
    assert_eq!(requests[0]["points"][0]["value"], 7.0);
    let tags = ["code:429", "method:get", "route:/u/:id", "tier:web", "traffic:external"];
    assert_eq!(requests[0]["tags"], json!(tags));
    assert_eq!(of("edge.limit_exceeded")[0]["points"][0]["value"], 14.0);
    let used = of("edge.limit_utilization_ratio");
    assert!(used.len() > 2 && used[0]["points"][0]["value"] == 0.9, "{used:?}");
    stage.end().await;
}
