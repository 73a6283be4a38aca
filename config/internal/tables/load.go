package tables

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/ai-data-analyst/broker/config/internal/diag"
	"github.com/ai-data-analyst/broker/config/internal/syntax"
)

// Limits of one file.
const (
	maxBytes = 1 << 20
	maxDepth = 64
	maxNodes = 200_000 // visited values, aliases followed
)

// reader gathers what one Load finds.
type reader struct {
	o        Options
	out      *Description
	problems diag.List
	texts    map[string]*diag.Text
	nodes    int

	found       []*found
	mapping     map[string]folder // bucket → folder
	mappingLost bool              // a block that may hold mappings could not be read
}

type folder struct {
	name string // "" = unusable
	pos  diag.Pos
}

// found is a definition as read, before names are resolved.
type found struct {
	Definition
	pos    diag.Pos
	broken bool
}

// Load reads data_description.md and datasets/*.md beside the configuration.
func Load(o Options) (*Description, diag.List) {
	r := &reader{o: o, out: &Description{}, texts: map[string]*diag.Text{}, mapping: map[string]folder{}}
	paths := []string{filepath.Join(o.Dir, "data_description.md")}
	entries, err := syntax.ListRegular(filepath.Join(o.Dir, "datasets"), ".md")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.add(diag.At(diag.Pos{File: filepath.Join(o.Dir, "datasets")}, diag.Error, "cannot list the folder: "+syntax.Reason(err).Error(), "check its permissions"))
		r.out.Incomplete = true
	}
	sort.Strings(entries)
	for _, path := range append(paths, entries...) {
		r.file(path)
	}
	r.resolve()
	diag.Show(r.problems, r.texts)
	return r.out, r.problems.Sort()
}

// add keeps a diagnostic; everything said here hits tables only.
func (r *reader) add(d diag.Diagnostic) {
	if d.Scope == "" {
		d.Scope = "table"
	}
	r.problems = append(r.problems, d)
}

func (r *reader) file(path string) {
	raw, err := syntax.ReadRegular(path, maxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		r.add(diag.At(diag.Pos{File: path}, diag.Error, "cannot read the file: "+syntax.Reason(err).Error(), "check path, size and permissions"))
		r.out.Incomplete, r.mappingLost = true, true
		return
	}
	r.out.Files = append(r.out.Files, path)
	raw = bytes.ReplaceAll(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), []byte("\r\n"), []byte("\n"))
	raw = bytes.ReplaceAll(raw, []byte("\r"), []byte("\n"))
	r.texts[path] = &diag.Text{Bytes: raw}
	if !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0 {
		line := 1 + bytes.Count(raw[:firstBad(raw)], []byte("\n"))
		r.add(diag.At(diag.Pos{File: path, Line: line}, diag.Error, "the file is not UTF-8 text", "save it as UTF-8"))
		r.out.Incomplete, r.mappingLost = true, true
		return
	}
	for _, f := range fences(string(raw)) {
		r.block(path, f)
	}
}

func firstBad(raw []byte) int {
	for i := 0; i < len(raw); {
		c, size := utf8.DecodeRune(raw[i:])
		if c == 0 || c == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
	return len(raw)
}

var (
	relevant = regexp.MustCompile(`(?m)^[ \t]*["']?(tables|folder_mapping)["']?[ \t]*:`)
	yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)
	idLine   = regexp.MustCompile(`(?m)^[ \t-]*["']?(id|source|stream)["']?[ \t]*:[ \t]*["']?([^"'\n#]*)`)
)

// block reads one fenced block. A block without tables and folder_mapping is somebody else's, whatever it holds.
func (r *reader) block(path string, f fence) {
	if !relevant.MatchString(f.text) {
		return
	}
	if !f.closed {
		r.add(diag.At(diag.Pos{File: path, Line: f.line - 1}, diag.Error, "the yaml block is never closed", "close it with a line of three backticks"))
	}
	docs, err := parse(f.text)
	if err == nil {
		for _, doc := range docs {
			r.document(&place{path, f.line - 1}, doc)
		}
		return
	}
	items := split(f)
	if items == nil {
		r.add(yamlProblem(path, f, err))
		r.out.Incomplete, r.mappingLost = true, true
		return
	}
	r.mappingLost = r.mappingLost || strings.Contains(f.text, "folder_mapping")
	for _, item := range items {
		r.item(path, item)
	}
}

// item reads one entry of a tables list whose block does not parse as a whole.
func (r *reader) item(path string, f fence) {
	docs, err := parse(f.text)
	if err == nil && len(docs) == 1 && docs[0].Kind == yaml.SequenceNode {
		r.tables(&place{path, f.line - 1}, docs[0])
		return
	}
	if err == nil {
		err = errors.New("yaml: this is not an entry of tables")
	}
	d := yamlProblem(path, f, err)
	r.add(d)
	lost := &found{pos: diag.Pos{File: path, Line: f.line}, broken: true}
	lost.File, lost.Line = path, f.line
	for _, m := range idLine.FindAllStringSubmatch(f.text, -1) {
		value := strings.TrimSpace(m[2])
		switch m[1] {
		case "id":
			lost.ID = value
		case "source":
			lost.Source = value
		case "stream":
			lost.Stream = value
		}
	}
	r.found = append(r.found, lost)
}

func yamlProblem(path string, f fence, err error) diag.Diagnostic {
	m := yamlLine.FindStringSubmatch(err.Error())
	line, text := f.line, err.Error()
	if m != nil {
		if n, numErr := strconv.Atoi(m[1]); numErr == nil {
			line += max(0, min(n, strings.Count(f.text, "\n")+1)-1)
		}
		text = m[2]
	}
	return diag.At(diag.Pos{File: path, Line: line}, diag.Error, "the yaml cannot be read: "+text, "check indentation, quotes and colons on this line and the one above")
}

// parse reads all documents of a text as trees. The library's panics are errors.
func parse(text string) (docs []*yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			docs, err = nil, fmt.Errorf("yaml: %v", p)
		}
	}()
	// YAML breaks lines at these too, nobody else does: line numbers would run off.
	text = strings.NewReplacer("\u0085", " ", "\u2028", " ", "\u2029", " ").Replace(text)
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		var doc yaml.Node
		if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
			return docs, nil
		} else if err != nil {
			return nil, err
		}
		if len(doc.Content) == 1 {
			docs = append(docs, doc.Content[0])
		}
	}
}

// split cuts the list below "tables:" into its entries by their indentation; nil when that is not possible.
func split(f fence) []fence {
	lines := strings.Split(f.text, "\n")
	var out []fence
	indent, inside := -1, false
	for i, line := range lines {
		body := strings.TrimLeft(line, " ")
		depth := len(line) - len(body)
		switch {
		case strings.HasPrefix(line, "tables:"):
			inside = true
		case !inside || body == "":
			if len(out) > 0 && inside {
				out[len(out)-1].text += "\n" + line
			}
		case strings.HasPrefix(body, "- ") && (indent < 0 || depth == indent):
			indent = depth
			out = append(out, fence{line: f.line + i, text: line, closed: true})
		case len(out) > 0 && depth > indent:
			out[len(out)-1].text += "\n" + line
		case !strings.HasPrefix(body, "#"):
			inside = false
		}
	}
	return out
}
