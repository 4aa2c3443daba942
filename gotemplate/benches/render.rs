//! A thousand typical templates, parsed and rendered. The same in Go: `go test -bench .` in `conformance/`.

use gotemplate::{Budget, Data, Environment, Limits, Template};

fn main() {
    divan::main();
}

const TYPICAL: [&str; 8] = [
    "{{ .a }}",
    "{{ toJson .a }}",
    "{{ .a | b64enc }}",
    "{{ if .a }}x{{ .a }}{{ else }}y{{ end }}",
    "{{ range $k, $v := . }}{{ $k }}={{ $v | quote }}\n{{ end }}",
    "postgres://{{ .user }}:{{ .a | urlquery }}@{{ index . \"db-host\" }}:5432/app",
    "{{ .missing | default \"fallback\" | upper | trunc 5 }}",
    "{{ $d := dict \"user\" .user \"pass\" .a }}{{ toJson $d | nindent 2 }}",
];

#[divan::bench]
fn a_thousand_typical_templates(bencher: divan::Bencher) {
    let limits = Limits::default();
    let data = Data::new([
        ("a", "value<&>"),
        ("user", "ann"),
        ("db-host", "db.example.org"),
    ]);
    bencher.bench_local(|| {
        let mut bytes = 0;
        for source in TYPICAL.iter().cycle().take(1000) {
            let mut budget = Budget::new(&limits);
            let output = Template::parse("t", source, &limits)
                .and_then(|t| t.render(&data, &Environment::default(), &mut budget));
            bytes += output.map_or(0, |output| output.len());
        }
        bytes
    });
}
