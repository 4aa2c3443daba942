use super::*;

fn asked(line: &[&str], variables: &[(&str, &str)]) -> Result<Asked, Error> {
    asked_beside(line, variables, later::NAMES)
}

fn asked_beside(
    line: &[&str],
    variables: &[(&str, &str)],
    later: &'static [&'static str],
) -> Result<Asked, Error> {
    let line = [&["controller"], line].concat();
    let own = [("POD_NAMESPACE", "kube-system")];
    let variables = own.iter().chain(variables);
    parse_beside(
        line.into_iter().map(OsString::from),
        &variables
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        later,
    )
}

fn run(line: &[&str], variables: &[(&str, &str)]) -> (Config, Vec<String>) {
    match asked(line, variables) {
        Ok(Asked::Run { config, warnings }) => (*config, warnings),
        other => panic!("{other:?}"),
    }
}

fn config(line: &[&str]) -> Config {
    run(line, &[]).0
}

fn refusal(line: &[&str]) -> String {
    let error = asked(line, &[]).unwrap_err().to_string();
    error.lines().next().unwrap().to_owned()
}

fn defaults() -> Config {
    Config::defaults("kube-system")
}

#[test]
fn takes_upstreams_defaults() {
    assert_eq!(config(&[]), defaults());
}

/// Every flag, and what it changes.
#[test]
#[expect(clippy::too_many_lines, reason = "a line or two for each flag")]
fn lifts_each_flag_into_its_setting() {
    type Change = fn(&mut Config);
    let cases: &[(&str, Change)] = &[
        ("--key-prefix=k", |c| c.key_prefix = "k".into()),
        ("--key-size=2048", |c| c.key_size = 2048),
        ("--key-ttl=1h30m", |c| {
            c.key_ttl = SignedDuration::from_mins(90)
        }),
        ("--my-cn=x", |c| c.common_name = "x".into()),
        ("--key-renew-period=0", |c| c.key_renew_period = None),
        ("--key-renew-period=0s", |c| c.key_renew_period = None),
        ("--key-renew-period=1.5h", |c| {
            c.key_renew_period = Some(SignedDuration::from_mins(90))
        }),
        ("--rotate-period=2h", |c| {
            c.key_renew_period = Some(SignedDuration::from_hours(2))
        }),
        ("--key-order-priority=SecretCreationTimestamp", |c| {
            c.key_order = KeyOrder::Created
        }),
        ("--key-cutoff-time=Thu, 01 Jan 1970 01:00:10 +0100", |c| {
            c.key_cutoff = Some(Timestamp::from_second(10).unwrap())
        }),
        ("--privatekey-labels=a=b,c=d=e,a=b", |c| {
            c.key_labels = [("a".into(), "b".into()), ("c".into(), "d".into())].into()
        }),
        ("--privatekey-annotations=a=", |c| {
            c.key_annotations = [("a".into(), String::new())].into()
        }),
        ("--first-key=never", |c| c.first_key = FirstKey::Never),
        ("--first-key=always", |c| c.first_key = FirstKey::Always),
        ("--watch-for-secrets", |_| ()),
        ("--accept-deprecated-v1-data=false", |c| {
            c.accept_deprecated_data = false
        }),
        ("--forbidden-types=a/b, c", |c| {
            c.forbidden_types = vec!["a/b".into(), "c".into()]
        }),
        ("--forbidden-metadata=a/", |c| {
            c.forbidden_metadata = vec!["a/".into()]
        }),
        ("--all-namespaces=false", |c| {
            c.watched = Watched::Own { additional: vec![] }
        }),
        ("--additional-namespaces= a,b ,,a,kube-system", |c| {
            c.watched = Watched::Own {
                additional: vec!["a".into(), "b".into()],
            }
        }),
        ("--label-selector=a=b", |c| c.label_selector = "a=b".into()),
        ("--update-status=false", |c| c.update_status = false),
        ("--skip-recreate", |c| c.repair = false),
        ("--old-gc-behavior", |c| c.delete_secrets = true),
        ("--max-unseal-retries=7", |c| c.quick_retries = 7),
        ("--max-unseal-retries=-1", |c| c.quick_retries = 0),
        ("--kubeclient-qps=2.5", |c| {
            c.request_limit = Some(RequestLimit {
                per_second: 2.5,
                burst: 10,
            })
        }),
        ("--kubeclient-burst=3", |c| {
            c.request_limit = Some(RequestLimit {
                per_second: 5.0,
                burst: 3,
            })
        }),
        ("--kubeclient-qps=-1", |_| ()),
        ("--listen-addr=127.0.0.1:1", |c| {
            c.http.listen_addr = "127.0.0.1:1".into()
        }),
        ("--listen-metrics-addr=:1", |c| {
            c.listen_metrics_addr = ":1".into()
        }),
        ("--read-timeout=2m", |c| {
            let time = std::time::Duration::from_secs(120);
            c.http.deadlines = Deadlines {
                header: time,
                body: time,
                idle: time,
                ..c.http.deadlines
            }
        }),
        ("--write-timeout=2m", |c| {
            c.http.deadlines.answer = std::time::Duration::from_secs(120)
        }),
        ("--write-timeout=0", |c| c.http.deadlines.answer = FOR_EVER),
        ("--rate-limit=7", |c| c.http.rate_limit.per_second = 7),
        ("--rate-limit-burst=0", |c| c.http.rate_limit.burst = 0),
        ("--rsa-rate-limit=9", |c| c.http.rsa_rate_limit = 9),
        ("--max-request-bytes=10", |c| c.http.max_request_bytes = 10),
        ("--serve-verify=false", |c| c.http.verifies = false),
        ("--serve-rotate=false", |c| c.http.re_encrypts = false),
        ("--metrics-omit-secret-labels", |c| {
            c.metrics_omit_names = true
        }),
        ("--audit-log=stdout", |c| {
            c.audit_log = Some(AuditLog::Stdout)
        }),
        ("--audit-log=a.json", |c| {
            c.audit_log = Some(AuditLog::File("a.json".into()))
        }),
        ("--kubeconfig=k", |c| c.kubeconfig = Some("k".into())),
        ("--log-level=DEBUG", |c| c.log.level = -4),
        ("--log-level=info+2", |c| c.log.level = 2),
        ("--log-level=ERROR-1", |c| c.log.level = 7),
        ("--log-format=json", |c| c.log.json = true),
        ("--log-info-stdout=false", |c| c.log.info_to_stdout = false),
    ];
    for (flag, change) in cases {
        let mut wanted = defaults();
        change(&mut wanted);
        assert_eq!(config(&[flag]), wanted, "{flag}");
        // The same by a variable.
        let (name, value) = flag[2..].split_once('=').unwrap_or((&flag[2..], "true"));
        let name = format!(
            "SEALED_SECRETS_{}",
            name.to_ascii_uppercase().replace('-', "_")
        );
        assert_eq!(run(&[], &[(&name, value)]).0, wanted, "{name}");
    }
}

