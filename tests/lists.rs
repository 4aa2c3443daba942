//! What is listed is there, and what is there is listed: upstream's cases with our tests for them, promises and threats
//! with the tests that hold them, scenarios with their endings.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where a list cannot be read"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Upstream's tests of controller, sealing and resource, by its names for them.
const CASES: &str = "
UC1 UC2 UC3 UC4 UC5 UC6 UC7 UC8 UC9 UC10 UC11 UC12 UC13 UC14 UC15 UC16 UC17 UC18 UC19 UC20 UC21 UC22 UC23 UC24 UC25 UC26
UK1 UK2 UK3 UK4 UK5 UK6 UK7 UK8 UK9 UK10 UK11 UK12

SealingScope EncryptionLabel Label ClusterWide NamespaceWide ClusterAndNamespaceWide Serialize
SealRoundTrip SealRoundTripStringDataConversion SealRoundTripWithClusterWide SealRoundTripWithNamespaceWide
SealRoundTripWithMisMatchClusterWide SealRoundTripWithMisMatchNamespaceWide SealRoundTripTemplateData
TemplateWithoutEncryptedData TemplateDataPlaintextReference TemplateDataMixedEncryptedAndPlaintext
TemplateDataEncryptedTakesPrecedenceOverPlaintext TemplateOmitEncryptedData
ValidateEncryptedDataIgnoresTemplate UnsealWithoutTemplateIgnoresTemplate SkipSetOwnerReference SealMetadataPreservation
UnsealingV1Format RejectBothEncryptedDataAndDeprecatedV1Data InvalidBase64 SignKey

IsAnnotatedToBePatched IsAnnotatedToBeManaged
Convert2SealedSecretBadType Convert2SealedSecretFills Convert2SealedSecretPassThrough
DefaultConfigDoesNotSkipRecreate SkipRecreateConfigDoesSkipIt
EmptyStatusSendsUpdate StatusUpdateSendsUpdate SameStatusNoUpdate SyncedSecretWithErrorSendsUpdate
Rotate RotateKeepScope AttemptUnsealIgnoresTemplate RotateIgnoresTemplate PrepareControllerConcurrently
WatchKeySecretsDynamicDetection SealedSecretTypesAreRegisteredGlobally
InitKeyRegistry InitKeyRotation InitKeyRotationTick ReuseKey RenewStaleKey KeyCutoff LegacySecret ReadKey WriteKey
RegisterNewKey LatestPrivateKeyEmpty PrivateKeys KeyLen MostRecentKeyTime MostRecentKeyTimeEmpty ConcurrentAccess
HttpCert HttpReadyz HttpVerifyRejectsOversizedBody
ObserveCondition UnregisterCondition UnregisterConditionWithNilStatus ObserveConditionWithNilStatus
UnregisterConditionWithMissingLabel ObserveConditionRespectsOmitSecretLabels
Version Flagenv Pflagenv IsMultiDocumentYAML promtool
";

/// Files whose scenarios look at answers, versions or keys, which are new each time.
const ABOUT_ANSWERS: [&str; 19] = [
    "audit",
    "canaries",
    "command_line",
    "drift",
    "endpoints",
    "health",
    "in_sync",
    "integration",
    "kubectl",
    "memory",
    "metrics",
    "permissions",
    "planted_keys",
    "process",
    "raw_requests",
    "renewal",
    "tenants",
    "steady",
    "watching",
];

/// Scenarios without an ending to compare.
const WITHOUT_ENDING: [(&str, &str); 14] = [
    ("makes_the_first_key_and_serves_its_certificate", ONLY_KEYS),
    ("finds_its_key_again_after_a_restart", ONLY_KEYS),
    ("lets_no_sealed_secret_make_a_sealing_key", ONLY_KEYS),
    ("makes_a_successor_at_the_moment_when_it_is_due", ONLY_KEYS),
    ("makes_a_key_every_period", ONLY_KEYS),
    ("the_secrets_go_with_the_definition_of_their_kind", NO_KIND),
    ("converges_after_etcd_starts_over", RACE),
    ("makes_a_managed_secret_again", RACE),
    ("a_new_object_waits_for_no_other_namespace", UNFINISHED),
    ("does_not_hurry_to_replace_an_unowned_secret", RACE),
    (
        "gives_a_foreign_secret_time_to_come_back_that_went_at_first_sight",
        RACE,
    ),
    ("passes_on_no_words_of_an_admission_policy", ONLY_REAL),
    (
        "survives_a_sealed_secret_that_is_deleted_and_comes_back",
        RACE,
    ),
    (
        "survives_that_somebody_else_writes_the_status_at_the_same_time",
        RACE,
    ),
];
const NO_KIND: &str = "SealedSecrets are no longer served";
const ONLY_KEYS: &str = "leaves nothing but keys, which are new each time";
const ONLY_REAL: &str = "the server in memory has no policies";
const UNFINISHED: &str = "it is over before the controller is";
const RACE: &str = "two writers race, and the Events tell who was faster";

