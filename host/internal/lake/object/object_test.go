package object_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/ai-data-analyst/broker/host/internal/lake/depot"
	"github.com/ai-data-analyst/broker/host/internal/lake/object"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// URLs that cannot be right are refused before anything is asked, and never repeated: there may be a secret in one.
func TestCheck(t *testing.T) {
	for _, good := range []string{
		"s3://bucket", "s3://bucket/", "s3://my.bucket-1/a/b_c/d=e", "s3://bucket/lake?region=eu-central-1",
		"s3://bucket/lake?region=us-east-1&endpoint=http://127.0.0.1:9000&use_path_style=true", "s3://bucket?profile=prod&ssetype=aws:kms&kmskeyid=x",
	} {
		if err := object.Check(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, why := range map[string]string{
		"gs://bucket/lake":                          "gs:// is not served",
		"azblob://container":                        "azblob:// is not served",
		"http://bucket":                             "neither file nor s3",
		"s3:":                                       "bucket",
		"s3:///lake":                                "bucket",
		"s3://B":                                    "bucket",
		"s3://bucket/../lake":                       "prefix",
		"s3://bucket/a//b":                          "prefix",
		"s3://bucket/a b":                           "prefix",
		"s3://bucket/.hidden":                       "prefix",
		"s3://bucket/ř":                             "prefix",
		"s3://bucket#GEHEIM":                        "fragment",
		"s3://AKIA:GEHEIM@bucket/lake":              "credentials do not belong",
		"s3://GEHEIM@bucket/lake":                   "credentials do not belong",
		"s3://bucket?secret_access_key=GEHEIM":      `"secret_access_key" is not known`,
		"s3://bucket?region=a&region=b":             "twice",
		"s3://bucket?endpoint=127.0.0.1:9000":       "endpoint",
		"s3://bucket?endpoint=http://u:GEHEIM@host": "endpoint",
		"s3://bucket?endpoint=ftp://host":           "endpoint",
		"s3://bucket/%zzGEHEIM":                     "not a URL",
	} {
		err := object.Check(bad)
		if fault.CodeOf(err) != fault.Config || !strings.Contains(fmt.Sprint(err), why) || fault.HelpOf(err) == "" {
			t.Errorf("%s: %v", bad, err)
		}
		if strings.Contains(fmt.Sprint(err, fault.HelpOf(err)), "GEHEIM") {
			t.Errorf("%s: repeated in %v", bad, err)
		}
	}
}

// serverURL returns TEST_S3_URL with a prefix of the test's own.
func serverURL(t *testing.T) *url.URL {
	t.Helper()
	u, err := url.Parse(os.Getenv("TEST_S3_URL"))
	must(t, err)
	if u.Host == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("TEST_S3_URL names no bucket")
		}
		t.Skip("TEST_S3_URL names no bucket")
	}
	u.Path = "/objects/" + uuid.NewString()
	return u
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, u *url.URL) *object.Store {
	t.Helper()
	s, err := object.Open(context.Background(), u.String())
	must(t, err)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func local(t *testing.T, content []byte) depot.Local {
	t.Helper()
	name := filepath.Join(t.TempDir(), "part")
	must(t, os.WriteFile(name, content, 0o444))
	sum := sha256.Sum256(content)
	return depot.Local{Name: name, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}
}

func random(t *testing.T, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	_, err := rand.Read(b)
	must(t, err)
	return b
}

// Files are written, listed, described, read and removed; locations are those that other engines read.
func TestStore(t *testing.T) {
	u := serverURL(t)
	s := open(t, u)
	must(t, s.Probe(context.Background()))
	root := "s3://" + u.Host + u.Path
	if got := s.URL(""); got != root {
		t.Errorf("root %s", got)
	}
	at := s.URL("shop/orders/metadata/x.json")
	if at != root+"/shop/orders/metadata/x.json" {
		t.Errorf("location %s", at)
	}
	must(t, s.WriteFile(at, []byte("content")))
	must(t, s.WriteFile(at, []byte("content"))) // as after a lost answer
	if err := s.WriteFile(at, []byte("CONTENT")); fault.CodeOf(err) != fault.Data {
		t.Errorf("written over: %v", err)
	}
	if got, err := s.ReadFile(at); err != nil || string(got) != "content" {
		t.Errorf("%q, %v", got, err)
	}
	f, err := s.Open(at)
	must(t, err)
	if got, err := io.ReadAll(f); err != nil || string(got) != "content" {
		t.Errorf("%q, %v", got, err)
	}
	must(t, f.Close())
	info, err := s.Stat(at)
	must(t, err)
	if info.Size() != 7 || !info.Mode().IsRegular() || info.Name() != "x.json" || info.ModTime().IsZero() {
		t.Errorf("%+v", info)
	}
	w, err := s.Create(s.URL("shop/empty"))
	must(t, err)
	must(t, w.Close())
	must(t, w.Close())
	for dir, want := range map[string][]string{"": {"shop"}, "shop": {"empty", "orders"}, "shop/orders/metadata": {"x.json"}, "shop/ord": nil, "none": nil} {
		got, err := s.List(dir)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", dir, diff)
		}
	}
	if got, err := s.ReadFile(s.URL("shop/empty")); err != nil || len(got) != 0 {
		t.Errorf("%q, %v", got, err)
	}
	must(t, s.Remove(at))
	for name, ask := range map[string]func() error{
		"stat": func() error { _, err := s.Stat(at); return err },
		"read": func() error { _, err := s.ReadFile(at); return err },
		"open": func() error { _, _, err := s.OpenPart(context.Background(), "shop/orders/metadata/x.json"); return err },
	} {
		if err := ask(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of what is gone: %v", name, err)
		}
	}
}