#[test]
fn reads_flags_as_pflag_does() {
    let parsed = config(&[
        "--my-cn",
        "-x",
        "stray",
        "--update-status",
        "false",
        "--key-prefix",
        "a",
        "--key-prefix=b",
        "--",
        "--my-cn=y",
    ]);
    let wanted = Config {
        common_name: "-x".into(),
        key_prefix: "b".into(),
        ..defaults()
    };
    assert_eq!(parsed, wanted);
}

/// What is switched off with a space instead of an equals sign stays on.
#[test]
fn warns_of_stray_words() {
    let (config, warnings) = run(&["--serve-verify", "false"], &[]);
    assert!(config.http.verifies);
    assert!(
        warnings[0].starts_with("`false` is ignored: "),
        "{warnings:?}"
    );
    assert!(warnings[0].ends_with("after an equals sign"));
}

#[test]
fn lets_the_later_of_a_flag_and_its_alias_win() {
    let hours = |line: &[&str]| {
        config(line)
            .key_renew_period
            .map(|period| period.as_hours())
    };
    assert_eq!(
        hours(&["--rotate-period=2h", "--key-renew-period=3h"]),
        Some(3)
    );
    assert_eq!(
        hours(&["--key-renew-period=3h", "--rotate-period=2h"]),
        Some(2)
    );
    let (_, warnings) = run(&["--rotate-period=2h"], &[]);
    assert_eq!(
        warnings,
        ["Flag --rotate-period has been deprecated, please use key-renew-period instead"]
    );
}

