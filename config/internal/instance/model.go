// Package instance turns the blocks of instance.hcl into a Config. It checks everything it can without touching more of
// the machine than the files the configuration names: no network, no plugins of its own accord.
//
// Only package config imports it.
package instance

import (
	"github.com/ai-data-analyst/broker/config/internal/diag"
	"github.com/ai-data-analyst/broker/config/internal/settings"
)

// Config is one instance as configured. Blocks that hold an error are in it as far as they were understood; what may be
// used is the diagnostics' say (List.Blocking) and, for sources, Err.
type Config struct {
	Path  string   // file or folder that was read
	Dir   string   // absolute folder that relative paths start from
	Files []string // files that were read, in order

	Instance Instance
	Server   Server
	State    State
	Lake     Lake
	Plugins  Plugins
	Access   *Access // nil without the block: serve needs it
	Sources  []Source
	Auth     []Plugin
	Services []Plugin
	Datasets []Dataset
	Catalog  Catalog
	Secrets  []string // every secret value that was read, longest first, for masking logs

	texts map[string]*diag.Text // for diagnostics made later
}

// Instance names the instance. Paths are absolute.
type Instance struct {
	Name, Subtitle, Copyright string
	Logo                      string // file; "" = none
	DataDir                   string
	PublicURL                 string // scheme://host[:port], lower case, without a slash at its end
	PublicURLDerived          bool   // it comes from listen, not from the file
	Version                   string // version of broker the file was written for; "" = not said
}

// Server is how broker listens.
type Server struct {
	Listen         string
	TrustedProxies []string // addresses or CIDR
	TLSCert        string   // file; "" = none
	TLSKey         string
	TLSPlace       string `json:"-"` // file:line where tls_cert stands
	MetricsListen  string
	Limits         Limits
}

// Limits are rates; 0 = off.
type Limits struct {
	AnonymousPerMinute int
	LoginPerMinute     int
	AccountPerMinute   int
}

// State is where catalog and state live.
type State struct {
	URL string // "sqlite" or postgres://…
}

// Lake is where tables live.
type Lake struct {
	URL        string // "file", or s3://…, gs://…, azblob://…
	RetainDays int
}

// Plugins is where plugins are found and what is trusted.
type Plugins struct {
	Dir        string // absolute
	DirDefault bool   // neither the file nor the caller named it
	Trust      string // locked | tofu | dev
}

// Item is one entry of a list, with the place it stands at.
type Item struct {
	Value string
	File  string
	Line  int

	pos   diag.Pos
	given bool // by env, file or cred: never shown
}

// Access is who may see what.
type Access struct {
	AllowedDomains []Item // lower case
	AllowedEmails  []Item // lower case
	Admins         []Item // lower case
	Privileged     []Item // lower case
	Private        []Item // namespaces
	DemoLogin      []Item // lower case
	Groups         []Group
	File           string
	Line           int
}

// Group grants tables to people.
type Group struct {
	Name    string
	Members []Item // lower case
	Tables  []Item // ns.table, ns.*, *, dataset:NAME
	From    string // "<auth block>:<group there>"; "" = none
	File    string
	Line    int
}

// Source is one configured connector.
type Source struct {
	Connector string // name of the plugin
	Name      string
	Schedule  string // "" = only on demand
	Timezone  string
	Tables    []string // patterns of streams
	Settings  settings.Settings
	File      string
	Line      int
	Err       error // why it cannot be used (its diagnostics); nil = usable, or merely unchecked
}

// Plugin is one configured auth or service plugin.
type Plugin struct {
	Name     string // of the block
	Plugin   string // of the binary; default Name
	Label    string
	Order    int
	Settings settings.Settings
	File     string
	Line     int
	Err      error // why it cannot be used
}

// Dataset groups tables that a person takes or leaves together.
type Dataset struct {
	Name, Label, Description, SizeHint string
	Requires                           []string
	Tables                             []string
	File                               string
	Line                               int
}

// Catalog orders and names the namespaces.
type Catalog struct {
	Order      []string
	Categories []Category
}

// Category is how a namespace is shown.
type Category struct {
	Name, Label, Icon string
}

// Field is one setting of a plugin as its description has it.
type Field = settings.Field

// Options is what Load is told.
type Options struct {
	Path      string // --config; "" = by the rules of Find
	PluginDir string // --plugins; "" = as configured
	Listen    string // --listen; "" = as configured
	Version   string // of this binary; "" = any file will do

	AllowPlainSecrets bool // --allow-plain-secrets: secrets may stand in the file

	Dir    string              // working folder; "" = the process's
	Etc    string              // "" = /etc/broker
	Getenv func(string) string // os.Getenv; nil = nothing is set

	// Ready is called once the instance, state, lake and plugins blocks are read, before Settings; nil = not called.
	Ready func(*Config)
	// Cron checks a schedule; nil = not checked.
	Cron func(expr, zone string) error
	// Settings returns the settings of plugin name of kind "connector", "auth" or "service". An error leaves the block's
	// settings unchecked. nil = nothing is checked.
	Settings func(kind, name string) ([]Field, error)
}
