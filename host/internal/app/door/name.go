package door

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/store"
)

// NameSync names a sync: time first, so that names sort by it.
func NameSync(now time.Time) string {
	return now.UTC().Format("20060102t150405") + "-" + strings.ToLower(rand.Text()[:6])
}

// Refuse notes in the journal that a source failed before any of its tables was known, so that people see why nothing came.
func (d Journal) Refuse(ctx context.Context, entry store.Run, now time.Time) error {
	entry.ID, entry.Status, entry.Started, entry.Finished = entry.Sync+"-"+entry.Source, "failed", now, now
	return d.Runs.Refusal(context.WithoutCancel(ctx), entry)
}
