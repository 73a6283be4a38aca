package manifest

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// lookBack is how many generations before the newest are searched for a document that nobody has asked for lately: a pull
// that began before the last publications still finds what its manifest names.
const lookBack = 4

// Content is the part or document of a hash, when any kept generation lists it in a table of the caller's present grant.
// Denied and absent are one answer (G12).
func (m *Manifests) Content(ctx context.Context, who sdk.Caller, hash string) (api.Content, error) {
	sum, err := decodeHash(hash)
	if err != nil {
		return api.Content{}, err
	}
	oldest, current, edition, err := m.where(ctx, 0)
	if err != nil {
		return api.Content{}, err
	}
	visible, digest, err := m.options.Access.Visible(ctx, who)
	if err != nil {
		return api.Content{}, err
	}
	if found, ok := m.index.find(sum, oldest, visible); ok {
		return m.part(sum, found), nil
	}
	taken, choice, err := m.taken(ctx, who) // its documents speak of these tables only
	if err != nil {
		return api.Content{}, err
	}
	for _, of := range []string{choice, digest} {
		if body, ok := m.shelved(of, sum, oldest); ok {
			return document(body), nil
		}
	}
	for _, extend := range []func(context.Context, int64, int64) error{m.index.forward, m.index.backward} { // the newest generation first: it is at hand
		if err := extend(ctx, oldest, current); err != nil {
			return api.Content{}, err
		}
		if found, ok := m.index.find(sum, oldest, visible); ok {
			return m.part(sum, found), nil
		}
	}
	for seq := current; seq >= max(oldest, current-lookBack); seq-- {
		v, err := m.view(ctx, viewKey{seq, choice, edition.Rev()}, edition, taken)
		if fault.CodeOf(err) == fault.StateExpired {
			break
		}
		if err != nil {
			return api.Content{}, err
		}
		if body, ok := v.Bodies[sum]; ok {
			return document(body), nil
		}
	}
	return api.Content{}, absent()
}

func absent() error {
	return fault.New(fault.NotFound, "there is no such part or document").WithHelp("Ask for the newest manifest: it lists what can be had.")
}

// decodeHash reads a hash in lower-case hex; anything else is as absent as an unknown one.
func decodeHash(hash string) (sum [32]byte, err error) {
	if !api.IsHash(hash) {
		return sum, absent()
	}
	if _, err := hex.Decode(sum[:], []byte(hash)); err != nil {
		return sum, absent()
	}
	return sum, nil
}

// shelved looks a document up in the views in memory of people with the same grant.
func (m *Manifests) shelved(digest string, sum [32]byte, oldest int64) (body []byte, found bool) {
	m.views.each(func(key viewKey, s *slot) bool {
		if key.digest != digest || key.seq < oldest || !s.ready.Load() {
			return true
		}
		body, found = s.view.Bodies[sum]
		return !found
	})
	return body, found
}

func document(body []byte) api.Content {
	return api.Content{Size: int64(len(body)), Open: func(context.Context) (io.ReadSeekCloser, error) {
		return closable{bytes.NewReader(body)}, nil
	}}
}

type closable struct{ *bytes.Reader }

// Close implements io.Closer.
func (closable) Close() error { return nil }

// part is a part that the index found. Bytes that are not there or not whole are an error, never a shorter answer (I9).
func (m *Manifests) part(sum [32]byte, at place) api.Content {
	return api.Content{Size: at.size, Table: string(at.table), Open: func(ctx context.Context) (io.ReadSeekCloser, error) {
		file, size, err := m.options.Lake.OpenPart(ctx, at.table, Part{SHA256: sum, Size: at.size})
		if err == nil && size != at.size {
			err = fault.Newf(fault.Data, "part %x of %s has %d bytes, published were %d", sum, at.table, size, at.size)
			return nil, errors.Join(err, file.Close())
		}
		if fault.CodeOf(err) != fault.NotFound {
			return file, err
		}
		m.lookAgain()
		oldest, _, again := m.Span(ctx)
		if again != nil {
			return nil, again
		}
		if at.until < oldest {
			return nil, absent() // it expired between question and answer
		}
		return nil, fault.Newf(fault.Data, "part %x of %s is published but cannot be found", sum, at.table).WithHelp(`Run "broker lake verify".`)
	}}
}
