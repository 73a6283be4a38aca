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
	"log"
	"net"
	"net/http"
	"net/http/httputil"
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

// between puts a proxy between the store and the server.
func between(t *testing.T, u *url.URL, answer func(w http.ResponseWriter, r *http.Request, server http.Handler)) *url.URL {
	t.Helper()
	target, err := url.Parse(u.Query().Get("endpoint"))
	must(t, err)
	server := &httputil.ReverseProxy{ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	proxy := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r, server) })}
	go proxy.Serve(listener)
	t.Cleanup(func() { proxy.Close() })
	through := *u
	query := u.Query()
	query.Set("endpoint", "http://"+listener.Addr().String())
	through.RawQuery = query.Encode()
	return &through
}

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
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

// A store that says nothing of checksums is read back: what it keeps wrong is not published.
func TestReadBack(t *testing.T) {
	ctx := context.Background()
	content := random(t, 100_000)
	for name, c := range map[string]struct {
		get  func(w http.ResponseWriter, r *http.Request, server http.Handler)
		good bool
	}{
		"right": {func(w http.ResponseWriter, r *http.Request, server http.Handler) { server.ServeHTTP(w, r) }, true},
		"other bytes": {func(w http.ResponseWriter, r *http.Request, server http.Handler) {
			server.ServeHTTP(&bent{ResponseWriter: w}, r)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			reads := atomic.Int32{}
			s := open(t, between(t, serverURL(t), func(w http.ResponseWriter, r *http.Request, server http.Handler) {
				switch r.Method {
				case http.MethodPut:
					server.ServeHTTP(&silent{w}, r)
				case http.MethodGet:
					reads.Add(1)
					c.get(w, r, server)
				default:
					server.ServeHTTP(w, r)
				}
			}))
			err := s.Place(ctx, local(t, content), "part")
			if (err == nil) != c.good || reads.Load() == 0 {
				t.Errorf("%v after %d reads", err, reads.Load())
			}
		})
	}
}

// silent leaves checksums out of an answer.
type silent struct{ http.ResponseWriter }

func (s *silent) WriteHeader(code int) {
	for name := range s.Header() {
		if strings.HasPrefix(strings.ToLower(name), "x-amz-checksum") {
			s.Header().Del(name)
		}
	}
	s.ResponseWriter.WriteHeader(code)
}

// bent changes the first byte of every write.
type bent struct{ http.ResponseWriter }

func (b *bent) Write(p []byte) (int, error) {
	p = bytes.Clone(p)
	if len(p) > 0 {
		p[0] ^= 1
	}
	return b.ResponseWriter.Write(p)
}

// Reading goes on where the line broke; a line that always breaks is an error, never a short file.
func TestReadGoesOn(t *testing.T) {
	ctx := context.Background()
	u := serverURL(t)
	content := random(t, 1<<20)
	must(t, open(t, u).Place(ctx, local(t, content), "part"))
	for name, breaks := range map[string]int32{"thrice": 3, "always": 1 << 30} {
		t.Run(name, func(t *testing.T) {
			left := atomic.Int32{}
			left.Store(breaks)
			s := open(t, between(t, u, func(w http.ResponseWriter, r *http.Request, server http.Handler) {
				if r.Method == http.MethodGet && left.Add(-1) >= 0 {
					server.ServeHTTP(&cut{w, 100_000}, r)
					return
				}
				server.ServeHTTP(w, r)
			}))
			r, size, err := s.OpenPart(ctx, "part")
			must(t, err)
			defer r.Close()
			got, err := io.ReadAll(r)
			if breaks > 100 {
				got = got[:0]
				left.Store(1 << 30)
				n, atErr := r.ReadAt(make([]byte, 500_000), 10)
				if atErr == nil {
					t.Errorf("ReadAt of a line that always breaks: %d bytes and no error", n)
				}
				_, err = io.Copy(io.Discard, struct{ io.Reader }{stuck(t, u)})
				if err == nil {
					t.Error("an object whose line gives nothing was read")
				}
				return
			}
			if err != nil || int64(len(got)) != size || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			at := make([]byte, 1000)
			if n, err := r.ReadAt(at, 5000); n != 1000 || err != nil || !bytes.Equal(at, content[5000:6000]) {
				t.Errorf("ReadAt: %d, %v", n, err)
			}
			if n, err := r.ReadAt(at, size-10); n != 10 || !errors.Is(err, io.EOF) || !bytes.Equal(at[:10], content[size-10:]) {
				t.Errorf("ReadAt over the end: %d, %v", n, err)
			}
		})
	}
}

// stuck opens the part over a line on which no byte of it arrives.
func stuck(t *testing.T, u *url.URL) io.Reader {
	t.Helper()
	s := open(t, between(t, u, func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if r.Method == http.MethodGet {
			server.ServeHTTP(&cut{w, 0}, r)
			return
		}
		server.ServeHTTP(w, r)
	}))
	r, _, err := s.OpenPart(context.Background(), "part")
	must(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

// cut breaks the line after so many bytes.
type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(p []byte) (int, error) {
	if len(p) > c.left {
		p = p[:c.left]
	}
	c.left -= len(p)
	n, err := c.ResponseWriter.Write(p)
	if c.left == 0 {
		if f, ok := c.ResponseWriter.(http.Flusher); ok {
			f.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	return n, err
}

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
