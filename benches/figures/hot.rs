//! The hot functions, each in a process of its own.

use std::fs;
use std::process::Command;

use super::inside;
use super::process;
use super::rows::{Bench, count};
use super::table::{Figure, Goal};

impl Bench {
    /// The hot functions: time, memory, instructions.
    pub(crate) fn hot(&self) -> Vec<Figure> {
        let costs = inside::HOT.map(|function| self.cost(function, 100_000, 400_000));
        let [_, fold, without] = costs;
        let mut figures = Vec::new();
        for (function, cost) in inside::HOT.iter().zip(costs) {
            let work = format!("{function}: time an event");
            figures.push(Figure::new(work, cost.nanos_an_event, "ns", Goal::None));
            let work = format!("{function}: instructions an event");
            figures.push(Figure::new(work, instructions(function), "", Goal::None));
        }
        let nanos = fold.nanos_an_event - without.nanos_an_event;
        let bytes = fold.bytes_a_connection - without.bytes_a_connection;
        let beside = "the fold without it";
        figures.push(
            Figure::new("detection: time an event", nanos, "ns", Goal::None)
                .beside(beside, without.nanos_an_event),
        );
        figures.push(
            Figure::new("detection: memory a connection", bytes, "bytes", Goal::None)
                .beside(beside, without.bytes_a_connection),
        );
        figures.push(Figure::new(
            "engine: memory a connection",
            fold.bytes_a_connection,
            "bytes",
            Goal::None,
        ));
        figures
    }

    /// In a process of its own, so that memory is that of this function alone.
    fn cost(&self, function: &str, connections: u64, events: usize) -> inside::Cost {
        let out = self.folder.join("hot.out");
        let own = std::env::current_exe().expect("this program");
        let (connections, events) = (connections.to_string(), events.to_string());
        process::run(Command::new(own).args(["inside", function, &connections, &events]), &out);
        let text = fs::read_to_string(out).expect("two numbers");
        let mut numbers = text.split_whitespace().map(|text| text.parse().expect("a number"));
        let mut next = || numbers.next().expect("two numbers");
        inside::Cost { nanos_an_event: next(), bytes_a_connection: next() }
    }
}

/// Instructions an event, as valgrind counts them, which no other program disturbs.
fn instructions(function: &str) -> f64 {
    const TURNS: usize = 20_000;
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--toggle-collect=*inside*timed*",
        ])
        .arg(std::env::current_exe().expect("this program"))
        .args(["inside", function, "1000", &TURNS.to_string()])
        .output()
        .expect("valgrind runs; Debian has it in the package of that name");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let (_, rest) = text.split_once("Collected : ").expect("valgrind counts");
    let digits = rest.split_whitespace().next().expect("a number");
    digits.parse::<f64>().expect("a number") / count(TURNS)
}
