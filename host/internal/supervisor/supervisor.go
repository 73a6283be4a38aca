// Package supervisor finds, verifies, starts, watches and lends plugins, and leaves nothing of them behind.
//
// It reads no rows and knows no tables, schedules or pages. A plugin can fail its run, never the host (I8): every call
// has a deadline, every start a limit, every end a kill that reaches the last descendant (G8, G11). Nothing is executed
// before its SHA-256 is trusted (G10). app and test/hostile may import it.
package supervisor

import (
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/supervisor/crashes"
	"github.com/ai-data-analyst/broker/host/internal/supervisor/held"
	"github.com/ai-data-analyst/broker/host/internal/supervisor/launch"
	"github.com/ai-data-analyst/broker/host/internal/supervisor/trust"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Trust says which plugins may run.
type Trust string

// The three rules of trust (decision 11).
const (
	Locked Trust = "locked" // only what is pinned
	TOFU   Trust = "tofu"   // what is used first is pinned; any other hash is refused until pinned
	Dev    Trust = "dev"    // whatever is fit to run
)

// Options says where plugins are and how they are kept. Zero values of Limits mean the defaults.
type Options struct {
	Dir      string // folder that plugins are dropped into
	StateDir string // <data_dir>/state: pins, verified copies, describe replies, private folders of runs
	RunDir   string // short folder for sockets; default the system's temporary folder
	Trust    Trust  // default Locked
	FirstUse bool   // under TOFU: Describe and Lend pin what is not pinned yet (sync and serve); else nothing pins but Pin
	MTLS     bool   // certificates on the private socket too; always on where the peer cannot be asked who it is
	Environ  []string
	Log      *slog.Logger
	Now      func() time.Time
	Limits   Limits
}

// Limits are the times and sizes that a plugin is held to.
type Limits = held.Limits

// Status is what List found of a plugin.
type Status string

// The four states of an entry of the plugin folder.
const (
	Ready       Status = "ready"
	Ignored     Status = "ignored"     // not fit to run, or mute; Reason says why
	Untrusted   Status = "untrusted"   // fit, but its hash is not pinned
	Quarantined Status = "quarantined" // crashed too often
)

// Plugin is one entry of the plugin folder. Its JSON form is that of `broker plugins list --json`.
type Plugin struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Version string `json:"version"`
	Path    string `json:"path"`
	SHA256  string `json:"sha256"`
	Status  Status `json:"status"`
	Reason  string `json:"reason"`
}

// Supervisor owns the plugin processes of one host.
type Supervisor struct {
	options  Options
	pins     trust.Pins
	copies   trust.Copies
	children *launch.Children

	crashes *crashes.Ledger

	mu     sync.Mutex
	mute   map[string]muteness // plugins that did not answer describe, by hash
	loans  map[*Loan]bool
	closed bool
}

type muteness struct {
	at  time.Time
	err error
}

// New opens the plugin folder for use and removes what an earlier host, killed, has left behind. It starts nothing.
func New(options Options) (*Supervisor, error) {
	if options.Dir == "" || options.StateDir == "" {
		return nil, fault.New(fault.Config, "the folders of plugins and state are not set")
	}
	options, err := withDefaults(options)
	if err != nil {
		return nil, err
	}
	children, err := launch.NewChildren(filepath.Join(options.StateDir, "run"), options.RunDir)
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "prepare the folder of plugin runs")
	}
	copies, limits := trust.Copies{Dir: filepath.Join(options.StateDir, "plugins")}, options.Limits
	return &Supervisor{
		options:  options,
		pins:     trust.Pins{Path: filepath.Join(options.StateDir, "plugins.lock.json"), Now: options.Now},
		copies:   copies,
		children: children,
		crashes: &crashes.Ledger{
			Copies: copies, Now: options.Now,
			Backoff: limits.Backoff, Limit: limits.Crashes, Window: limits.Window, Rest: limits.Quarantine,
		},
		mute:  map[string]muteness{},
		loans: map[*Loan]bool{},
	}, nil
}

func withDefaults(o Options) (Options, error) {
	if o.Trust == "" {
		o.Trust = Locked
	}
	if o.Trust != Locked && o.Trust != TOFU && o.Trust != Dev {
		return o, fault.Newf(fault.Config, "trust %q is none of locked, tofu, dev", o.Trust)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	o.Limits = o.Limits.WithDefaults()
	for _, dir := range []*string{&o.Dir, &o.StateDir} {
		absolute, err := filepath.Abs(*dir)
		if err != nil {
			return o, fault.Wrap(fault.Config, err, "find the folder "+*dir)
		}
		*dir = absolute
	}
	return o, nil
}

// Close ends every loan that is still out, and waits for it. Run is ended by its context.
func (s *Supervisor) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	out := slices.Collect(maps.Keys(s.loans))
	s.mu.Unlock()
	var ended sync.WaitGroup
	for _, loan := range out {
		ended.Go(func() { _ = loan.Close() })
	}
	ended.Wait()
	return s.children.Close()
}

// Request says what is to be lent, and for which run.
type Request struct {
	Kind     string // "connector", "service", "auth"
	Name     string // as in the configuration: NAME of broker-<kind>-NAME
	RunID    string
	Source   string
	Settings []byte   // one JSON object, secrets included; given to the plugin's Open, never logged
	Secrets  []string // masked in logs and in everything the plugin says
	Memory   int64    // resident bytes, instead of Limits.Memory; 0 = those
}
