package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport is who may import whom (docs/adr/0001). A folder's row holds for
// the folders below it too. What a row does not name is forbidden: packages of
// this module, and of others. The standard library is free, but for the ground
// floor, see pureFloor.
var mayImport = map[string][]string{
	".":             {"gw/gateway", "gw/master", "gw/master/api", "gw/master/config", "github.com/urfave/cli/v2", "golang.org/x/sys/unix"},
	"master":        {"gw/master/api", "gw/master/config", "gw/ipc", "gw/protocol/control", "golang.org/x/sys/unix"},
	"master/api":    {},
	"master/config": {"gw/protocol/address", "gw/protocol/websocket", "go.yaml.in/yaml/v3"},
	"gateway": {"gw/ipc", "gw/protocol/accesslog", "gw/protocol/address", "gw/protocol/control", "gw/protocol/forwarded", "gw/protocol/framing", "gw/protocol/http1", "gw/protocol/http2", "gw/protocol/proxyproto", "gw/protocol/resource", "gw/protocol/sse", "gw/protocol/websocket", "gw/protocol/wire", "golang.org/x/crypto/acme", "golang.org/x/sys/unix",
		"github.com/andybalholm/brotli", "github.com/klauspost/compress/gzip", "github.com/klauspost/compress/zstd"},
	"ipc":                {"gw/protocol/control", "golang.org/x/sys/unix"},
	"protocol/control":   {"github.com/vmihailenco/msgpack/v5"},
	"protocol/framing":   {},
	"protocol/http1":     {},
	"protocol/resource":  {},
	"protocol/sse":       {},
	"protocol/http2":     {"gw/protocol/http1", "golang.org/x/net/http2/hpack"},
	"protocol/websocket": {"github.com/klauspost/compress/flate"},
	"protocol/wire":      {},
	"bench":              {"gw/bench", "gw/ipc", "gw/protocol/wire", "golang.org/x/sys/unix", "github.com/valyala/fasthttp", "github.com/fasthttp/websocket"},
	"chaos":              {"gw/master/api", "golang.org/x/sys/unix", "github.com/fasthttp/websocket"},
	"conformance":        {"gw/conformance"},
	"tests":              {},
	"examples":           {},

	// What stands in front of us, and what is told of clients.
	"protocol/accesslog":  {},
	"protocol/address":    {},
	"protocol/forwarded":  {"gw/protocol/address", "gw/protocol/http1"},
	"protocol/proxyproto": {},
}

// pureFloor must not do I/O, tell the time, log or start goroutines.
var pureFloor = []string{"os", "net", "io", "time", "log", "log/slog", "sync", "syscall"}

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	seen := map[string]bool{}
	eachSource(t, func(folder, file string, imports []string) {
		row, ok := rowOf(folder)
		if !ok {
			t.Errorf("%s: its folder is not in the table: say what it may import", file)
			return
		}
		seen[row] = true
		for _, path := range imports {
			pure := strings.HasPrefix(folder, "protocol/") && folder != "protocol/control"
			switch {
			case pure && slices.Contains(pureFloor, path):
				t.Errorf("%s imports %s: the ground floor does no I/O and keeps no time", file, path)
			case !foreign(path), allowed(mayImport[row], path):
			default:
				t.Errorf("%s imports %s, which the table does not allow", file, path)
			}
		}
	})
	for row := range mayImport {
		if !seen[row] && row != "tests" && row != "examples" {
			t.Errorf("no source in %s: take its row out of the table", row)
		}
	}
}

func TestEveryPackageIsDocumented(t *testing.T) {
	documented := map[string]bool{}
	eachFile(t, func(folder, file string) {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		documented[folder] = documented[folder] || f.Doc != nil
	})
	for folder, ok := range documented {
		if !ok {
			t.Errorf("package in %s: no file says what it owns", folder)
		}
	}
}

// rowOf finds the row for a folder: its own, or that of a folder above it.
func rowOf(folder string) (string, bool) {
	for at := folder; at != "."; at = filepath.Dir(at) {
		if _, ok := mayImport[at]; ok {
			return at, true
		}
	}
	return ".", folder == "."
}

// foreign is everything but the standard library.
func foreign(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return first == "gw" || strings.Contains(first, ".")
}

func allowed(row []string, path string) bool {
	return slices.ContainsFunc(row, func(may string) bool {
		return path == may || (may == "gw/bench" || may == "gw/conformance") && strings.HasPrefix(path, may+"/")
	})
}

func eachSource(t *testing.T, f func(folder, file string, imports []string)) {
	eachFile(t, func(folder, file string) {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		var imports []string
		for _, spec := range parsed.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			imports = append(imports, path)
		}
		f(folder, file, imports)
	})
}

// eachFile walks the Go sources of the module, tests left out.
func eachFile(t *testing.T, f func(folder, file string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			f(filepath.Dir(path), path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
