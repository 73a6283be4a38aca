package instance

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ai-data-analyst/broker/config/internal/diag"
	"github.com/ai-data-analyst/broker/config/internal/syntax"
)

const nameRule = "names match ^[a-z][a-z0-9_]{0,62}$"

var (
	nameGrammar    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
	versionGrammar = regexp.MustCompile(`^v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?(?:[-+].*)?$`)
	patternGrammar = regexp.MustCompile(`^(\*|[a-z][a-z0-9_]{0,62}\.(\*|[a-z][a-z0-9_]{0,62})|dataset:[a-z][a-z0-9_]{0,62})$`)
	streamGrammar  = regexp.MustCompile(`^[^\s*]*(\*[^\s*]*){0,8}$`)
)

func isName(s string) (string, bool) { return s, nameGrammar.MatchString(s) }

// newer says whether the file is written for a newer broker (C24). Then nothing else is said: what this binary does not
// know may be right.
func (r *reader) newer(blocks []*hclsyntax.Block) bool {
	if len(blocks) == 0 || r.o.Version == "" {
		return false
	}
	b := r.block(blocks[0], "", "instance")
	if !b.has("version") {
		return false
	}
	v, problems := r.env.Eval(b.b.Body.Attributes["version"].Expr, "instance.version")
	if len(problems) > 0 || v.Kind != syntax.String || !newerVersion(v.Text, r.o.Version) {
		return false
	}
	r.problems = nil
	b.fail(v.Pos, fmt.Sprintf("written for %s, this is %s", v.Text, r.o.Version), "install that version of broker; nothing was touched")
	return true
}

func newerVersion(file, binary string) bool {
	a, b := versionGrammar.FindStringSubmatch(file), versionGrammar.FindStringSubmatch(binary)
	if a == nil || b == nil {
		return false
	}
	for i := 1; i <= 3; i++ {
		x, _ := strconv.Atoi(a[i])
		y, _ := strconv.Atoi(b[i])
		if x != y {
			return x > y
		}
	}
	return false
}

func (r *reader) readInstance(b *block, present bool) {
	in := &r.c.Instance
	in.Name = b.text("name", "")
	in.Subtitle = b.text("subtitle", "")
	in.Copyright = b.text("copyright", "")
	in.Logo = r.absolute(b.text("logo", ""))
	in.DataDir = r.absolute(b.text("data_dir", ""))
	in.Version = b.text("version", "")
	if in.Version != "" && !versionGrammar.MatchString(in.Version) {
		b.fail(b.pos("version"), "instance.version is not a version", `write version = "1.6", the broker this file was written for`)
	}
	r.publicURL(b)
	if !present {
		if r.lost {
			return
		}
		for _, h := range r.broken {
			if h.Type == "instance" {
				return
			}
		}
		r.add("", diag.Diagnostic{Severity: diag.Error, File: r.c.Path, Summary: "the block instance (name, data_dir) is missing", Help: "start with this:\n" + example})
		return
	}
	for _, required := range []struct{ name, value, help string }{
		{"name", in.Name, `write name = "Acme Data Analyst"`},
		{"data_dir", in.DataDir, `write data_dir = "data"; relative paths start at this file`},
	} {
		switch {
		case !b.has(required.name):
			b.fail(b.pos(""), "instance."+required.name+" is missing", required.help)
		case required.value == "" && !contains(b.wrong, required.name):
			b.fail(b.pos(required.name), "instance."+required.name+" is empty", required.help)
		}
	}
	b.finish()
}

// absolute resolves a path that the configuration names.
func (r *reader) absolute(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.c.Dir, path)
}

