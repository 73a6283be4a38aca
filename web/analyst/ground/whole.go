package ground

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror"
)

// Whole reads every file of tables and compares it with the hash that was published (G5): for generations that are not in
// use, which no pull looks after, and for doctor. It returns how many files there are.
func Whole(ctx context.Context, w *mirror.Workspace, generation int64, tables []api.Table) (files int, err error) {
	seen := map[string]bool{}
	for _, t := range tables {
		for _, p := range t.Parts {
			if seen[p.SHA256] {
				continue
			}
			seen[p.SHA256] = true
			sum, err := hashed(ctx, w.PartPath(p.SHA256))
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return 0, damaged(w, generation, "a file of %s is missing", t.Name)
			case err != nil:
				return 0, fault.Wrap(fault.Data, err, "read a file of "+t.Name)
			case sum != p.SHA256:
				return 0, damaged(w, generation, "a file of %s is damaged", t.Name)
			}
		}
	}
	return len(seen), nil
}

func damaged(w *mirror.Workspace, generation int64, format, table string) error {
	help := "Run: analyst pull --verify"
	if used, _, err := w.Manifest(0); err == nil && used.Generation != generation {
		help = fmt.Sprintf("Run: analyst pull --generation %d --verify && analyst pull", generation)
	}
	return &fault.Fault{Code: fault.Data, What: fmt.Sprintf(format+" (generation %d)", table, generation), Err: &mirror.Error{Code: "hash_mismatch"}, Help: help}
}

// hashed is the SHA-256 of a file, in hex.
func hashed(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	block := make([]byte, 1<<20)
	for {
		n, err := f.Read(block)
		h.Write(block[:n])
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return "", err
		}
	}
}
