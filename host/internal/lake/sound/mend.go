package sound

import (
	"context"
	"errors"
	"io/fs"

	"github.com/ai-data-analyst/broker/host/internal/lake/depot"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
)

// Mending is the place of the parts for those who write: a damaged part gives way to the same part written anew.
func (p *Parts) Mending() depot.Depot { return mending{p.Files, p} }

type mending struct {
	depot.Depot
	parts *Parts
}

// Place implements depot.Depot.
func (m mending) Place(ctx context.Context, file depot.Local, path string) error {
	what, err := m.parts.Damaged(ctx, path)
	if err != nil {
		return err
	}
	if what != "" { // nobody gets it as it is, so nobody misses it
		if err := m.Remove(m.URL(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := m.Depot.Place(ctx, file, path); err != nil || what == "" {
		return err
	}
	placed, size, err := m.OpenPart(ctx, path)
	if err != nil {
		return err
	}
	err = m.parts.compare(ctx, version.Part{Path: path, SHA256: file.SHA256, Bytes: size}, placed, 0)
	return errors.Join(err, placed.Close())
}
