package lake_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcerrors"

	"github.com/ai-data-analyst/broker/host/internal/lake/depot"
	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/object"
)

// TestInBucket tells the stories of a lake over one in an object store: TEST_S3_URL names a bucket of a real server,
// credentials come from the environment. The database is as everywhere: Postgres where TEST_PG_URL names one.
func TestInBucket(t *testing.T) {
	bucketURL(t)
	tellAll(t)
}

// TestOnSQLite tells them on SQLite where the others run on Postgres.
func TestOnSQLite(t *testing.T) {
	if os.Getenv("TEST_PG_URL") == "" {
		t.Skip("the others run on SQLite already")
	}
	tellAll(t)
}

func tellAll(t *testing.T) {
	for _, story := range []struct {
		name string
		test func(*testing.T)
	}{
		{"replace", TestReplace},
		{"unchanged", TestUnchanged},
		{"merge and append", TestMergeAndAppend},
		{"group", TestGroupHasOneGeneration},
		{"zero rows", TestZeroRowsAreATable},
		{"incomplete", TestIncompleteDeliveryIsNotPublished},
		{"held", TestD10_HeldAcceptDiscard},
		{"leases", TestC23_Leases},
		{"rollback", TestRollback},
		{"schema", TestI5_SchemaEvolves},
		{"expire", TestExpire},
		{"expire under a run", TestExpireLeavesDraftsAlone},
		{"compact", TestExpireCompacts},
		{"verify", TestG5_Verify},
		{"scrub", TestG5_ScrubFindsDamage},
		{"drop", TestDrop},
		{"drop and sync again", TestDropAndSyncAgain},
		{"drop and retention", TestDropIsForgottenAfterRetention},
		{"scrub forgets", TestG5_ScrubForgetsWhatIsGone},
		{"rebuild", TestRebuild},
		{"rebuild half a set", TestRebuildIgnoresHalfASet},
		{"rebuild after a crash", TestRebuildAfterACrash},
		{"older database", TestOlderDatabaseIsRefused},
		{"another lake", TestAnotherLakesDatabase},
		{"sweep", TestG11_StartSweeps},
		{"readers", TestReadersAgree},
		{"parts", TestOpenPart},
		{"full after merge", TestFullAfterMerge},
		{"parallel", TestG1_ParallelRunsAndReaders},
	} {
		t.Run(story.name, story.test)
	}
}

// bucketURL returns TEST_S3_URL with a prefix of this test's own.
func bucketURL(t testing.TB) string {
	t.Helper()
	u, err := url.Parse(os.Getenv("TEST_S3_URL"))
	must(t, err)
	if u.Host == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("TEST_S3_URL names no bucket")
		}
		t.Skip("TEST_S3_URL names no bucket")
	}
	u.Path = "/lakes/" + uuid.NewString()
	return u.String()
}

// inBucket says whether the test's lakes lie in an object store.
func inBucket(t testing.TB) bool { return strings.HasPrefix(t.Name(), "TestInBucket/") }

// settle gives the world its place, and opens the bucket beside the lake, for tests that look and damage.
func (w *world) settle(t testing.TB, lakeURL string) {
	t.Helper()
	w.options.URL = lakeURL
	u, err := url.Parse(lakeURL)
	must(t, err)
	prefix := strings.Trim(u.Path, "/") + "/"
	u.Path = ""
	bucket, err := (&s3blob.URLOpener{}).OpenBucketURL(context.Background(), u)
	must(t, err)
	w.bucket = blob.PrefixedBucket(bucket, prefix)
	t.Cleanup(func() { w.bucket.Close() })
}

// clear removes the lake from the bucket.
func (w *world) clear(t testing.TB) {
	t.Helper()
	for _, key := range w.keys(t) {
		must(t, w.bucket.Delete(context.Background(), key))
	}
}

func (w *world) keys(t testing.TB) (keys []string) {
	t.Helper()
	objects := w.bucket.List(nil)
	for {
		o, err := objects.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return keys
		}
		must(t, err)
		keys = append(keys, o.Key)
	}
}

// files lists all files of the lake and its drafts, as if it lay in a folder.
func (w *world) files(t testing.TB, ending string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(w.options.Dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ending) {
			found = append(found, path)
		}
		return err
	})
	must(t, err)
	if w.bucket == nil {
		return found
	}
	for _, key := range w.keys(t) {
		if strings.HasSuffix(key, ending) {
			found = append(found, filepath.Join(w.options.Dir, key))
		}
	}
	return found
}

// has, read, put and remove handle a file of the lake behind its back.
func (w *world) has(t testing.TB, path string) bool {
	t.Helper()
	if w.bucket != nil {
		there, err := w.bucket.Exists(context.Background(), path)
		must(t, err)
		return there
	}
	_, err := os.Stat(filepath.Join(w.options.Dir, path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

func (w *world) read(t testing.TB, path string) (content []byte) {
	t.Helper()
	var err error
	if w.bucket != nil {
		content, err = w.bucket.ReadAll(context.Background(), path)
	} else {
		content, err = os.ReadFile(filepath.Join(w.options.Dir, path))
	}
	must(t, err)
	return content
}

func (w *world) put(t testing.TB, path string, content []byte) {
	t.Helper()
	if w.bucket != nil {
		must(t, w.bucket.WriteAll(context.Background(), path, content, nil))
		return
	}
	full := filepath.Join(w.options.Dir, path)
	must(t, os.MkdirAll(filepath.Dir(full), 0o755))
	if err := os.Remove(full); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	must(t, os.WriteFile(full, content, 0o444))
}

func (w *world) remove(t testing.TB, path string) {
	t.Helper()
	var err error
	if w.bucket != nil {
		if err = w.bucket.Delete(context.Background(), path); gcerrors.Code(err) == gcerrors.NotFound {
			err = nil
		}
	} else {
		err = os.Remove(filepath.Join(w.options.Dir, path))
	}
	must(t, err)
}

// depot opens the lake's files as other engines do.
func (w *world) depot(t testing.TB) depot.Depot {
	t.Helper()
	if w.bucket == nil {
		return disk.IO{FS: disk.OS{}, Root: w.options.Dir}
	}
	store, err := object.Open(context.Background(), w.options.URL)
	must(t, err)
	t.Cleanup(func() { store.Close() })
	return store
}
