//! What turns of several servers on the same load show together: tables, ratios and doubts.
//!
//! The first server is the subject; the others are its peers.

use load::measurement::Measurement;
use load::report::{Table, grouped, median, spread_percent};

/// One turn of one server.
#[derive(Debug, Clone)]
pub struct Turn {
    /// What the generator saw.
    pub measurement: Measurement,
    /// Processor time of the server.
    pub server_us_per_request: f64,
    /// The share of the turn in which the server was computing, 0..=1.
    pub server_busy: f64,
}

impl Turn {
    /// The generator was the limit, so the throughput is not the server's.
    fn generator_bound(&self) -> bool {
        self.measurement.generator_busy() > 0.90 && self.server_busy < 0.95
    }

    /// Neither side was the limit: something else used the cores.
    fn disturbed(&self) -> bool {
        self.measurement.generator_busy() < 0.90 && self.server_busy < 0.90
    }

    fn requests_per_second(&self) -> f64 {
        self.measurement.requests_per_second()
    }
}

/// All turns on one load.
#[derive(Debug)]
pub struct Bout {
    /// What was asked.
    pub workload: String,
    /// Requests in one batch.
    pub pipeline: usize,
    /// For each server its name and its turns, the subject first. All have as many turns.
    pub turns: Vec<(String, Vec<Turn>)>,
}

impl Bout {
    /// The median of `value` over the rounds, comparing the subject's turn with that of a server.
    fn ratio(&self, server: usize, value: fn(&Turn, &Turn) -> f64) -> f64 {
        let pairs = self.turns[0].1.iter().zip(&self.turns[server].1);
        median(pairs.map(|(subject, this)| value(subject, this)))
    }

    fn cpu_ratio(&self, server: usize) -> f64 {
        self.ratio(server, |subject, this| {
            this.server_us_per_request / subject.server_us_per_request
        })
    }

    fn cpu(&self, server: usize) -> f64 {
        median(self.turns[server].1.iter().map(|turn| turn.server_us_per_request))
    }

    /// One line to watch while the comparison runs, on the side of its result.
    pub fn progress(&self) -> String {
        let servers: Vec<String> = (0..self.turns.len())
            .map(|server| {
                let (name, turns) = &self.turns[server];
                let throughput = grouped(median(turns.iter().map(Turn::requests_per_second)));
                format!("{name} {throughput}/s at {:.3} us", self.cpu(server))
            })
            .collect();
        format!("{} x {}:  {}", self.workload, self.pipeline, servers.join(",  "))
    }

    fn row(&self, server: usize) -> Vec<String> {
        let (name, turns) = &self.turns[server];
        let of = |value: fn(&Turn) -> f64| median(turns.iter().map(value));
        let all: Vec<f64> = turns.iter().map(Turn::requests_per_second).collect();
        let star = if turns.iter().any(Turn::generator_bound) { "*" } else { "" };
        let ratio = |ratio: f64| if server == 0 { "1".to_owned() } else { format!("{ratio:.2}") };
        let generator =
            |turn: &Turn| turn.measurement.us_per_request(turn.measurement.generator.total());
        vec![
            self.workload.clone(),
            self.pipeline.to_string(),
            name.clone(),
            grouped(median(all.iter().copied())) + star,
            format!("{:.0} %", spread_percent(&all)),
            format!("{:.3}", self.cpu(server)),
            format!("{:.0} %", of(|turn| turn.server_busy) * 100.0),
            format!("{:.3}", of(|turn| turn.measurement.latency_us(0.5)) / 1000.0),
            format!("{:.3}", of(|turn| turn.measurement.latency_us(0.99)) / 1000.0),
            format!("{:.3}", of(generator)),
            format!("{:.0} %", of(|turn| turn.measurement.generator_busy()) * 100.0),
            ratio(self.ratio(server, |subject, this| {
                subject.requests_per_second() / this.requests_per_second()
            })),
            ratio(self.cpu_ratio(server)),
        ]
    }

    /// The peer that needs least, if there is one.
    fn best_peer(&self) -> Option<usize> {
        (1..self.turns.len()).min_by(|&a, &b| self.cpu_ratio(a).total_cmp(&self.cpu_ratio(b)))
    }

    fn best_row(&self) -> Option<Vec<String>> {
        let best = self.best_peer()?;
        let cpus: Vec<f64> =
            self.turns[0].1.iter().map(|turn| turn.server_us_per_request).collect();
        Some(vec![
            self.workload.clone(),
            self.pipeline.to_string(),
            self.turns[best].0.clone(),
            format!("{:.3}", self.cpu(best)),
            format!("{:.3}", self.cpu(0)),
            format!("{:.0} %", spread_percent(&cpus)),
            format!("{:.2}", self.cpu_ratio(best)),
        ])
    }

