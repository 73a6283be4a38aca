package lake_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// local returns the path of a part on this machine.
func (w *world) local(t testing.TB, p lake.Part) string {
	t.Helper()
	if path := w.Path(p); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), p.SHA256+".parquet")
	must(t, os.WriteFile(path, w.whole(t, p), 0o444))
	return path
}

// whole reads a part as it is served.
func (w *world) whole(t testing.TB, p lake.Part) []byte {
	t.Helper()
	r, size, err := w.OpenPart(context.Background(), p)
	must(t, err)
	content, err := io.ReadAll(r)
	must(t, err)
	must(t, r.Close())
	if int64(len(content)) != size {
		t.Fatalf("%d bytes of %d", len(content), size)
	}
	return content
}

// A part is read whole, from any place, and by a signed URL where there are such; one that is gone or of another size is
// not handed out.
func TestOpenPart(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.sync(t, "run-1", spec(orders, "append"), "", rows(0, 5000)...)
	v, err := w.Current(ctx, orders)
	must(t, err)
	part := v.Parts[0]
	content := w.whole(t, part)
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != part.SHA256 {
		t.Fatal("the bytes are others")
	}
	r, size, err := w.OpenPart(ctx, part)
	must(t, err)
	defer r.Close()
	if _, isFile := r.(*os.File); isFile != (w.bucket == nil) {
		t.Errorf("a %T", r)
	}
	for _, c := range []struct {
		offset int64
		whence int
		from   int64
	}{{0, io.SeekEnd, size}, {0, io.SeekStart, 0}, {-8, io.SeekEnd, size - 8}, {1000, io.SeekStart, 1000}, {17, io.SeekCurrent, 1034}, {size + 5, io.SeekStart, size + 5}} {
		at, err := r.Seek(c.offset, c.whence)
		must(t, err)
		if at != c.from {
			t.Fatalf("seek %+v: at %d", c, at)
		}
		got, err := io.ReadAll(io.LimitReader(r, 17))
		must(t, err)
		from := min(c.from, size)
		if want := content[from:min(from+17, size)]; !bytes.Equal(got, want) {
			t.Errorf("seek %+v: %x, want %x", c, got, want)
		}
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("a place before the begin")
	}
	signed, err := w.SignedURL(ctx, part, time.Minute)
	must(t, err)
	if (signed == "") != (w.bucket == nil) {
		t.Fatalf("signed URL %q", signed)
	}
	if signed != "" {
		answer, err := http.Get(signed)
		must(t, err)
		defer answer.Body.Close()
		if got, err := io.ReadAll(answer.Body); err != nil || !bytes.Equal(got, content) {
			t.Errorf("by signed URL: %d bytes, %v", len(got), err)
		}
	}
	w.put(t, part.Path, content[:size-1])
	if _, _, err := w.OpenPart(ctx, part); fault.CodeOf(err) != fault.Data || !strings.Contains(err.Error(), part.SHA256) {
		t.Errorf("a part that was cut short: %v", err)
	}
	w.remove(t, part.Path)
	if _, _, err := w.OpenPart(ctx, part); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a part that is gone: %v", err)
	}
}