/// What a threat names in place of tests: nothing holds it, or somebody else has to.
const NO_TESTS: [&str; 2] = ["not yet", "not by us"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A row of the table: upstream's name, our tests, and the feature that is missing yet.
struct Row {
    case: String,
    tests: Vec<String>,
    pending: Option<String>,
}

fn rows() -> Vec<Row> {
    let table = include_str!("upstream-cases.md").lines();
    let cells = table.filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = cells.filter(|line| !line.starts_with("case ") && !line.starts_with("--- "));
    cells.map(row).collect()
}

fn row(line: &str) -> Row {
    let [case, place] = line.split(" | ").collect::<Vec<_>>()[..] else {
        panic!("no row of two cells: {line}")
    };
    let (pending, tests) = place
        .split(", ")
        .partition::<Vec<_>, _>(|part| part.starts_with("pending: "));
    Row {
        case: case.to_owned(),
        tests: tests
            .into_iter()
            .map(|test| test.trim_matches('`').to_owned())
            .collect(),
        pending: pending.first().map(|feature| (*feature).to_owned()),
    }
}

/// The rows of every table of the threats: each cell by the head of its column.
fn threats() -> Vec<BTreeMap<&'static str, &'static str>> {
    let mut head: Vec<&str> = Vec::new();
    let mut rows = Vec::new();
    for line in include_str!("../docs/threats.md").lines() {
        if line.starts_with("|---") {
            continue;
        }
        let Some(line) = line.strip_prefix("| ") else {
            head.clear();
            continue;
        };
        let cells: Vec<&str> = line.trim_end_matches(" |").split(" | ").collect();
        if head.is_empty() {
            head = cells;
            continue;
        }
        assert_eq!(cells.len(), head.len(), "not the cells of its head: {line}");
        rows.push(head.iter().copied().zip(cells).collect());
    }
    rows
}

/// `folder/file.rs::name`, or a case that is a file of its own.
fn is_there(test: &str) -> bool {
    let Some((file, name)) = test.split_once("::") else {
        return root().join(test).is_file();
    };
    let text = std::fs::read_to_string(root().join(file)).unwrap_or_default();
    tests_in(&text).iter().any(|found| found.name == name)
}

#[derive(Default)]
struct Test {
    name: String,
    /// From its first line to the first of the next one.
    body: String,
    ignored: Option<String>,
}

fn tests_in(text: &str) -> Vec<Test> {
    let begin =
        |line: &str| line.trim_start().starts_with("#[test]") || line.contains("#[tokio::test");
    let mut tests: Vec<Test> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        if begin(line) {
            tests.push(Test::default());
            is_open = true;
        } else if let (true, Some(test)) = (is_open, tests.last_mut()) {
            if let Some((_, reason)) = line.split_once("#[ignore") {
                test.ignored = Some(reason.to_owned());
            }
            if let Some((_, rest)) = line.split_once("fn ").filter(|_| test.name.is_empty()) {
                test.name = rest.split('(').next().unwrap_or_default().to_owned();
            }
            test.body += line.trim();
        }
    }
    tests
}

/// Every file of scenarios by its name.
fn scenarios() -> BTreeMap<String, Vec<Test>> {
    let mut folders = vec![root().join("tests/scenarios")];
    let mut files = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                let folder = path.parent().unwrap().file_name().unwrap();
                let text = std::fs::read_to_string(&path).unwrap();
                let name = format!("{}/{name}", folder.to_string_lossy());
                files.insert(name.replace("scenarios/", ""), tests_in(&text));
            }
        }
    }
    files
}

