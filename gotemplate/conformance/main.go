// The conformance corpus: what Go's text/template with sprig 3.3 makes of templates.
//
//	go run . > corpus.json       writes the corpus
//	go test -bench .             measures Go for the comparison in the crate's README
//
// Templates stand in cases/*.txt, one a line; a line that begins with `#` names a group, a line that
// begins with `@` is a pattern that is multiplied out: `@ f ‹a¦b› ‹1¦2›` gives four templates. `⏎` in a
// line is a line break. The parse trees are counted by shape: kinds of nodes without names and values.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
	"unicode/utf8"

	"github.com/Masterminds/sprig/v3"
)

// Data is what dot is for every case.
var Data = map[string]string{
	"user":   "ann",
	"pass":   "s3cr\"et<&>",
	"host":   "db.example.org",
	"port":   "5432",
	"json":   `{"a":{"b":[1,2,{"c":null}]},"n":1.5,"s":"x<y","t":true,"big":12345678901234567890,"e":{}}`,
	"list":   "c,a,b,a",
	"lines":  "one\ntwo\n\nthree",
	"empty":  "",
	"uni":    "Héllo Wörld ñ 世界",
	"raw":    "\xff\xfea\x00z",
	"a-b":    "dashed",
	"true":   "true",
	"spaces": "  padded\t\n",
}

type result struct {
	Template string `json:"template"`
	// Output is set for success; Bytes instead of it where the output is not UTF-8.
	Output *string `json:"output,omitempty"`
	Bytes  []byte  `json:"bytes,omitempty"`
	// Error is parse, call NAME, or type.
	Error string `json:"error,omitempty"`
}

type corpus struct {
	Data      map[string][]byte `json:"data"`
	Functions []string          `json:"functions"`
	Shapes    int               `json:"shapes"`
	Cases     []result          `json:"cases"`
}

// Functions are sprig's but for what a renderer must not have, or does not have yet.
func Functions() template.FuncMap {
	functions := template.FuncMap(sprig.GenericFuncMap())
	for _, name := range absent {
		delete(functions, name)
	}
	now := func() time.Time { return time.Unix(1700000000, 123456789).UTC() }
	functions["now"] = now
	// Go goes through maps in any order; the crate does in that of the keys.
	functions["keys"] = func(dicts ...map[string]any) []string {
		keys := []string{}
		for _, dict := range dicts {
			keys = append(keys, slices.Sorted(maps.Keys(dict))...)
		}
		return keys
	}
	functions["values"] = func(dict map[string]any) []any {
		values := []any{}
		for _, key := range slices.Sorted(maps.Keys(dict)) {
			values = append(values, dict[key])
		}
		return values
	}
	return functions
}

var absent = []string{
	"env", "expandenv", "getHostByName", "derivePassword", "encryptAES", "decryptAES",
	"buildCustomCert", "genPrivateKey", "genCA", "genCAWithKey", "genSelfSignedCert",
	"genSelfSignedCertWithKey", "genSignedCert", "genSignedCertWithKey",
}

var builtins = []string{
	"and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or",
	"print", "printf", "println", "urlquery",
}

func main() {
	time.Local = time.UTC
	functions := Functions()
	out := corpus{Data: map[string][]byte{}}
	for name, value := range Data {
		out.Data[name] = []byte(value)
	}
	names := map[string]bool{}
	for name := range functions {
		names[name] = true
	}
	for _, name := range builtins {
		names[name] = true
	}
	for name := range names {
		out.Functions = append(out.Functions, name)
	}
	sort.Strings(out.Functions)

	shapes := map[string]bool{}
	seen := map[string]bool{}
	uses := map[string]int{}
	for _, c := range read() {
		if seen[c.Template] {
			continue
		}
		seen[c.Template] = true
		r := run(c.Template, functions, shapes, uses)
		out.Cases = append(out.Cases, r)
	}
	out.Shapes = len(shapes)
	for _, name := range out.Functions {
		if uses[name] < 5 {
			fmt.Fprintf(os.Stderr, "%s has only %d cases\n", name, uses[name])
		}
	}
	fmt.Fprintf(os.Stderr, "%d cases, %d shapes, %d functions\n", len(out.Cases), len(shapes), len(out.Functions))
	write(out)
}