const LATER: &[&str] = &["later-switch", "later-number"];

/// A release of upstream's that has more flags than we know is swapped for ours all the same.
#[test]
fn warns_of_a_flag_of_a_later_version_and_goes_on() {
    for line in [
        &["--later-number", "-5", "--my-cn=x"][..],
        &["--later-number=5s", "--my-cn=x"],
        &["--later-number=1", "--my-cn=x", "--later-number=2"],
        &["--later-number", "--my-cn=x"],
    ] {
        let asked = asked_beside(line, &[], LATER);
        let Ok(Asked::Run { config, warnings }) = asked else {
            panic!("{line:?}: {asked:?}")
        };
        let wanted = Config {
            common_name: "x".into(),
            ..defaults()
        };
        assert_eq!(*config, wanted, "{line:?}");
        let warning = "--later-number is ignored: it is of a later version of upstream's";
        assert_eq!(warnings, [warning], "{line:?}");
    }
}

#[test]
fn warns_of_a_variable_of_a_later_version_and_goes_on() {
    let variables = [("SEALED_SECRETS_LATER_SWITCH", "true")];
    let asked = asked_beside(&[], &variables, LATER);
    let Ok(Asked::Run { config, warnings }) = asked else {
        panic!("{asked:?}")
    };
    assert_eq!(*config, defaults());
    assert_eq!(
        warnings,
        ["--later-switch is ignored: it is of a later version of upstream's"]
    );
}

#[test]
fn refuses_what_is_only_like_a_flag_of_a_later_version() {
    for flag in ["--later", "--later-switches", "--later-switch2=1"] {
        let error = asked_beside(&[flag], &[], LATER).unwrap_err().to_string();
        let name = flag.split('=').next().unwrap();
        assert!(
            error.starts_with(&format!("unknown flag: {name}\n")),
            "{error}"
        );
    }
}

/// The day one of them gets a meaning here, it leaves that list.
#[test]
fn lists_no_flag_of_a_later_version_that_it_knows() {
    let command = command();
    let known = |name: &&&str| {
        command
            .get_arguments()
            .any(|arg| arg.get_long() == Some(name))
    };
    assert_eq!(later::NAMES.iter().find(known), None);
}

#[test]
fn lists_no_flag_of_a_later_version_among_its_own() {
    let Ok(Asked::Print(help)) = asked_beside(&["--help"], &[], LATER) else {
        panic!()
    };
    assert!(!help.contains("later"), "{help}");
}

#[test]
fn refuses_what_does_not_parse_in_pflags_words() {
    for (flag, error) in [
        ("--nope", "unknown flag: --nope"),
        ("--nope=1", "unknown flag: --nope"),
        ("-x", "unknown shorthand flag: 'x' in -x"),
        ("--key-prefix", "flag needs an argument: --key-prefix"),
        (
            "--update-status=yes",
            r#"invalid argument "yes" for "--update-status" flag: strconv.ParseBool: parsing "yes": invalid syntax"#,
        ),
        (
            "--key-size=big",
            r#"invalid argument "big" for "--key-size" flag: strconv.ParseInt: parsing "big": invalid syntax"#,
        ),
        (
            "--kubeclient-qps=NaN",
            r#"invalid argument "NaN" for "--kubeclient-qps" flag: strconv.ParseFloat: parsing "NaN": invalid syntax"#,
        ),
        (
            "--key-ttl=1d",
            r#"invalid argument "1d" for "--key-ttl" flag: time: unknown unit "d" in duration "1d""#,
        ),
        (
            "--first-key=soon",
            r#"invalid argument "soon" for "--first-key" flag: must be one of: when-unused, always, never"#,
        ),
    ] {
        assert_eq!(refusal(&[flag]), error);
    }
}

