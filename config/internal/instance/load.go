package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ai-data-analyst/broker/config/internal/diag"
	"github.com/ai-data-analyst/broker/config/internal/settings"
	"github.com/ai-data-analyst/broker/config/internal/syntax"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

const example = `instance {
  name     = "Acme Data Analyst"
  data_dir = "data"
}
source "csv" "files" {
  config { path = "files" }
}`

// Find returns the file or folder that Load reads.
func Find(o Options) (string, error) {
	path := o.Path
	if path == "" && o.Getenv != nil {
		path = o.Getenv("BROKER_CONFIG")
	}
	if path != "" {
		return o.under(path), nil
	}
	etc := o.Etc
	if etc == "" {
		etc = "/etc/broker"
	}
	places := []string{"instance.hcl", filepath.Join("config", "instance.hcl"), filepath.Join(etc, "instance.hcl")}
	for _, place := range places {
		if _, err := os.Stat(o.under(place)); !errors.Is(err, fs.ErrNotExist) {
			return o.under(place), nil
		}
	}
	return "", fault.Newf(fault.Config, "config: cannot read instance.hcl: there is none at %s", strings.Join(places, ", ")).
		WithHelp("give --config PATH or set BROKER_CONFIG; \"broker demo\" makes one to start from")
}

func (o Options) under(path string) string {
	if o.Dir == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(o.Dir, path)
}

// reader gathers what one Load finds.
type reader struct {
	o        Options
	c        *Config
	env      *syntax.Env
	files    []*syntax.File
	texts    map[string]*diag.Text
	problems diag.List
	broken   []syntax.Header

	settings    *settings.Reader
	secretNames map[string]bool
	opaque      map[string][]diag.Span // stretches whose literals are not shown
	readable    map[string]bool        // files that others than their owner may read
	required    []required
	origins     []Item // auth blocks that groups name
	lost        bool   // a file or some of it could not be read: nothing is said to be missing
}

// Load reads the configuration.
func Load(o Options) (*Config, diag.List) {
	r := &reader{
		o: o, c: &Config{}, env: &syntax.Env{Getenv: o.Getenv}, texts: map[string]*diag.Text{},
		secretNames: map[string]bool{}, opaque: map[string][]diag.Span{}, readable: map[string]bool{},
	}
	r.settings = &settings.Reader{Env: r.env, AllowPlain: o.AllowPlainSecrets, Readable: func(file string) bool { return r.readable[file] }, Add: r.add}
	path, err := Find(o)
	if err != nil {
		return r.c, diag.List{{Severity: diag.Error, Summary: strings.TrimSuffix(err.Error(), " (config)"), Help: fault.HelpOf(err)}}
	}
	if r.open(path) {
		r.blocks()
	}
	return r.c, r.close()
}

// close masks, sorts and hands out what was found.
func (r *reader) close() diag.List {
	for _, f := range r.files {
		f.Hide(func(name string) bool { return r.secretNames[name] }, r.opaque[f.Name])
	}
	diag.Show(r.problems, r.texts)
	r.c.texts = r.texts
	sorted := r.problems.Sort()
	for i := range r.c.Sources {
		r.c.Sources[i].Err = sorted.Cause("source." + r.c.Sources[i].Name)
	}
	for i := range r.c.Auth {
		r.c.Auth[i].Err = sorted.Cause("auth." + r.c.Auth[i].Name)
	}
	for i := range r.c.Services {
		r.c.Services[i].Err = sorted.Cause("service." + r.c.Services[i].Name)
	}
	sort.SliceStable(r.c.Secrets, func(i, j int) bool { return len(r.c.Secrets[i]) > len(r.c.Secrets[j]) })
	return sorted
}