func (r *reader) readServer(b *block) {
	s := &r.c.Server
	s.Listen = b.text("listen", "127.0.0.1:8080")
	b.address("listen", s.Listen)
	if r.o.Listen != "" {
		s.Listen = r.o.Listen
		if problem := badAddress(s.Listen); problem != "" {
			r.add("server", diag.Diagnostic{Severity: diag.Error, Summary: "--listen " + problem, Help: "write HOST:PORT, e.g. 127.0.0.1:8080"})
		}
	}
	s.TrustedProxies = values(b.checked("trusted_proxies", isAddressOrRange, "an IP address or range", `write ["10.0.0.0/8"] or ["192.0.2.7"]`))
	s.TLSCert, s.TLSKey = r.absolute(b.text("tls_cert", "")), r.absolute(b.text("tls_key", ""))
	if (s.TLSCert == "") != (s.TLSKey == "") {
		b.fail(b.pos("tls_cert"), "server: tls_cert and tls_key go together", "set both, or neither")
	}
	if s.TLSCert != "" {
		s.TLSPlace = b.pos("tls_cert").String()
	}
	s.MetricsListen = b.text("metrics_listen", "")
	if s.MetricsListen != "" {
		b.address("metrics_listen", s.MetricsListen)
	}
	limits := r.block(nil, "server", "server.limits")
	for i, inner := range b.inner("limits") {
		if limits.b = inner; i > 0 {
			r.twice("server", "the block limits stands twice", syntax.Place(inner.TypeRange), syntax.Place(b.inner("limits")[0].TypeRange))
		}
	}
	s.Limits.AnonymousPerMinute = limits.whole("anonymous_per_minute", 300, 0, 1_000_000_000)
	s.Limits.LoginPerMinute = limits.whole("login_per_minute", 10, 0, 1_000_000_000)
	s.Limits.AccountPerMinute = limits.whole("account_per_minute", 6000, 0, 1_000_000_000)
	limits.finish()
	b.finish("limits")
}

func (r *reader) readState(b *block) {
	b.known = append(b.known, "url")
	r.c.State.URL = "sqlite"
	v, ok := b.value("url")
	if ok && b.kind("url", v, syntax.String, `"sqlite"`) {
		r.c.State.URL = v.Text
		if v.Text != "sqlite" && !strings.HasPrefix(v.Text, "postgres://") && !strings.HasPrefix(v.Text, "postgresql://") {
			b.fail(v.Pos, "state.url is neither sqlite nor postgres://…", `write url = "sqlite", or url = env("BROKER_STATE_URL")`)
		}
		r.secretURL(b, "state.url", v)
	}
	b.finish()
}

func (r *reader) readLake(b *block) {
	r.c.Lake.URL = "file"
	v, ok := b.value("url")
	if ok && b.kind("url", v, syntax.String, `"file"`) {
		r.c.Lake.URL = v.Text
		scheme, rest, _ := strings.Cut(v.Text, "://")
		known := scheme == "s3" || scheme == "gs" || scheme == "azblob"
		if v.Text != "file" && (!known || strings.Trim(rest, "/") == "") {
			b.fail(v.Pos, "lake.url is neither file nor s3://…, gs://… or azblob://…", `write url = "file", or url = "s3://bucket/prefix"`)
		}
		r.secretURL(b, "lake.url", v)
	}
	r.c.Lake.RetainDays = b.whole("retain_days", 30, 1, 36500)
	b.finish()
}

func (r *reader) readPlugins(b *block) {
	p := &r.c.Plugins
	p.DirDefault = !b.has("dir") && r.o.PluginDir == ""
	p.Dir = r.absolute(b.text("dir", "plugins.d"))
	if r.o.PluginDir != "" {
		if dir, err := filepath.Abs(r.o.under(r.o.PluginDir)); err == nil {
			p.Dir = dir
		}
	}
	p.Trust = b.oneOf("trust", "locked", "locked", "tofu", "dev")
	b.finish()
}