    /// What makes the numbers of some turns worth less.
    pub fn doubts(&self) -> Vec<String> {
        let kinds = [
            (
                Turn::generator_bound as fn(&Turn) -> bool,
                "the generator was above 90 % busy and the server below 95 %",
            ),
            (Turn::disturbed, "both were below 90 % busy, so something else used their cores"),
        ];
        let mut doubts = Vec::new();
        for (name, turns) in &self.turns {
            for (holds, text) in kinds {
                let count = turns.iter().filter(|turn| holds(turn)).count();
                if count > 0 {
                    let Self { workload, pipeline, .. } = self;
                    let all = turns.len();
                    doubts.push(format!(
                        "warning: {name}, {workload} x {pipeline}, {count} of {all} turns: {text}"
                    ));
                }
            }
        }
        doubts
    }
}

/// What the tables of [`full_table`] and [`best_table`] mean.
pub const EXPLANATION: &str = "\
Medians over the rounds; spread is half the distance of the extremes. Both ratios are above 1 when
the first server is the better one; they are medians of the ratios inside each round. Server CPU is
user and system time of all threads. Latency is that of a whole batch in a closed loop. A star marks
a throughput that the generator limited: there only CPU per request compares the servers. The best
peer is the one with the lowest ratio of CPU.";

/// A row for each load and server.
pub fn full_table(bouts: &[Bout], subject: &str) -> Table {
    let throughput_ratio = format!("throughput {subject}/this");
    let cpu_ratio = format!("CPU this/{subject}");
    let mut table = Table::new(
        3,
        &[
            "workload",
            "pipeline",
            "server",
            "requests/s",
            "spread",
            "server CPU us/request",
            "server busy",
            "p50 ms",
            "p99 ms",
            "generator CPU us/request",
            "generator busy",
            &throughput_ratio,
            &cpu_ratio,
        ],
    );
    for bout in bouts {
        (0..bout.turns.len()).for_each(|server| table.push(bout.row(server)));
    }
    table
}

/// A row for each load: the subject against the best of its peers. `None` without peers.
pub fn best_table(bouts: &[Bout], subject: &str) -> Option<Table> {
    let own = format!("{subject} CPU us/request");
    let ratio = format!("CPU best peer/{subject}");
    let header =
        ["workload", "pipeline", "best peer", "its CPU us/request", &own, "spread", &ratio];
    let mut table = Table::new(3, &header);
    for bout in bouts {
        table.push(bout.best_row()?);
    }
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(name: &str, cpus: [f64; 3]) -> (String, Vec<Turn>) {
        let turn = |server_us_per_request| Turn {
            measurement: Measurement::empty(1),
            server_us_per_request,
            server_busy: 1.0,
        };
        (name.to_owned(), cpus.map(turn).to_vec())
    }

    fn bout() -> Bout {
        // The second round was twice as slow for everyone; the ratios do not show it.
        let turns = vec![
            turns("mine", [1.0, 2.0, 1.0]),
            turns("slow", [4.0, 8.0, 4.0]),
            turns("fast", [3.0, 6.0, 2.0]),
        ];
        Bout { workload: "stock".to_owned(), pipeline: 32, turns }
    }

    #[test]
    fn the_best_peer_is_that_with_the_lowest_ratio() {
        let table = best_table(&[bout()], "mine").unwrap().to_text();
        let row = table.lines().nth(1).unwrap();
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(cells, ["stock", "32", "fast", "3.000", "1.000", "50", "%", "3.00"]);
    }

    #[test]
    fn there_is_no_best_without_peers() {
        let mut bout = bout();
        bout.turns.truncate(1);
        assert!(best_table(&[bout], "mine").is_none());
    }

    #[test]
    fn the_subject_is_one_and_peers_are_its_multiples() {
        let table = full_table(&[bout()], "mine").to_text();
        let last: Vec<&str> =
            table.lines().skip(1).map(|row| row.split_whitespace().last().unwrap()).collect();
        assert_eq!(last, ["1", "4.00", "3.00"]);
    }

    #[test]
    fn an_idle_server_with_an_idle_generator_was_disturbed() {
        let mut bout = bout();
        bout.turns[1].1[0].server_busy = 0.5;
        let doubts = bout.doubts();
        assert_eq!(doubts.len(), 1);
        assert!(doubts[0].contains("slow, stock x 32, 1 of 3 turns: both"), "{doubts:?}");
    }
}
