// Package object keeps the finished files of a lake in a bucket of an object store that speaks S3.
//
// A file is one object, written by one conditional PUT: it is there whole or not at all, never written over, and its
// SHA-256 has been compared by the store or by reading it back before anybody names it (G3). Credentials are the
// machine's own (environment, shared files, role of the machine); they are in no URL, error or log. It knows nothing of
// tables. Only host/internal/lake and its sub-folders import it.
package object

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	iceio "github.com/apache/iceberg-go/io"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"

	"github.com/ai-data-analyst/broker/host/internal/lake/depot"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Store is the part of a bucket below a prefix.
type Store struct {
	bucket *blob.Bucket
	client *s3.Client // of bucket: gocloud's writer neither tells the checksum of what was stored nor reads a file twice
	at     address
}

var _ depot.Depot = (*Store)(nil)

// Open prepares the use of a bucket, from a URL such as s3://bucket/prefix?region=eu-central-1. It does not ask the
// store anything yet: Probe does.
func Open(ctx context.Context, lakeURL string) (*Store, error) {
	at, err := parse(lakeURL)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	for name, values := range at.params {
		query[name] = values
	}
	if query.Get("response_checksum_validation") == "" {
		query.Set("response_checksum_validation", "when_required") // what matters is hashed here; the SDK warns on stderr of each object that has no sum
	}
	opener := s3blob.URLOpener{}
	bucket, err := opener.OpenBucketURL(ctx, &url.URL{Scheme: "s3", Host: at.bucket, RawQuery: query.Encode()})
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "lake.url")
	}
	s := &Store{bucket: bucket, at: at}
	if !bucket.As(&s.client) {
		return nil, errors.Join(fault.New(fault.Bug, "the S3 library shows no client"), bucket.Close())
	}
	if s.client.Options().Region == "" {
		return nil, errors.Join(fault.New(fault.Config, "lake.url: the region of the bucket is not known").
			WithHelp("Add ?region=… to lake.url, or set AWS_REGION; servers of your own usually take us-east-1."), bucket.Close())
	}
	return s, nil
}

// Close ends use of the store.
func (s *Store) Close() error { return s.bucket.Close() }

// Probe asks whether the bucket can be reached and listed.
func (s *Store) Probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience(0))
	defer cancel()
	_, _, err := s.bucket.ListPage(ctx, blob.FirstPageToken, 1, &blob.ListOptions{Prefix: s.at.prefix})
	return s.explain(err, "list", "")
}

// patience is how long one request may take: a minute, and longer for large files on slow lines (256 KiB/s).
func patience(size int64) time.Duration {
	return time.Minute + time.Duration(size>>18)*time.Second
}

// URL returns the location of a path, as other engines read it.
func (s *Store) URL(below string) string {
	return strings.TrimRight("s3://"+s.at.bucket+"/"+s.key(below), "/")
}

func (s *Store) key(below string) string {
	return s.at.prefix + strings.Trim(path.Clean("/"+below), "/")
}

// Path returns the path of a location below the prefix.
func (s *Store) Path(location string) (string, error) {
	below, ok := strings.CutPrefix(location, "s3://"+s.at.bucket+"/"+s.at.prefix)
	if !ok || below == "" || strings.Trim(path.Clean("/"+below), "/") != below {
		return "", fmt.Errorf("location %.200q is outside the lake %s", location, s.URL(""))
	}
	return below, nil
}

// Near is false: each place that is read is a request.
func (s *Store) Near() bool { return false }

// List returns the names right below a folder.
func (s *Store) List(dir string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*patience(0))
	defer cancel()
	prefix := s.at.prefix
	if dir != "" {
		prefix = s.key(dir) + "/"
	}
	var names []string
	objects := s.bucket.List(&blob.ListOptions{Prefix: prefix, Delimiter: "/"})
	for {
		o, err := objects.Next(ctx)
		if errors.Is(err, io.EOF) {
			slices.Sort(names)
			return slices.Compact(names), nil
		}
		if err != nil {
			return nil, s.explain(err, "list", dir)
		}
		if name := strings.TrimSuffix(strings.TrimPrefix(o.Key, prefix), "/"); name != "" { // "": some tools make an object for a folder
			names = append(names, name)
		}
	}
}

// Unfinished returns nothing: an object is whole or not there.
func (s *Store) Unfinished(string) ([]string, error) { return nil, nil }

// Stat describes an object.
func (s *Store) Stat(location string) (fs.FileInfo, error) {
	below, err := s.Path(location)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience(0))
	defer cancel()
	a, err := s.bucket.Attributes(ctx, s.key(below))
	if err != nil {
		return nil, s.explain(err, "look at", below)
	}
	return info{name: path.Base(below), size: a.Size, at: a.ModTime}, nil
}

// ReadFile reads a whole object.
func (s *Store) ReadFile(location string) ([]byte, error) {
	below, err := s.Path(location)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*patience(0))
	defer cancel()
	r := &reader{ctx: ctx, store: s, below: below, size: -1}
	content, err := io.ReadAll(r)
	return content, errors.Join(err, r.Close())
}

// Open reads a whole object; it is for manifests and their like. Parts are opened by OpenPart.
func (s *Store) Open(location string) (iceio.File, error) {
	content, err := s.ReadFile(location)
	if err != nil {
		return nil, err
	}
	return file{bytes.NewReader(content), info{name: path.Base(location), size: int64(len(content))}}, nil
}

// Remove removes an object.
func (s *Store) Remove(location string) error {
	below, err := s.Path(location)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience(0))
	defer cancel()
	return s.explain(s.bucket.Delete(ctx, s.key(below)), "remove", below)
}

// SignedURL returns a URL by which a path can be read without credentials until ttl is over. It is a secret.
func (s *Store) SignedURL(ctx context.Context, below string, ttl time.Duration) (string, error) {
	signed, err := s.bucket.SignedURL(ctx, s.key(below), &blob.SignedURLOptions{Expiry: ttl})
	return signed, s.explain(err, "sign a URL of", below)
}

// encryption returns how the store is asked to encrypt, from lake.url; "" = as the bucket does by itself.
func (s *Store) encryption() (types.ServerSideEncryption, *string) {
	for _, known := range types.ServerSideEncryptionAes256.Values() {
		if strings.EqualFold(string(known), s.at.params.Get("ssetype")) {
			if id := s.at.params.Get("kmskeyid"); id != "" {
				return known, &id
			}
			return known, nil
		}
	}
	return "", nil
}

// info describes an object as a file.
type info struct {
	name string
	size int64
	at   time.Time
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return 0o444 }
func (i info) ModTime() time.Time { return i.at }
func (i info) IsDir() bool        { return false }
func (i info) Sys() any           { return nil }

// file is an object in memory.
type file struct {
	*bytes.Reader
	info info
}

func (f file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f file) Close() error               { return nil }
