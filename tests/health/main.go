// Says what Argo CD and Flux make of the SealedSecrets on standard input, by the rules that each of them publishes:
// Argo CD's is a Lua script for this very kind, in the archive that is the argument; Flux's is kstatus.
package main

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kubejson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type verdict struct {
	ArgoCD string `json:"argoCD"`
	Flux   string `json:"flux"`
}

func main() {
	objects := map[string]map[string]any{}
	input, err := io.ReadAll(os.Stdin)
	exitOn(err)
	exitOn(kubejson.Unmarshal(input, &objects)) // whole numbers stay whole
	script, err := argoCDScript(os.Args[1])
	exitOn(err)
	verdicts := map[string]verdict{}
	for name, object := range objects {
		result, err := status.Compute(&unstructured.Unstructured{Object: object})
		exitOn(err)
		verdicts[name] = verdict{ArgoCD: argoCD(script, object), Flux: string(result.Status)}
	}
	out, err := json.MarshalIndent(verdicts, "", "  ")
	exitOn(err)
	fmt.Println(string(out))
}

func argoCDScript(archive string) (string, error) {
	files, err := zip.OpenReader(archive)
	if err != nil {
		return "", err
	}
	defer files.Close()
	for _, file := range files.File {
		if !strings.HasSuffix(file.Name, "/resource_customizations/bitnami.com/SealedSecret/health.lua") {
			continue
		}
		reader, err := file.Open()
		if err != nil {
			return "", err
		}
		defer reader.Close()
		script, err := io.ReadAll(reader)
		return string(script), err
	}
	return "", fmt.Errorf("%s holds no rule for SealedSecrets", archive)
}

// Runs the script as Argo CD does: the object is a global, what it returns is a table with a status.
func argoCD(script string, object map[string]any) string {
	state := lua.NewState()
	defer state.Close()
	state.SetGlobal("obj", table(state, object))
	exitOn(state.DoString(script))
	return state.Get(-1).(*lua.LTable).RawGetString("status").String()
}

func table(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case map[string]any:
		made := state.NewTable()
		for key, entry := range value {
			made.RawSetString(key, table(state, entry))
		}
		return made
	case []any:
		made := state.NewTable()
		for _, entry := range value {
			made.Append(table(state, entry))
		}
		return made
	case string:
		return lua.LString(value)
	case bool:
		return lua.LBool(value)
	case int64:
		return lua.LNumber(value)
	}
	return lua.LNil
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