func (r *reader) readSource(hb *hclsyntax.Block) {
	scope := scopeOf("source", hb.Labels)
	if !r.labels(hb, 2, scope) || !r.name(hb, 1, scope) {
		return
	}
	b := r.block(hb, scope, scope)
	s := Source{Connector: hb.Labels[0], Name: hb.Labels[1], File: hb.TypeRange.Filename, Line: hb.TypeRange.Start.Line}
	if !r.name(hb, 0, scope) {
		r.c.Sources = append(r.c.Sources, s)
		return
	}
	for _, other := range r.c.Sources {
		if other.Name == s.Name {
			r.twice(scope, fmt.Sprintf("the source %q stands twice", s.Name), syntax.Place(hb.LabelRanges[1]), diag.Pos{File: other.File, Line: other.Line, Column: 1})
		}
	}
	s.Schedule = b.text("schedule", "")
	s.Timezone = b.text("timezone", "UTC")
	b.schedule(s.Schedule, s.Timezone)
	s.Tables = []string{"*"}
	if b.has("tables") {
		s.Tables = values(b.checked("tables", func(p string) (string, bool) { return p, p != "" && len(p) <= 300 && streamGrammar.MatchString(p) },
			"a name or pattern of streams", `write names of streams, with * for any text, e.g. ["orders", "crm_*"]`))
		if v, ok := b.value("tables"); ok && v.Kind == syntax.List && len(v.Items) == 0 {
			b.warn(v.Pos, b.path+".tables is empty: nothing is read", `write tables = ["*"] for everything`)
		}
	} else {
		b.known = append(b.known, "tables")
	}
	s.Settings = r.pluginSettings(b, "connector", s.Connector)
	b.finish("config")
	r.c.Sources = append(r.c.Sources, s)
}

// schedule checks cron expression and zone (C11–C14).
func (b *block) schedule(expr, zone string) {
	if _, err := time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
		b.fail(b.pos("timezone"), fmt.Sprintf("%s.timezone: there is no zone %s", b.path, b.quoted("timezone", zone)), `write a name of the IANA list, e.g. "Europe/Prague"`)
		zone = "UTC"
	}
	if !b.has("schedule") || contains(b.wrong, "schedule") || b.r.o.Cron == nil {
		return
	}
	if len(expr) > 200 {
		b.fail(b.pos("schedule"), b.path+".schedule is longer than 200 characters", "write five fields, or @every 15m")
		return
	}
	if err := b.r.cron(expr, zone); err != nil {
		help := faultHelp(err, `write five fields (minute hour day month weekday), e.g. "0 6 * * *", or "@every 15m"`)
		b.fail(b.pos("schedule"), fmt.Sprintf("%s.schedule: %s", b.path, faultText(err)), help)
	}
}

// name checks a label against the grammar of names.
func (r *reader) name(b *hclsyntax.Block, label int, scope string) bool {
	if nameGrammar.MatchString(b.Labels[label]) {
		return true
	}
	r.add(scope, diag.At(syntax.Place(b.LabelRanges[label]), diag.Error, fmt.Sprintf("%.100q is not a name", b.Labels[label]), nameRule))
	return false
}

func (r *reader) readPlugin(kind string, hb *hclsyntax.Block) {
	scope := scopeOf(kind, hb.Labels)
	if !r.labels(hb, 1, scope) || !r.name(hb, 0, scope) {
		return
	}
	list := &r.c.Auth
	if kind == "service" {
		list = &r.c.Services
	}
	b := r.block(hb, scope, scope)
	p := Plugin{Name: hb.Labels[0], File: hb.TypeRange.Filename, Line: hb.TypeRange.Start.Line}
	for _, other := range *list {
		if other.Name == p.Name {
			r.twice(scope, fmt.Sprintf("the %s block %q stands twice", kind, p.Name), syntax.Place(hb.LabelRanges[0]), diag.Pos{File: other.File, Line: other.Line, Column: 1})
		}
	}
	p.Plugin = b.text("plugin", p.Name)
	if _, ok := isName(p.Plugin); !ok {
		b.fail(b.pos("plugin"), fmt.Sprintf("%s.plugin: %s is not the name of a plugin", b.path, b.quoted("plugin", p.Plugin)), nameRule)
	}
	p.Label = b.text("label", "")
	p.Order = b.whole("order", 0, -1000, 1000)
	if _, ok := isName(p.Plugin); ok {
		p.Settings = r.pluginSettings(b, kind, p.Plugin)
	}
	b.finish("config")
	*list = append(*list, p)
}
