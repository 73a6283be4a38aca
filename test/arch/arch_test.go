package arch

import (
	"go/ast"
	"go/token"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

func load(t *testing.T) []source {
	t.Helper()
	all, err := sources(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("only %d Go files found below %s", len(all), root)
	}
	return all
}

func TestTopLevelIsFixed(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && !top[name] && !made[name] {
			t.Errorf("%s does not belong to the top level", name)
		}
	}
}

func TestImportsFollowTheFloorPlan(t *testing.T) {
	for _, s := range load(t) {
		for _, path := range s.imports() {
			if folder, ours := strings.CutPrefix(path, module+"/"); ours {
				if err := mayImport(s.folder, folder); err != nil && !s.test {
					t.Errorf("%s: %v", s.path, err)
				}
				continue
			}
			if err := mayUse(s.folder, path); err != nil && !s.test {
				t.Errorf("%s: %v", s.path, err)
			}
		}
	}
}

func TestRulesCatchViolations(t *testing.T) {
	for _, c := range []struct{ folder, imported string }{
		{"host/internal/ingest", "host/internal/lake"},
		{"host/internal/lake", "host/internal/store"},
		{"host/internal/app", "host/internal/lake/draft"},
		{"plugins/connector/csv", "host/internal/lake"},
		{"plugins/connector/csv", "plugins/connector/sample/shop"},
		{"sdk", "sdk/connector"},
		{"config", "sdk"},
		{"elsewhere", "sdk"},
	} {
		if mayImport(c.folder, c.imported) == nil {
			t.Errorf("%s importing %s is not caught", c.folder, c.imported)
		}
	}
	for _, c := range []struct{ folder, imported string }{
		{"host/internal/app", "github.com/gofiber/fiber/v2"},
		{"host/internal/ingest", "github.com/apache/arrow-go/v18/arrow"},
		{"sdk/fault", "github.com/apache/arrow/go/v17/arrow"},
		{"host/broker", "modernc.org/sqlite"},
	} {
		if mayUse(c.folder, c.imported) == nil {
			t.Errorf("%s importing %s is not caught", c.folder, c.imported)
		}
	}
	if err := mayImport("plugins/connector/sample", "plugins/connector/sample/shop"); err != nil {
		t.Error(err)
	}
}

func TestHostLinksNothingForbidden(t *testing.T) {
	load(t) // opening the files makes this run again when one changes
	list := exec.Command("go", "list", "-deps", "./host/broker")
	list.Dir = root
	out, err := list.CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, module+"/host/internal/app") {
		t.Fatalf("go list does not show the host's own rooms")
	}
	for _, dep := range deps {
		for prefix, why := range hostNever {
			if strings.HasPrefix(dep, prefix) {
				t.Errorf("host/broker links %s: %s", dep, why)
			}
		}
	}
}

func TestBudgets(t *testing.T) {
	lines, exported, spans := map[string]int{}, map[string][]string{}, []int{}
	for _, s := range load(t) {
		if s.generated {
			continue
		}
		if s.lines > maxFile {
			t.Errorf("%s: %d lines, at most %d", s.path, s.lines, maxFile)
		}
		if s.test {
			continue
		}
		lines[s.folder] += s.lines
		for _, d := range s.tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				n := s.span(f)
				spans = append(spans, n)
				if n > maxFunction {
					t.Errorf("%s: %s has %d lines, at most %d", s.path, f.Name.Name, n, maxFunction)
				}
			}
			exported[s.folder] = append(exported[s.folder], exportedNames(d)...)
		}
	}
	slices.Sort(spans)
	if p95 := spans[len(spans)*95/100]; p95 > p95Function {
		t.Errorf("the 95th percentile of function lengths is %d lines, at most %d", p95, p95Function)
	}
	for _, folder := range sorted(lines) {
		if most := max(maxPackage, moreLines[folder]); lines[folder] > most && folder != "sdk" {
			t.Errorf("%s: %d lines, at most %d", folder, lines[folder], most)
		}
		limit := max(maxExported, moreNames[folder])
		if names := exported[folder]; len(names) > limit {
			t.Errorf("%s exports %d names, at most %d: %v", folder, len(names), limit, names)
		}
	}
}

func TestImportDepth(t *testing.T) {
	graph := map[string]map[string]bool{}
	for _, s := range load(t) {
		for _, path := range s.imports() {
			folder, ours := strings.CutPrefix(path, module+"/")
			from, _ := roomOf(s.folder)
			to, _ := roomOf(folder)
			if s.test || !ours || from.path == to.path {
				continue
			}
			if graph[from.path] == nil {
				graph[from.path] = map[string]bool{}
			}
			graph[from.path][to.path] = true
		}
	}
	for folder, depth := range depths(graph) {
		if depth > maxDepth {
			t.Errorf("%s imports %d floors deep, at most %d", folder, depth, maxDepth)
		}
	}
}

func TestEverythingIsDescribed(t *testing.T) {
	described, seen := map[string]bool{}, map[string]bool{}
	for _, s := range load(t) {
		if s.test || s.generated {
			described[s.folder] = described[s.folder] || s.generated
			continue
		}
		seen[s.folder] = true
		if s.tree.Doc != nil && strings.TrimSpace(s.tree.Doc.Text()) != "" {
			described[s.folder] = true
		}
		for _, d := range s.tree.Decls {
			for _, name := range undocumented(d) {
				t.Errorf("%s: %s has no comment", s.path, name)
			}
		}
	}
	for _, folder := range sorted(seen) {
		if !described[folder] {
			t.Errorf("%s has no package comment", folder)
		}
	}
}

func TestNoInitNoGlobals(t *testing.T) {
	for _, s := range load(t) {
		if s.generated || s.test {
			continue
		}
		for _, d := range s.tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function", s.path)
			}
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				for _, spec := range g.Specs {
					if v := spec.(*ast.ValueSpec); !constantLike(v) {
						t.Errorf("%s: package variable %s is neither error, table nor embed", s.path, v.Names[0].Name)
					}
				}
			}
		}
	}
}

func TestPluginMainIsOneStatement(t *testing.T) {
	for _, s := range load(t) {
		plugin := strings.HasPrefix(s.folder, "plugins/") || strings.HasPrefix(s.folder, "examples/connector")
		if s.tree.Name.Name != "main" || s.test || !plugin {
			continue
		}
		for _, d := range s.tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "main" && len(f.Body.List) != 1 {
				t.Errorf("%s: main has %d statements, a plugin's has one", s.path, len(f.Body.List))
			}
		}
		if s.path == "examples/connector-hello/main.go" && s.lines > maxHelloLines {
			t.Errorf("%s: %d lines, at most %d", s.path, s.lines, maxHelloLines)
		}
	}
}