// Locations lead nowhere but below the prefix.
func TestStoreStaysInside(t *testing.T) {
	u := serverURL(t)
	s := open(t, u)
	root := s.URL("")
	for _, outside := range []string{"", root, root + "/", root + "x/y", root + "/../y", root + "/a/../../y", root + "//y", root + "/a/.", "s3://other" + u.Path + "/y", "file:///etc/passwd", "/etc/passwd", "y"} {
		if _, err := s.Path(outside); err == nil {
			t.Errorf("%q has a path", outside)
		}
		if err := s.WriteFile(outside, nil); err == nil {
			t.Errorf("%q was written", outside)
		}
		if _, err := s.Open(outside); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q was asked for: %v", outside, err)
		}
		if err := s.Remove(outside); err == nil {
			t.Errorf("%q was removed", outside)
		}
	}
	if path, err := s.Path(root + "/shop/orders/x"); err != nil || path != "shop/orders/x" {
		t.Errorf("%s, %v", path, err)
	}
}

// Of many that write one name at once exactly one wins.
func TestOneWriterWins(t *testing.T) {
	s := open(t, serverURL(t))
	var won atomic.Int32
	var writers sync.WaitGroup
	for i := range 16 {
		writers.Go(func() {
			err := s.WriteFile(s.URL("name"), fmt.Append(nil, "writer ", i))
			if err == nil {
				won.Add(1)
			} else if fault.CodeOf(err) != fault.Data {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	if won.Load() != 1 {
		t.Errorf("%d writers won", won.Load())
	}
}

// A part is uploaded and checked; the local file goes. One that is there already, also after a lost answer, is no error;
// one that is damaged under its good name is written anew.
func TestPlace(t *testing.T) {
	ctx := context.Background()
	u := serverURL(t)
	content := random(t, 3<<20)
	place := func(s *object.Store, path string, file depot.Local) {
		t.Helper()
		must(t, s.Place(ctx, file, path))
		if _, err := os.Stat(file.Name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the local file: %v", err)
		}
		if got, err := s.ReadFile(s.URL(path)); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
	}
	s := open(t, u)
	place(s, "a", local(t, content))
	place(s, "a", local(t, content))

	damaged := bytes.Clone(content)
	damaged[1<<20] ^= 1
	must(t, s.WriteFile(s.URL("b"), damaged))
	place(s, "b", local(t, content))

	lost := &sync.Map{}
	flaky := open(t, between(t, u, func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if _, again := lost.LoadOrStore(r.Method, true); again || r.Method != http.MethodPut {
			server.ServeHTTP(w, r)
			return
		}
		server.ServeHTTP(discard{http.Header{}}, r) // it is stored, and nobody hears of it
		hangUp(w)
	}))
	place(flaky, "c", local(t, content))

	file := local(t, content)
	file.SHA256 = strings.Repeat("0", 64)
	if err := s.Place(ctx, file, "d"); err == nil {
		t.Error("placed under a wrong hash")
	}
	if _, err := s.Stat(s.URL("d")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a refused upload: %v", err)
	}
	if _, err := os.Stat(file.Name); err != nil {
		t.Errorf("the local file of a refused upload: %v", err)
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// What is wrong is said in words: credentials, bucket, endpoint. No secret is in them.
func TestProbeSaysWhatIsWrong(t *testing.T) {
	const secret = "geheimgeheimgeheim"
	u := serverURL(t)
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	closed := "http://" + nobody.Addr().String()
	must(t, nobody.Close())
	for name, c := range map[string]struct {
		change func(t *testing.T, u *url.URL)
		code   fault.Code
		says   string
	}{
		"wrong secret": {func(t *testing.T, _ *url.URL) { t.Setenv("AWS_SECRET_ACCESS_KEY", secret) }, fault.Auth, "credentials are not taken"},
		"unknown key":  {func(t *testing.T, _ *url.URL) { t.Setenv("AWS_ACCESS_KEY_ID", secret) }, fault.Auth, "credentials are not taken"},
		"no bucket":    {func(_ *testing.T, u *url.URL) { u.Host = "no-such-bucket-here" }, fault.Config, "there is no such bucket"},
		"nobody there": {func(_ *testing.T, u *url.URL) {
			q := u.Query()
			q.Set("endpoint", closed)
			u.RawQuery = q.Encode()
		}, fault.Transient, "cannot be reached, or failed (dial tcp"},
		"no credentials": {func(t *testing.T, _ *url.URL) {
			for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"} {
				t.Setenv(name, "")
			}
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
			t.Setenv("AWS_CONFIG_FILE", "/nowhere")
		}, fault.Auth, "no credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			other := *u
			c.change(t, &other)
			err := open(t, &other).Probe(context.Background())
			if fault.CodeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.says) || fault.HelpOf(err) == "" {
				t.Errorf("%s: %v", fault.CodeOf(err), err)
			}
			if text := fmt.Sprintf("%v %+v", err, errors.Unwrap(err)); strings.Contains(text, secret) || strings.Contains(text, os.Getenv("AWS_SECRET_ACCESS_KEY")) && os.Getenv("AWS_SECRET_ACCESS_KEY") != "" {
				t.Errorf("a secret in %s", text)
			}
		})
	}
	t.Run("no region", func(t *testing.T) {
		other := *u
		q := u.Query()
		q.Del("region")
		other.RawQuery = q.Encode()
		for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"} {
			t.Setenv(name, "")
		}
		t.Setenv("AWS_CONFIG_FILE", "/nowhere")
		if _, err := object.Open(context.Background(), other.String()); fault.CodeOf(err) != fault.Config || !strings.Contains(fmt.Sprint(err), "region") {
			t.Errorf("%v", err)
		}
	})
}