#[test]
fn every_case_of_upstream_has_one_row() {
    let listed: Vec<String> = rows().into_iter().map(|row| row.case).collect();
    let cases: BTreeSet<&str> = CASES.split_whitespace().collect();
    let missing: Vec<_> = cases
        .iter()
        .filter(|case| !listed.iter().any(|listed| listed == *case))
        .collect();
    assert!(missing.is_empty(), "without a row: {missing:?}");
    let unknown: Vec<_> = listed
        .iter()
        .filter(|listed| !cases.contains(listed.as_str()))
        .collect();
    assert!(unknown.is_empty(), "no case of upstream: {unknown:?}");
    assert_eq!(listed.len(), cases.len(), "a case has two rows");
}

#[test]
fn every_row_names_tests_that_are_there_or_a_feature_that_is_to_come() {
    for Row {
        case,
        tests,
        pending,
    } in rows()
    {
        assert!(!tests.is_empty() || pending.is_some(), "{case}: nothing");
        for test in tests {
            assert!(is_there(&test), "{case}: there is no `{test}`");
        }
    }
}

#[test]
fn every_promise_names_tests_that_are_there() {
    let lines = include_str!("promises.md").lines();
    let rows = lines.filter(|line| line.starts_with("| "));
    let is_head = |row: &&str| row.starts_with("| ours ") || row.starts_with("| ---");
    let rows: Vec<&str> = rows.filter(|row| !is_head(row)).collect();
    assert!(rows.len() > 60, "{} promises", rows.len());
    for row in rows {
        let (_, tests) = row.trim_end_matches(" |").rsplit_once(" | ").unwrap();
        for test in tests.split(", ").map(|test| test.trim_matches('`')) {
            assert!(
                test.contains("::") && is_there(test),
                "there is no `{test}`"
            );
        }
    }
}

#[test]
fn every_threat_names_tests_that_are_there_or_says_what_does_not_hold() {
    let mut count = 0;
    for row in threats() {
        let Some(tests) = row.get("tests") else {
            continue;
        };
        count += 1;
        if NO_TESTS.contains(tests) {
            let rest = row.get("what does not hold");
            assert!(rest.is_some_and(|rest| *rest != "–"), "{row:?}");
            continue;
        }
        for test in tests.split(", ") {
            let name = test.trim_matches('`');
            let is_test = name.contains("::") || name.ends_with(".yaml");
            assert!(is_test && is_there(name), "there is no {test}: {row:?}");
        }
    }
    assert!(count > 60, "{count} rows");
}

#[test]
fn every_threat_has_a_number_of_its_own() {
    let number = |text: &str| text.parse::<usize>().unwrap();
    let column = |head| {
        let rows = threats().into_iter();
        rows.filter_map(move |row| row.get(head).copied())
    };
    let mut numbers: Vec<usize> = column("no.").map(number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>());
    for rows in column("rows").filter(|rows| *rows != "–") {
        for named in rows.split(", ").map(number) {
            assert!(numbers.contains(&named), "there is no row {named}");
        }
    }
}

#[test]
fn every_scenario_has_an_ending_or_a_reason_for_none() {
    for (file, tests) in scenarios() {
        if ABOUT_ANSWERS.contains(&file.as_str()) {
            continue;
        }
        for Test { name, body, .. } in tests {
            let ends = body.contains(&format!("ends_as(\"{}\"", name.replace('_', "-")));
            let is_excused = WITHOUT_ENDING.iter().any(|(excused, _)| *excused == name);
            assert!(
                ends != is_excused,
                "{file}::{name}: either an ending of its name or a reason for none"
            );
        }
    }
}

#[test]
fn every_recorded_ending_belongs_to_a_scenario() {
    let names: BTreeSet<String> = scenarios()
        .into_values()
        .flatten()
        .map(|test| test.name.replace('_', "-"))
        .collect();
    for entry in std::fs::read_dir(root().join("tests/scenarios/endings")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(names.contains(&name), "no scenario ends as `{name}`");
    }
}

#[test]
fn whatever_is_ignored_waits_for_a_feature() {
    for (file, tests) in scenarios() {
        for Test { name, ignored, .. } in tests {
            let Some(reason) = ignored else { continue };
            assert!(reason.starts_with(" = \"pending: "), "{file}::{name}");
        }
    }
}
