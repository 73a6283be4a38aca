package supervisor

import (
	"context"

	"github.com/ai-data-analyst/broker/sdk/connector"
)

// Loan is a plugin lent for one run: a process of its own with one open session.
type Loan struct{}

// Session is the open session. What it returns is masked, cut to size and, once the process is gone, says why.
func (l *Loan) Session() connector.Session { panic("being written") }

// Connector is the plugin itself, without the session.
func (l *Loan) Connector() connector.Connector { panic("being written") }

// Alive is nil while the process lives, else why it ended, as a fault.
func (l *Loan) Alive() error { panic("being written") }

// Exit is one sentence about how the process ended; "" while it lives.
func (l *Loan) Exit() string { panic("being written") }

// Close ends the session and the process in order, then by force. When it returns no descendant of the plugin lives,
// setsid ones included, and its private folders are gone (G11).
func (l *Loan) Close() error { panic("being written") }

// Lend starts the plugin in a process of its own, opens a session with the settings and watches over it until Close.
func (s *Supervisor) Lend(ctx context.Context, request Request) (*Loan, error) {
	panic("being written")
}

// List returns every entry of the plugin folder in name order, unfit ones with the reason. It executes nothing that is
// not trusted, pins nothing, and a plugin that does not answer is listed as such.
func (s *Supervisor) List(ctx context.Context) ([]Plugin, error) { panic("being written") }

// Pin trusts the bytes that the file of this plugin has now.
func (s *Supervisor) Pin(ctx context.Context, name string) (Plugin, error) { panic("being written") }

// Unpin takes the trust away and says whether there was any.
func (s *Supervisor) Unpin(ctx context.Context, name string) (bool, error) { panic("being written") }

// Describe returns what a trusted plugin says of itself: kind may be "" when name is unique. The reply is kept by hash.
func (s *Supervisor) Describe(ctx context.Context, kind, name string) (connector.Description, error) {
	panic("being written")
}

// Report is what Doctor found, step by step.
type Report struct {
	Plugin Plugin `json:"plugin"`
	Steps  []Step `json:"steps"`
}

// Step is one thing that Doctor tried.
type Step struct {
	Name   string  `json:"name"` // file, trust, start, describe, health, stop
	OK     bool    `json:"ok"`
	Millis float64 `json:"ms"`
	Note   string  `json:"note"`
}

// Doctor starts a trusted plugin, asks it what it is and how it is, and stops it.
func (s *Supervisor) Doctor(ctx context.Context, name string) (Report, error) { panic("being written") }

// Run watches the plugin folder until ctx ends: on change (after 2 s of quiet) and each 60 s it lists what is there and
// logs what is new, changed or gone.
func (s *Supervisor) Run(ctx context.Context) error { panic("being written") }
