use std::sync::Mutex;

use serde_json::{Value, json};

use super::super::fake::{Asked, Stage, answer, page};
use super::*;
use crate::outbound::Answer;

/// A world of connections and organizations that a test may change.
#[derive(Clone, Default)]
struct World(Arc<Mutex<Lists>>);

#[derive(Default)]
struct Lists {
    connections: Vec<Value>,
    organizations: Vec<Value>,
    /// Path, and the status with which it is refused.
    refused: BTreeMap<&'static str, u16>,
}

fn connection(n: usize) -> Value {
    json!({
        "object": "connection", "id": format!("conn_{n}"), "organization_id": format!("org_{n}"),
        "connection_type": "OktaSAML", "name": format!("Connection {n}"), "state": "active", "domains": [],
    })
}

fn organization(n: usize) -> Value {
    json!({"object": "organization", "id": format!("org_{n}"), "name": format!("Customer {n}")})
}

impl World {
    fn new(connections: usize, organizations: usize) -> Self {
        let lists = Lists {
            connections: (0..connections).map(connection).collect(),
            organizations: (0..organizations).map(organization).collect(),
            refused: BTreeMap::new(),
        };
        Self(Arc::new(Mutex::new(lists)))
    }

    fn stage(&self) -> Stage {
        let world = self.clone();
        Stage::with(move |path, asked, _| Some(world.answer(path, asked)))
    }