// open finds, reads and parses the files.
func (r *reader) open(path string) bool {
	r.c.Path = path
	info, err := os.Stat(path)
	if err != nil {
		r.cannotRead(path, err)
		return false
	}
	paths, dir := []string{path}, filepath.Dir(path)
	if info.IsDir() {
		dir = path
		if paths, err = filepath.Glob(filepath.Join(escapeGlob(path), "*.hcl")); err != nil || len(paths) == 0 {
			r.cannotRead(path, errors.New("the folder holds no *.hcl file"))
			return false
		}
		sort.Strings(paths)
	}
	if r.c.Dir, err = filepath.Abs(dir); err != nil {
		r.cannotRead(path, err)
		return false
	}
	r.env.Dir, r.settings.Dir = r.c.Dir, r.c.Dir
	r.dotenv()
	for _, p := range paths {
		r.parse(p)
	}
	return true
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func (r *reader) cannotRead(path string, err error) {
	r.lost = true
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	r.add("", diag.Diagnostic{
		Severity: diag.Error, File: path, Summary: fmt.Sprintf("config: cannot read %s: %v", path, err),
		Help: "check the path and its permissions; --config PATH names another one",
	})
}

func (r *reader) parse(path string) {
	raw, err := syntax.ReadRegular(path, syntax.MaxBytes)
	if err != nil {
		r.cannotRead(path, err)
		return
	}
	if info, err := os.Stat(path); err == nil {
		r.readable[path] = info.Mode().Perm()&0o077 != 0
	}
	r.c.Files = append(r.c.Files, path)
	f, problems := syntax.Parse(path, raw)
	r.lost = r.lost || f.Body == nil || len(problems) > 0
	r.files, r.texts[path] = append(r.files, f), f.Text
	for _, d := range problems {
		r.add("", d)
	}
	for _, h := range f.Broken {
		for _, d := range h.Errors {
			r.add(scopeOf(h.Type, h.Labels), d)
		}
		r.broken = append(r.broken, h)
	}
}

func (r *reader) dotenv() {
	path := filepath.Join(r.c.Dir, ".env")
	raw, err := syntax.ReadRegular(path, syntax.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		r.cannotRead(path, err)
		return
	}
	values, problems := syntax.Dotenv(path, raw)
	r.env.Dotenv = values
	r.problems = append(r.problems, problems...)
	r.texts[path] = &diag.Text{Bytes: raw, Opaque: true}
}

// add keeps a diagnostic under a scope.
func (r *reader) add(scope string, d diag.Diagnostic) {
	if d.Scope == "" {
		d.Scope = scope
	}
	r.problems = append(r.problems, d)
}

// scopeOf names what a problem inside a block hits. Instance, state, lake and plugins hit everything.
func scopeOf(kind string, labels []string) string {
	switch kind {
	case "instance", "state", "lake", "plugins":
		return ""
	case "source":
		if len(labels) == 2 {
			return "source." + labels[1]
		}
		return "file"
	case "auth", "service", "dataset":
		if len(labels) == 1 {
			return kind + "." + labels[0]
		}
		return "file"
	}
	return kind
}

// blocks reads every block, those first that say where plugins are.
func (r *reader) blocks() {
	by := map[string][]*hclsyntax.Block{}
	for _, f := range r.files {
		if f.Body == nil {
			continue
		}
		for _, b := range f.Body.Blocks {
			by[b.Type] = append(by[b.Type], b)
		}
		r.unknownTop(f.Body)
	}
	if r.empty(by) || r.newer(by["instance"]) {
		return
	}
	r.readServer(r.single(by["server"], "server"))
	r.readInstance(r.single(by["instance"], "instance"), len(by["instance"]) > 0)
	r.readState(r.single(by["state"], "state"))
	r.readLake(r.single(by["lake"], "lake"))
	r.readPlugins(r.single(by["plugins"], "plugins"))
	if r.o.Ready != nil {
		r.o.Ready(r.c)
	}
	for _, b := range by["dataset"] {
		r.readDataset(b)
	}
	r.readAccess(r.single(by["access"], "access"), len(by["access"]) > 0)
	for _, b := range by["source"] {
		r.readSource(b)
	}
	for _, kind := range []string{"auth", "service"} {
		for _, b := range by[kind] {
			r.readPlugin(kind, b)
		}
	}
	r.brokenPlugins()
	r.readCatalog(r.single(by["catalog"], "catalog"))
	r.checkDatasets()
	r.checkOrigins()
}

// brokenPlugins lists the sources, providers and services whose blocks do not even parse, so that asking for one tells why.
func (r *reader) brokenPlugins() {
	for _, h := range r.broken {
		switch {
		case h.Type == "source" && len(h.Labels) == 2:
			r.c.Sources = append(r.c.Sources, Source{Connector: h.Labels[0], Name: h.Labels[1], File: h.Pos.File, Line: h.Pos.Line})
		case h.Type == "auth" && len(h.Labels) == 1:
			r.c.Auth = append(r.c.Auth, Plugin{Name: h.Labels[0], Plugin: h.Labels[0], File: h.Pos.File, Line: h.Pos.Line})
		case h.Type == "service" && len(h.Labels) == 1:
			r.c.Services = append(r.c.Services, Plugin{Name: h.Labels[0], Plugin: h.Labels[0], File: h.Pos.File, Line: h.Pos.Line})
		}
	}
}

// empty says whether there is nothing at all (C2).
func (r *reader) empty(by map[string][]*hclsyntax.Block) bool {
	if len(by) > 0 || len(r.broken) > 0 || len(r.problems.Blocking("file")) > 0 {
		return false
	}
	d := diag.Diagnostic{Severity: diag.Error, File: r.c.Path, Summary: "the configuration is empty: the block instance (name, data_dir) is required", Help: "start with this:\n" + example}
	r.add("", d)
	return true
}

var topBlocks = []string{"instance", "server", "state", "lake", "plugins", "access", "source", "auth", "service", "dataset", "catalog"}

func (r *reader) unknownTop(body *hclsyntax.Body) {
	for _, b := range body.Blocks {
		if !contains(topBlocks, b.Type) {
			r.add("file", diag.At(syntax.Place(b.TypeRange), diag.Error, fmt.Sprintf("there is no block %q", b.Type), diag.Suggestion(b.Type, topBlocks, "blocks")))
		}
	}
	for name, a := range body.Attributes {
		help := "attributes stand inside blocks, e.g. instance { … }"
		if contains(topBlocks, name) {
			help = fmt.Sprintf("%s is a block: write %s { … } without =", name, name)
		}
		r.add("file", diag.At(syntax.Place(a.NameRange), diag.Error, fmt.Sprintf("%q cannot stand outside a block", name), help))
	}
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}
