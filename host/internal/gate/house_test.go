package gate_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/gate"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// house is an instance as the gate sees it: a folder of parts, one table, one document.
type house struct {
	gate.Gate
	lake    string
	remote  bool // parts are not files of this machine
	parts   [][]byte
	doc     []byte
	out     atomic.Bool // the person is shut out
	narrow  atomic.Bool // the table is not theirs any more
	gone    atomic.Bool // the key was removed
	pins    atomic.Int32
	corrupt bool
}

func newHouse(t *testing.T, parts ...string) *house {
	h := &house{lake: filepath.Join(t.TempDir(), "data"), doc: []byte("what it means\n")}
	for _, p := range parts {
		h.parts = append(h.parts, []byte(p))
	}
	base := t.TempDir()
	h.Gate = gate.Gate{Dir: filepath.Join(base, "ssh"), Push: filepath.Join(base, "push"), Quota: 1 << 20, Manifests: h, Access: h, Now: time.Now,
		Known: func(context.Context) error {
			if h.gone.Load() {
				return fault.New(fault.Permission, "this key is not let in any more")
			}
			return nil
		},
		Pin: func(context.Context, int64, time.Duration) (func(context.Context) error, error) {
			h.pins.Add(1)
			return func(context.Context) error { h.pins.Add(-1); return nil }, nil
		}}
	if err := os.MkdirAll(h.lake, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range h.parts {
		h.store(t, p, time.Now().Add(-time.Hour))
	}
	return h
}

func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

func (h *house) store(t *testing.T, body []byte, at time.Time) string {
	path := filepath.Join(h.lake, hashOf(body)+".parquet")
	if err := os.WriteFile(path, body, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	return path
}

func (h *house) Document(_ context.Context, who sdk.Caller, generation int64) (api.Signed, error) {
	if generation == 1 {
		return api.Signed{}, fault.New(fault.StateExpired, "generation 1 has expired; 2 to 9 can be had")
	}
	table := api.Table{Name: "shop.orders", Namespace: "shop", Table: "orders", Columns: []api.Column{}, PrimaryKey: []string{}}
	for _, p := range h.parts {
		table.Parts = append(table.Parts, api.Part{SHA256: hashOf(p), Size: int64(len(p)), Rows: 1})
		table.Rows++
	}
	body, err := json.Marshal(api.Manifest{Format: api.Format, User: who.User.ID, Generation: 9, Oldest: 2, PublishedAt: "2026-01-02T03:04:05.5Z", Tables: []api.Table{table},
		Docs: []api.Doc{{Path: "docs/tables/shop.orders.md", SHA256: hashOf(h.doc), Size: int64(len(h.doc))}}})
	return api.Signed{Body: body, Signature: "ed25519;key=k;sig", Generation: 9}, err
}

type reader struct{ *bytes.Reader }

func (reader) Close() error { return nil }

func (h *house) Content(_ context.Context, _ sdk.Caller, hash string) (api.Content, error) {
	if hash == hashOf(h.doc) {
		return api.Content{Open: func(context.Context) (io.ReadSeekCloser, error) { return reader{bytes.NewReader(h.doc)}, nil }}, nil
	}
	return api.Content{Open: func(context.Context) (io.ReadSeekCloser, error) {
		file, err := os.Open(filepath.Join(h.lake, hash+".parquet"))
		if err != nil || !h.remote {
			return file, err
		}
		defer file.Close()
		body, err := io.ReadAll(file)
		if h.corrupt {
			body[0] ^= 1
		}
		return reader{bytes.NewReader(body)}, err
	}}, nil
}

func (h *house) Authorize(context.Context, sdk.Caller, sdk.Action, sdk.TableName) error {
	if h.out.Load() {
		return fault.New(fault.Permission, "this credential may not do that")
	}
	return nil
}

func (h *house) Visible(context.Context, sdk.Caller) (func(sdk.TableName) bool, string, error) {
	return func(sdk.TableName) bool { return !h.narrow.Load() }, fmt.Sprint(h.narrow.Load()), nil
}

var _ gate.Access = (*house)(nil)
