//! Runs every hostile template in a process of its own, with the default limits, and takes its time and its
//! memory: `cargo run --release -p gotemplate --example hostile`. Fails when one takes more than 3 s or
//! 100 MiB. With a word, only those whose name contains it; with `--steps`, without a deadline, to see
//! what ten million steps take.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program to run by hand"
)]

#[path = "../hostile/families.rs"]
mod families;

use std::io::Write;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime};

use families::Hostile;
use gotemplate::{Budget, Data, Environment, Limits, Template};

const TIME: Duration = Duration::from_secs(3);
const MEMORY_KIB: u64 = 100 << 10;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, timed] = args.as_slice()
        && flag == "--one"
    {
        one(timed == "timed");
        return ExitCode::SUCCESS;
    }
    let timed = !args.iter().any(|arg| arg == "--steps");
    let wanted = args.iter().find(|arg| !arg.starts_with("--"));
    all(wanted.map_or("", String::as_str), timed)
}

/// What one template took.
struct Taken {
    name: String,
    outcome: String,
    time: Duration,
    memory_kib: u64,
}

fn all(wanted: &str, timed: bool) -> ExitCode {
    let mut taken = Vec::new();
    for hostile in families::all() {
        if hostile.name.contains(wanted) {
            taken.push(in_a_process(hostile, timed));
        }
    }
    let count = taken.len();
    let is_over = |taken: &Taken| taken.time > TIME || taken.memory_kib > MEMORY_KIB;
    let over = taken.iter().filter(|taken| is_over(taken)).count();
    println!("{count} templates, {over} of them over the bars");
    taken.sort_by_key(|taken| std::cmp::Reverse(taken.time));
    println!("the slowest:");
    taken.iter().take(20).for_each(show);
    taken.sort_by_key(|taken| std::cmp::Reverse(taken.memory_kib));
    println!("the largest:");
    taken.iter().take(20).for_each(show);
    ExitCode::from(u8::from(over > 0))
}

fn show(taken: &Taken) {
    let (time, memory) = (taken.time.as_secs_f64(), taken.memory_kib >> 10);
    println!(
        "{time:6.2} s {memory:4} MiB  {}: {}",
        taken.name, taken.outcome
    );
}

/// Renders one template in a process of its own, whose memory is that of the template.
fn in_a_process(hostile: Hostile, timed: bool) -> Taken {
    let timed = if timed { "timed" } else { "steps" };
    let start = Instant::now();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--one", timed])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(hostile.source.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let all = start.elapsed();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut told = told.lines();
    let mut next = || told.next().map(str::to_owned);
    let outcome = next().unwrap_or_else(|| format!("died: {}", output.status));
    let millis = next().and_then(|millis| millis.parse().ok());
    let memory = next().and_then(|memory| memory.parse().ok());
    Taken {
        name: hostile.name,
        outcome,
        time: millis.map_or(all, Duration::from_millis),
        memory_kib: memory.unwrap_or(u64::MAX),
    }
}

/// Renders the template on stdin and tells what came of it.
fn one(timed: bool) {
    let source = std::io::read_to_string(std::io::stdin()).unwrap();
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let start = Instant::now();
    let outcome = thread.spawn(move || outcome(&source, timed));
    let outcome = outcome.unwrap().join().unwrap();
    println!("{outcome}");
    println!("{}", start.elapsed().as_millis());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    println!(
        "{}",
        peak.and_then(|peak| peak.split_whitespace().next())
            .unwrap_or("0")
    );
}

fn outcome(source: &str, timed: bool) -> String {
    let limits = Limits::default();
    let environment = Environment {
        now: Some(SystemTime::UNIX_EPOCH),
        random: Some(|buffer| {
            buffer.fill(7);
            true
        }),
    };
    let data = Data::new(families::data());
    let mut budget = match timed {
        true => Budget::timed(&limits, Instant::now),
        false => Budget::new(&limits),
    };
    let rendered = Template::parse_within("root", source, &mut budget)
        .and_then(|template| template.render(&data, &environment, &mut budget));
    let outcome = match rendered {
        Ok(output) => format!("{} bytes", output.len()),
        Err(error) => error.class().to_string().chars().take(60).collect(),
    };
    let steps = limits.steps - budget.steps();
    format!("{outcome}, {steps} steps")
}