    fn answer(&self, path: &str, asked: &Asked) -> Answer {
        let lists = self.0.lock().unwrap();
        if let Some(status) = lists.refused.get(path) {
            return answer(*status, r#"{"message":"Forbidden"}"#);
        }
        let all = if path == "/connections" { &lists.connections } else { &lists.organizations };
        let first = asked
            .get("after")
            .map_or(0, |after| 1 + all.iter().position(|item| item["id"] == **after).unwrap());
        let data = &all[first..all.len().min(first + LIMIT)];
        let more = first + data.len() < all.len();
        let after = data.last().filter(|_| more).and_then(|item| item["id"].as_str());
        answer(200, &page(data, after).to_string())
    }

    fn refuse(&self, path: &'static str, status: u16) {
        self.0.lock().unwrap().refused.insert(path, status);
    }
}

/// Reads the directory for so many seconds, as a start of the daemon does.
async fn run(stage: &Stage, seconds: u64) {
    let (api, workos) = (stage.api(), stage.workos());
    let directory = Directory::new(&api, &workos);
    let time = Duration::from_secs(seconds);
    assert!(tokio::time::timeout(time, directory.run()).await.is_err(), "it goes on");
}

/// Everything that was told, without the deliveries.
fn told(stage: &Stage) -> Vec<ConnectionInfo> {
    stage.taken().directory.into_iter().flatten().collect()
}

#[tokio::test(start_paused = true)]
async fn connections_are_told_once_with_their_customers_name_and_then_only_news() {
    let world = World::new(250, 250);
    let stage = world.stage();
    run(&stage, 60).await;
    let asked: Vec<_> = stage.fake.asked();
    let want = [
        "0 /organizations",
        "0 /organizations after=org_99",
        "0 /organizations after=org_199",
        "0 /connections",
        "0 /connections after=conn_99",
        "0 /connections after=conn_199",
    ];
    assert_eq!(asked, want);
    let all = told(&stage);
    assert_eq!(all.len(), 250);
    let names: Vec<_> =
        all.iter().map(|info| (info.id.as_str(), info.organization_name.as_deref())).collect();
    assert_eq!(names[0], ("conn_0", Some("Customer 0")));
    assert_eq!(names[249], ("conn_249", Some("Customer 249")));

    // A restart, and two rounds: only what is new since then.
    let change = async {
        sleep(Duration::from_mins(30)).await;
        let mut lists = world.0.lock().unwrap();
        lists.connections[7]["state"] = "inactive".into();
        lists.organizations[8]["name"] = "Renamed".into();
        lists.connections.push(connection(250));
    };
    tokio::join!(run(&stage, 2 * 3600), change);
    let news: Vec<_> = told(&stage)[250..].iter().map(|info| info.id.as_str().to_owned()).collect();
    assert_eq!(news, ["conn_7", "conn_8", "conn_250"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_may_not_read_a_list_goes_on_without_it_and_asks_every_round() {
    for status in [403, 404] {
        let world = World::new(3, 3);
        world.refuse("/organizations", status);
        let stage = world.stage();
        let allow = async {
            sleep(Duration::from_mins(150)).await;
            let all = told(&stage);
            assert_eq!(all.len(), 3);
            assert!(all.iter().all(|info| info.organization_name.is_none()), "{status}");
            assert_eq!(stage.fake.asked().len(), 2 * 3, "{status}: once an hour");
            world.0.lock().unwrap().refused.clear();
        };
        tokio::join!(run(&stage, 3 * 3600 + 60), allow);
        let names: Vec<_> =
            told(&stage)[3..].iter().map(|info| info.organization_name.clone()).collect();
        assert_eq!(names, ["Customer 0", "Customer 1", "Customer 2"].map(|name| Some(name.into())));
    }
}

#[tokio::test(start_paused = true)]
async fn failures_are_tried_again_within_the_round() {
    let world = World::new(150, 1);
    let failures = |number: usize| match number {
        0 => {
            Some(Answer { retry_after: Some(Duration::from_secs(9)), ..answer(429, "Ratelimited") })
        }
        1 => Some(answer(401, "")),
        3 => Some(answer(500, "")),
        4 => Some(answer(200, "[{")),
        6 => Some(answer(0, "")),
        _ => None,
    };
    let stage = Stage::with(move |path, asked, number| {
        Some(failures(number).unwrap_or_else(|| world.answer(path, asked)))
    });
    run(&stage, 300).await;
    assert_eq!(told(&stage).len(), 150);
    assert_eq!(stage.fake.asked()[1], "9 /organizations");
}

#[tokio::test(start_paused = true)]
async fn a_round_that_cannot_be_finished_is_repeated_sooner_and_keeps_what_it_has() {
    let cases: [(&str, u16); 2] = [("the place in the list is gone", 422), ("an outage", 500)];
    for (name, status) in cases {
        let world = World::new(250, 1);
        let stage = Stage::with(move |path, asked, number| {
            let broken = number < 30 && asked.get("after").is_some_and(|after| after == "conn_99");
            Some(if broken { answer(status, "{}") } else { world.answer(path, asked) })
        });
        run(&stage, 540).await;
        assert_eq!(told(&stage).len(), 100, "{name}");
        run(&stage, 24 * 3600).await;
        assert_eq!(told(&stage).len(), 250, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_waited_out() {
    let stage = World::new(1, 1).stage();
    stage.works.send_replace(false);
    let recover = async {
        sleep(Duration::from_mins(5)).await;
        stage.works.send_replace(true);
    };
    tokio::join!(run(&stage, 1200), recover);
    assert_eq!(told(&stage).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_without_an_end_is_left_within_bounds() {
    type Trick = fn(usize) -> String;
    let tricks: [(&str, Trick, usize); 2] = [
        ("the same place for ever", |_| "conn_1".into(), 4),
        ("always another place", |number| format!("conn_{number}"), 2 * PAGES_MAX as usize),
    ];
    for (name, after, requests) in tricks {
        let stage = Stage::with(move |_, _, number| {
            Some(answer(200, &page(&[connection(1)], Some(&after(number))).to_string()))
        });
        // Long enough for the one, and shorter than the pause before the next round of the other.
        run(&stage, 40 * 60).await;
        assert_eq!(stage.fake.asked().len(), requests, "{name}");
        assert_eq!(told(&stage).len(), 1, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn odd_connections_cost_only_themselves() {
    let odd = [
        json!({"id": 7}),
        json!({"object": "connection", "id": "conn_bare"}),
        json!("text"),
        json!({"id": "conn_new", "organization_id": null, "connection_type": "BrandNewOIDC", "name": "N\u{7}",
            "state": "some_new_state", "more": [1]}),
    ];
    let stage = Stage::with(move |path, _, _| {
        let data = if path == "/connections" { &odd[..] } else { &[] };
        Some(answer(200, &page(data, None).to_string()))
    });
    run(&stage, 60).await;
    let info = |id: &str| ConnectionInfo {
        id: ConnectionId::new(id),
        organization_id: None,
        organization_name: None,
        connection_type: None,
        name: None,
        state: None,
    };
    let new = ConnectionInfo {
        connection_type: Some("BrandNewOIDC".into()),
        name: Some("N ".into()),
        state: Some("some_new_state".into()),
        ..info("conn_new")
    };
    assert_eq!(told(&stage), [info("conn_bare"), new]);
}