// write puts each case on a line of its own.
func write(out corpus) {
	cases := out.Cases
	out.Cases = []result{}
	head := strings.TrimSuffix(string(marshal(out)), "]}")
	fmt.Println(head)
	for i, c := range cases {
		end := ","
		if i == len(cases)-1 {
			end = "]}"
		}
		fmt.Printf("%s%s\n", marshal(c), end)
	}
}

func marshal(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(out.Bytes())
}

func read() []result {
	files, err := filepath.Glob("cases/*.txt")
	if err != nil {
		panic(err)
	}
	sort.Strings(files)
	var cases []result
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSuffix(line, "\n")
			switch {
			case line == "", strings.HasPrefix(line, "# "):
			case strings.HasPrefix(line, "@ "):
				for _, text := range multiply(line[2:]) {
					cases = append(cases, result{Template: unescape(text)})
				}
			default:
				cases = append(cases, result{Template: unescape(line)})
			}
		}
	}
	return cases
}

func unescape(line string) string {
	return strings.ReplaceAll(line, `⏎`, "\n")
}

var choice = regexp.MustCompile(`‹([^›]*)›`)

// multiply replaces each ‹a¦b› by each of its choices.
func multiply(line string) []string {
	at := choice.FindStringSubmatchIndex(line)
	if at == nil {
		return []string{line}
	}
	var all []string
	for _, option := range strings.Split(line[at[2]:at[3]], "¦") {
		all = append(all, multiply(line[:at[0]]+option+line[at[1]:])...)
	}
	return all
}

func run(text string, functions template.FuncMap, shapes map[string]bool, uses map[string]int) (r result) {
	r.Template = text
	t, err := template.New("t").Funcs(functions).Parse(text)
	if err != nil {
		r.Error = "parse"
		return r
	}
	var shape strings.Builder
	templates := t.Templates()
	slices.SortFunc(templates, func(a, b *template.Template) int { return strings.Compare(a.Name(), b.Name()) })
	for _, each := range templates {
		if each.Tree != nil && each.Root != nil {
			describe(&shape, reflect.ValueOf(each.Root), uses)
		}
	}
	shapes[shape.String()] = true
	var output bytes.Buffer
	if err := t.Execute(&output, Data); err != nil {
		r.Error = class(err.Error())
		return r
	}
	if text := output.String(); utf8.ValidString(text) {
		r.Output = &text
	} else {
		r.Bytes = output.Bytes()
	}
	return r
}

var calling = regexp.MustCompile(`error calling (\w+): `)

func class(message string) string {
	if found := calling.FindStringSubmatch(message); found != nil {
		return "call " + found[1]
	}
	return "type"
}

// describe writes the kinds of nodes, and counts the functions.
func describe(w *strings.Builder, v reflect.Value, uses map[string]int) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return
		}
		if node, ok := v.Interface().(*parse.IdentifierNode); ok {
			uses[node.Ident]++
		}
		if v.Kind() == reflect.Pointer {
			if _, ok := v.Interface().(parse.Node); !ok {
				return
			}
			fmt.Fprintf(w, "(%s", strings.TrimPrefix(v.Type().String(), "*parse."))
			describe(w, v.Elem(), uses)
			w.WriteString(")")
			return
		}
		describe(w, v.Elem(), uses)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				describe(w, v.Field(i), uses)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range v.Len() {
			if v.Index(i).Kind() == reflect.String {
				w.WriteString(".")
				continue
			}
			describe(w, v.Index(i), uses)
		}
	}
}
