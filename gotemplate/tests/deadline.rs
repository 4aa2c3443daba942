//! A budget with a clock ends what its steps have not ended.

use std::cell::Cell;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use gotemplate::{Budget, Class, Data, Environment, Error, Limits, Resource, Template};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);
thread_local! {
    static READINGS: Cell<u32> = const { Cell::new(0) };
}

/// A tenth of a second passes with each reading.
fn clock() -> Instant {
    let readings = READINGS.get() + 1;
    READINGS.set(readings);
    *START + Duration::from_millis(100) * readings
}

fn render(source: &str, budget: &mut Budget) -> Result<Vec<u8>, Error> {
    let template = Template::parse_within("key", source, budget)?;
    template.render(&Data::default(), &Environment::default(), budget)
}

fn class(result: Result<Vec<u8>, Error>) -> Option<Class> {
    result.err().map(|error| error.class().clone())
}

#[test]
fn a_template_ends_when_its_time_is_over() {
    for source in [
        "{{range 9000000}}{{end}}",
        "{{range 9000000}}{{if and 1 1 1 1}}{{end}}{{end}}",
        "{{range 9000000}}{{$x := 1}}{{end}}",
        "{{$s := repeat 30000 `a`}}{{range 9000}}{{$x := regexMatch `(a|b)*c` $s}}{{end}}",
        "{{$l := until 100000}}{{range 90}}{{$x := sortAlpha $l}}{{end}}",
        "{{$s := repeat 1000000 `a`}}{{range 90}}{{$x := sha512sum $s}}{{end}}",
    ] {
        let limits = Limits {
            steps: u64::MAX,
            memory_bytes: usize::MAX,
            ..Limits::default()
        };
        let before = READINGS.get();
        let result = render(source, &mut Budget::timed(&limits, clock));
        let over = Class::Budget(Resource::Time);
        assert_eq!(class(result), Some(over), "{source}");
        // The first reading begins the two seconds.
        assert_eq!(READINGS.get() - before, 21, "{source}");
    }
}

#[test]
fn what_comes_after_the_end_is_not_begun() {
    let mut budget = Budget::timed(&Limits::default(), clock);
    let over = Some(Class::Budget(Resource::Time));
    assert_eq!(class(render("{{range 9000000}}{{end}}", &mut budget)), over);
    assert_eq!(class(render("x", &mut budget)), over);
    let parsed = Template::parse_within("key", "{{", &mut budget);
    assert_eq!(parsed.err().map(|error| error.class().clone()), over);
}

#[test]
fn time_passes_while_templates_are_parsed() {
    let mut budget = Budget::timed(&Limits::default(), clock);
    let source = "{{1}}".repeat(1000);
    let over = Some(Class::Budget(Resource::Time));
    let ended = (0..100).find(|_| {
        let parsed = Template::parse_within("key", &source, &mut budget);
        parsed.err().map(|error| error.class().clone()) == over
    });
    assert!(ended.is_some());
}

#[test]
fn without_a_clock_there_is_no_end() {
    let limits = Limits {
        time: Duration::ZERO,
        ..Limits::default()
    };
    let result = render("{{range 100000}}{{end}}x", &mut Budget::new(&limits));
    assert_eq!(result, Ok(b"x".to_vec()));
}

#[test]
fn says_so_in_words() {
    let mut budget = Budget::timed(&Limits::default(), clock);
    let error = render("{{range 9000000}}{{end}}", &mut budget).err();
    let told = error.map(|error| error.to_string());
    assert_eq!(
        told.as_deref(),
        Some("template: key:1:9: budget exceeded: time")
    );
}
