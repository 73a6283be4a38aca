package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

const module = "github.com/ai-data-analyst/broker"

// source is one Go file of ours.
type source struct {
	path      string // slash-separated, from the root
	folder    string
	test      bool
	generated bool
	lines     int
	tree      *ast.File
	files     *token.FileSet
}

// sources parses every Go file below root, modules in examples included. Folders that begin with a dot, testdata and
// made folders are left out.
func sources(root string) ([]source, error) {
	var all []source
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || filepath.Dir(path) == root && made[name]) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		s, err := open(root, path)
		all = append(all, s)
		return err
	})
	return all, err
}

func open(root, path string) (source, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return source{}, err
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return source{}, err
	}
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, path, text, parser.ParseComments)
	if err != nil {
		return source{}, fmt.Errorf("parse %s: %w", rel, err)
	}
	rel = filepath.ToSlash(rel)
	return source{path: rel, folder: filepath.ToSlash(filepath.Dir(rel)), test: strings.HasSuffix(rel, "_test.go"), generated: ast.IsGenerated(tree),
		lines: strings.Count(string(text), "\n"), tree: tree, files: files}, nil
}

// imports returns the import paths of a file.
func (s source) imports() []string {
	paths := make([]string, 0, len(s.tree.Imports))
	for _, i := range s.tree.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}

// span returns how many lines a node takes.
func (s source) span(n ast.Node) int {
	return s.files.Position(n.End()).Line - s.files.Position(n.Pos()).Line + 1
}

// roomOf returns the room that a folder belongs to: the longest path that is the folder or above it.
func roomOf(folder string) (room, bool) {
	best, found := room{}, false
	for _, r := range rooms {
		if (folder == r.path || strings.HasPrefix(folder, r.path+"/")) && len(r.path) >= len(best.path) {
			best, found = r, true
		}
	}
	return best, found
}

// mayImport says whether a file in folder may import the folder imported, and why not.
func mayImport(folder, imported string) error {
	from, ok := roomOf(folder)
	if !ok {
		return fmt.Errorf("%s is no room of the floor plan", folder)
	}
	to, ok := roomOf(imported)
	if !ok {
		return fmt.Errorf("%s is no room of the floor plan", imported)
	}
	if from.path == to.path && from.path != "plugins" && from.path != "examples" && from.path != "test" {
		return nil
	}
	depth := 3 // plugins/<kind>/<name>
	if from.path == "test" || from.path == "examples" {
		depth = 2
	}
	if owner := firstFolders(folder, depth); strings.HasPrefix(imported, owner+"/") {
		if from.path == to.path || ownFolders[owner] == to.path {
			return nil
		}
	}
	for _, path := range from.may {
		if path == to.path && imported == to.path {
			return nil
		}
	}
	return fmt.Errorf("%s may not import %s", folder, imported)
}

func firstFolders(folder string, n int) string {
	parts := strings.SplitN(folder, "/", n+1)
	if len(parts) > n {
		parts = parts[:n]
	}
	return strings.Join(parts, "/")
}

// mayUse says whether a file in folder may import the third-party package imported.
func mayUse(folder, imported string) error {
	best := ""
	for prefix := range libraries {
		if strings.HasPrefix(imported, prefix) && len(prefix) > len(best) {
			best = prefix
		}
	}
	if best == "" {
		return nil
	}
	from, _ := roomOf(folder)
	for _, path := range libraries[best] {
		if path == from.path || path == folder || strings.HasPrefix(folder, path+"/") && path != "sdk" {
			return nil
		}
	}
	return fmt.Errorf("%s may not import %s: its rooms are %v", folder, imported, libraries[best])
}

// depths returns for each folder the longest chain of imports of ours below it.
func depths(graph map[string]map[string]bool) map[string]int {
	known := map[string]int{}
	var depth func(string) int
	depth = func(folder string) int {
		if d, ok := known[folder]; ok {
			return d
		}
		deepest := 0
		for next := range graph[folder] {
			deepest = max(deepest, depth(next)+1)
		}
		known[folder] = deepest
		return deepest
	}
	for folder := range graph {
		depth(folder)
	}
	return known
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
