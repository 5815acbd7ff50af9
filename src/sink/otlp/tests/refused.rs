//! What a receiver does not take.

use super::*;

#[test]
fn what_a_receiver_refuses_of_what_it_takes_is_read_from_its_answer() {
    let part = |rejected_data_points| ExportMetricsServiceResponse {
        partial_success: Some(ExportMetricsPartialSuccess {
            rejected_data_points,
            error_message: "no".to_owned(),
        }),
    };
    let cases = [
        (part(7).encode_to_vec(), 7),
        (part(-1).encode_to_vec(), 0),
        (vec![], 0),
        (b"ok".to_vec(), 0),
    ];
    for (answer, want) in cases {
        assert_eq!(refused_points(&answer), want, "{answer:?}");
    }
}

/// The series of a push that a receiver takes which refuses what is larger than `bytes_max`, and how many requests were refused.
fn taken(exposition: &str, bytes_max: usize) -> (Vec<String>, usize) {
    let identity = Identity::new(&config("instance: test-1"), None);
    let items = metrics::encode(exposition, &identity, NOW).unwrap();
    let mut left: Vec<_> = ENVELOPE.pack(items).into_iter().rev().collect();
    let (mut series, mut refused) = (Vec::new(), 0);
    while let Some(batch) = left.pop() {
        if batch.body.len() > bytes_max {
            refused += 1;
            match ENVELOPE.split(batch) {
                Ok([first, second]) => left.extend([second, first]),
                Err(one) => assert_eq!(one.count(), 1, "what is given up is one series"),
            }
            continue;
        }
        let request = [ExportMetricsServiceRequest::decode(&*batch.body).unwrap()];
        let count: usize = batch.count();
        let before = series.len();
        for metric in all_metrics(&request) {
            match metric.data.as_ref().unwrap() {
                Data::Histogram(data) => {
                    let all = data.data_points.iter();
                    series.extend(all.map(|point| format!("{} {point:?}", metric.name)));
                }
                _ => series.extend(points(metric).iter().map(|p| format!("{} {p:?}", metric.name))),
            }
        }
        assert_eq!(series.len() - before, count);
    }
    (series, refused)
}

#[test]
fn a_push_that_is_too_large_is_halved_down_to_one_series() {
    let mut exposition = EXPOSITION.to_owned();
    for n in 0..200 {
        writeln!(exposition, "sso_sessions_started_total{{connection_id=\"conn_{n}\"}} {n}")
            .unwrap();
    }
    let (whole, none) = taken(&exposition, usize::MAX);
    assert_eq!((whole.len(), none), (207, 0));
    let (halved, refused) = taken(&exposition, 3_000);
    assert_eq!(halved, whole, "each series once, as in the whole push");
    assert!(refused > 3, "{refused}");
    let (ones, _) = taken(&exposition, 700);
    assert_eq!(ones, whole);
    assert_eq!(taken(&exposition, 10).0, Vec::<String>::new());
}
