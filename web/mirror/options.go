package mirror

import (
	"context"
	"io"
	"time"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/disk"
	"github.com/ai-data-analyst/broker/web/mirror/own"
	"github.com/ai-data-analyst/broker/web/mirror/progress"
)

// Source is where a copy comes from: client.Client is one.
type Source interface {
	// Manifest returns a generation, 0 = the current one, unless etag still holds. fault.StateExpired for one that cannot be
	// had.
	Manifest(ctx context.Context, generation int64, etag string) (Answer, error)
	// Keys returns the keys that manifests are signed with.
	Keys(ctx context.Context) (api.Keys, error)
	// Part returns the bytes of a part or document from offset on; hosts are the other origins that it may come from.
	Part(ctx context.Context, sha256 string, size, offset int64, hosts []string) (io.ReadCloser, error)
}

// Answer is a manifest as it came.
type Answer = api.Fetched

// Builder makes a database file that holds views: an engine of ours is one.
type Builder interface {
	Build(ctx context.Context, path string, statements []string) error
}

// Inspector is what a Builder may offer besides.
type Inspector = own.Inspector

// PullOptions say what to pull and how.
type PullOptions struct {
	Tables        []string // only these, by full or unique short name; nil = all
	Generation    int64    // 0 = the current one
	DryRun        bool     // say what would be done, change nothing
	Verify        bool     // hash everything that is there anew
	AllowRollback bool
	Jobs          int           // parts at once; 0 = 6
	Keep          int           // generations to keep; 0 = 5
	Wait          time.Duration // for another pull of this workspace; 0 = leave at once
	Builder       Builder       // nil = no database file, user/duckdb/init.sql only
	Progress      func(Progress)
	Now           func() time.Time
	Pause         func(ctx context.Context, d time.Duration) error // between tries
	Free          func(dir string) (int64, error)                  // bytes that the disk still takes
}

const (
	defaultJobs = 6
	defaultKeep = 5
)

func (o PullOptions) filled() PullOptions {
	if o.Jobs <= 0 {
		o.Jobs = defaultJobs
	}
	if o.Keep <= 0 {
		o.Keep = defaultKeep
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Pause == nil {
		o.Pause = pause
	}
	if o.Free == nil {
		o.Free = disk.Free
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	return o
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Progress is what a pull tells while it runs.
type Progress = progress.Progress

// What a pull reports.
type (
	// PullReport is what a pull did (interface.md §9).
	PullReport = progress.PullReport
	// Amount counts parts and their bytes.
	Amount = progress.Amount
	// Pulled is one table of a report.
	Pulled = progress.Pulled
	// PullError is an error as a report shows it.
	PullError = progress.PullError
)