#[test]
fn refuses_what_cannot_be() {
    let long = format!("--key-prefix={}", "a".repeat(246));
    for (flag, error) in [
        (
            &*long,
            "error: name is too long, must be shorter than 245, got 246",
        ),
        (
            "--key-prefix=aB",
            "error: name contains illegal character B",
        ),
        (
            "--key-size=1024",
            "error: --key-size must be 2048, 3072, 4096 or 8192, not 1024",
        ),
        (
            "--key-renew-period=-1h",
            "error: --key-renew-period must not be negative",
        ),
        ("--key-ttl=0s", "error: --key-ttl must be positive"),
        (
            "--kubeclient-burst=-1",
            "error: --kubeclient-burst must be positive",
        ),
        ("--rate-limit=0", "error: --rate-limit must be positive"),
        ("--rate-limit=-1", "error: --rate-limit must be positive"),
        (
            "--max-request-bytes=9223372036854775807",
            "error: --max-request-bytes must not be more than 1073741824",
        ),
        (
            "--rate-limit-burst=-1",
            "error: --rate-limit-burst must not be negative",
        ),
        (
            "--rsa-rate-limit=0",
            "error: --rsa-rate-limit must be positive",
        ),
        (
            "--max-request-bytes=0",
            "error: --max-request-bytes must be positive",
        ),
        (
            "--key-cutoff-time=soon",
            "error: --key-cutoff-time must be a date like `Mon, 02 Jan 2006 15:04:05 -0700`, not \"soon\"",
        ),
    ] {
        assert_eq!(refusal(&[flag]), error);
    }
}

/// <https://github.com/bitnami/sealed-secrets/issues/1386>
#[test]
fn warns_of_a_label_without_equals() {
    let (config, warnings) = run(&["--privatekey-labels=a=b,c,=d"], &[]);
    assert_eq!(config.key_labels, [("a".to_owned(), "b".to_owned())].into());
    assert_eq!(
        warnings,
        [
            "--privatekey-labels: \"c\" is left out: it is not of the form key=value",
            "--privatekey-labels: \"=d\" is left out: it is not of the form key=value",
        ]
    );
}

#[test]
fn warns_of_words_that_it_does_not_know_and_goes_on() {
    let (config, warnings) = run(&["--log-level=loud", "--key-order-priority=Random"], &[]);
    assert_eq!(config, defaults());
    assert_eq!(warnings.len(), 2);
}

/// <https://github.com/bitnami/sealed-secrets/issues/311>
#[test]
fn warns_of_a_misspelt_variable_and_of_a_bad_value() {
    let (config, warnings) = run(
        &[],
        &[
            ("SEALED_SECRETS_UPDATE_STATSU", "false"),
            ("SEALED_SECRETS_KEY_SIZE", "big"),
            ("SEALED_SECRETS_KEY_TTL", ""),
            ("SEALED_SECRETS_CONTROLLER_SERVICE_HOST", "10.0.0.1"),
            ("SEALED_SECRETS_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("SEALED_SECRETS_OF_OURS", "x"),
        ],
    );
    assert_eq!(config, defaults());
    assert_eq!(
        warnings,
        [
            r#"SEALED_SECRETS_KEY_SIZE is ignored: invalid argument "big" for "--key-size" flag: strconv.ParseInt: parsing "big": invalid syntax"#,
            "SEALED_SECRETS_UPDATE_STATSU is no setting; SEALED_SECRETS_UPDATE_STATUS is one",
        ]
    );
}

#[test]
fn takes_an_empty_variable_for_an_empty_text_and_the_line_over_the_environment() {
    let empty = [
        ("SEALED_SECRETS_KEY_PREFIX", ""),
        ("SEALED_SECRETS_MY_CN", "x"),
    ];
    let (config, warnings) = run(&["--my-cn=y"], &empty);
    assert_eq!((&*config.key_prefix, &*config.common_name), ("", "y"));
    assert!(warnings.is_empty());
}

#[test]
fn prints_its_version_and_its_flags() {
    let Ok(Asked::Print(version)) = asked(&["--version"], &[]) else {
        panic!()
    };
    assert_eq!(
        version,
        format!("controller version: {}\n", super::version())
    );
    let Ok(Asked::Print(help)) = asked(&["-h"], &[]) else {
        panic!()
    };
    assert!(help.starts_with("Usage of controller:\n") && help.contains("--rotate-period"));
}
