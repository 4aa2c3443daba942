package main

import (
	"bytes"
	"testing"
	"text/template"
)

// The same templates as in benches/render.rs.
var typical = []string{
	`{{ .a }}`,
	`{{ toJson .a }}`,
	`{{ .a | b64enc }}`,
	`{{ if .a }}x{{ .a }}{{ else }}y{{ end }}`,
	"{{ range $k, $v := . }}{{ $k }}={{ $v | quote }}\n{{ end }}",
	`postgres://{{ .user }}:{{ .a | urlquery }}@{{ index . "db-host" }}:5432/app`,
	`{{ .missing | default "fallback" | upper | trunc 5 }}`,
	`{{ $d := dict "user" .user "pass" .a }}{{ toJson $d | nindent 2 }}`,
}

func BenchmarkThousandTypicalTemplates(b *testing.B) {
	functions := Functions()
	data := map[string]string{"a": "value<&>", "user": "ann", "db-host": "db.example.org"}
	for b.Loop() {
		size := 0
		for i := range 1000 {
			t, err := template.New("t").Funcs(functions).Parse(typical[i%len(typical)])
			if err != nil {
				b.Fatal(err)
			}
			var output bytes.Buffer
			if err := t.Execute(&output, data); err != nil {
				b.Fatal(err)
			}
			size += output.Len()
		}
	}
}

// The same, sparing Go the function table of each template.
func BenchmarkThousandTypicalTemplatesSharedFunctions(b *testing.B) {
	base := template.New("base").Funcs(Functions())
	data := map[string]string{"a": "value<&>", "user": "ann", "db-host": "db.example.org"}
	for b.Loop() {
		for i := range 1000 {
			t, err := base.New("t").Parse(typical[i%len(typical)])
			if err != nil {
				b.Fatal(err)
			}
			var output bytes.Buffer
			if err := t.Execute(&output, data); err != nil {
				b.Fatal(err)
			}
		}
	}
}
