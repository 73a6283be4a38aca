// Package own keeps what is a person's own out of the way of what is ours: tables that they made in the file of views,
// which the next pull replaces (Y6).
//
// Imported by mirror.
package own

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ai-data-analyst/broker/web/mirror/disk"
)

// Inspector says which tables (no views) a database file holds, so that tables of a person's own in our database are
// noticed and the file is kept. Any error counts as "unknown": the file is kept too.
type Inspector interface {
	OwnTables(ctx context.Context, path string) ([]string, error)
}

// Keep moves a database that was changed since we made it, and may hold tables of a person's own, out of the way; the note
// says so. made is how it stood then, i may be nil.
func Keep(ctx context.Context, database string, made disk.Stamp, i Inspector, now time.Time) (note string, err error) {
	at, err := disk.Look(database)
	_, log := os.Lstat(database + ".wal") // changes that are not in the file yet
	if log != nil && (errors.Is(err, fs.ErrNotExist) || (err == nil && at == made)) {
		return "", nil
	}
	if i != nil && err == nil && log != nil {
		if tables, err := i.OwnTables(ctx, database); err == nil && len(tables) == 0 {
			return "", nil
		}
	}
	stamp := now.Format("20060102-150405")
	kept := filepath.Join(filepath.Dir(database), "analytics.kept-"+stamp+".duckdb")
	for n := 2; ; n++ {
		if _, err := os.Lstat(kept); errors.Is(err, fs.ErrNotExist) {
			break
		}
		kept = filepath.Join(filepath.Dir(database), fmt.Sprintf("analytics.kept-%s-%d.duckdb", stamp, n))
	}
	for _, part := range []string{"", ".wal"} {
		if err := os.Rename(database+part, kept+part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "analytics.duckdb was changed by somebody else and is kept as " + filepath.Base(kept) + "; keep tables of your own in mine.duckdb", nil
}
