package object

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	iceio "github.com/apache/iceberg-go/io"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ai-data-analyst/broker/host/internal/lake/depot"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// conflicts is how often a PUT is tried that met another one of the same name under way.
const conflicts = 5

// errDiffers says that an object has other bytes than those that were to be written.
var errDiffers = errors.New("the object has other bytes than were written")

// WriteFile writes an object that nobody has written before. Where it is there with the same bytes, which is what a lost
// answer leaves, nothing is left to do; other bytes are an error.
func (s *Store) WriteFile(location string, content []byte) error {
	below, err := s.Path(location)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	return s.put(context.Background(), below, bytes.NewReader(content), int64(len(content)), sum[:], true)
}

// Create begins an object that its Close writes, whole.
func (s *Store) Create(location string) (iceio.FileWriter, error) {
	if _, err := s.Path(location); err != nil {
		return nil, err
	}
	return &writer{store: s, location: location}, nil
}

// writer gathers an object in memory: manifests are small.
type writer struct {
	bytes.Buffer
	store    *Store
	location string
	done     bool
	err      error
}

func (w *writer) Close() error {
	if !w.done {
		w.done, w.err = true, w.store.WriteFile(w.location, w.Bytes())
	}
	return w.err
}

// Place uploads a finished file and removes it from the disk. An object of that name with other bytes is damaged, for the
// name is the hash of the right ones: it is written anew.
func (s *Store) Place(ctx context.Context, local depot.Local, below string) error {
	sum, err := hex.DecodeString(local.SHA256)
	if err != nil || len(sum) != sha256.Size {
		return fmt.Errorf("upload %s: %q is no SHA-256", below, local.SHA256)
	}
	f, err := os.Open(local.Name)
	if err != nil {
		return fmt.Errorf("upload %s: %w", below, err)
	}
	err = s.put(ctx, below, f, local.Size, sum, true)
	if errors.Is(err, errDiffers) {
		err = s.put(ctx, below, f, local.Size, sum, false)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Remove(local.Name); err != nil {
		return fmt.Errorf("remove what was uploaded: %w", err)
	}
	return nil
}

// put writes an object and makes sure that what is stored has the size and the SHA-256. absent asks that there be no such
// object. The SDK repeats a request whose answer was lost (three in all); the second then finds the object there, or cannot
// say so because the server hangs up on a body that it does not want.
func (s *Store) put(ctx context.Context, below string, body io.ReadSeeker, size int64, sum []byte, absent bool) error {
	ctx, cancel := context.WithTimeout(ctx, 3*patience(size))
	defer cancel()
	in := &s3.PutObjectInput{Bucket: &s.at.bucket, Key: aws.String(s.key(below)), Body: body, ContentLength: &size,
		ContentType: aws.String("application/octet-stream"), ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum))}
	in.ServerSideEncryption, in.SSEKMSKeyId = s.encryption()
	if absent {
		in.IfNoneMatch = aws.String("*")
	}
	for attempt := 1; ; attempt++ {
		if _, err := body.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("upload %s: %w", below, err)
		}
		out, err := s.client.PutObject(ctx, in)
		code, _ := s.answer(err)
		switch {
		case err == nil && aws.ToString(out.ChecksumSHA256) == *in.ChecksumSHA256:
			return nil // the store itself has hashed what it keeps
		case err == nil, code == "PreconditionFailed":
			return s.compare(ctx, below, size, sum)
		case code == "ConditionalRequestConflict" && attempt < conflicts:
			continue
		case s.again(ctx, err) && s.compare(ctx, below, size, sum) == nil:
			return nil // it was stored: only the answers were lost
		}
		return s.explain(err, "upload", below)
	}
}

// compare reads an object back.
func (s *Store) compare(ctx context.Context, below string, size int64, sum []byte) error {
	r, has, err := s.OpenPart(ctx, below)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	defer r.Close()
	hash := sha256.New()
	if has == size {
		if _, err := io.Copy(hash, r); err != nil {
			return fmt.Errorf("read %s back: %w", below, err)
		}
	}
	if has != size || !bytes.Equal(hash.Sum(nil), sum) {
		return (&fault.Fault{Code: fault.Data, What: fmt.Sprintf("the object store keeps %s with %d bytes that are not the %d written", below, has, size), Err: errDiffers}).
			WithHelp(`Nothing was published. Run "broker lake verify --full", and see that nothing else writes below lake.url.`)
	}
	return nil
}
