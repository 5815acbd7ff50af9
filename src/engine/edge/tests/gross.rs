//! Codes of which only most requests tell.

use super::*;

/// What is told where two in a hundred requests get `code` and 95 from 11,000 to 11,600 s on; the engine is saved and loaded in between
/// `cuts` times.
fn told(code: u16, cuts: i64) -> Vec<String> {
    let mut engine = Engine::new(EngineConfig::default());
    let mut told = Vec::new();
    for second in 0..13_000 {
        let bad = if (11_000..11_600).contains(&second) { 95 } else { 2 };
        apply(&mut engine, second + 1, second_of(second, bad, code, false, 3));
        for transition in engine.transitions() {
            let incident = &transition.incident;
            if incident.scope.is_of_edge() {
                let after = transition.at.seconds() - START - 11_000;
                let (state, severity) = (incident.state.as_str(), incident.severity.as_str());
                let Incident { alertname, summary, description, .. } = &**incident;
                told.push(format!(
                    "{after} s {state} {severity} {alertname}: {summary}\n  {description}"
                ));
            }
        }
        if second % 97 < cuts {
            engine = Engine::load(EngineConfig::default(), &engine.save()).unwrap();
        }
    }
    told
}

#[test]
fn a_backend_that_hangs_or_refuses_everybody_is_a_page() {
    let all: Vec<_> = [499, 0, 460, 401, 404].into_iter().flat_map(|code| told(code, 0)).collect();
    insta::assert_snapshot!("gross", all.join("\n"));
    for code in [499, 401] {
        assert_eq!(told(code, 0), told(code, 2), "{code}");
    }
}
