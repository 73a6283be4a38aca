package manifest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/manifest/filing"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// What stays in memory.
const (
	signedBytes = 128 << 20 // of finished manifests
	viewBytes   = 128 << 20 // of views and documents
	spanAge     = time.Minute
)

// Manifests answers what a caller may have of the lake. Safe for concurrent use. A question that was asked before, of an
// unchanged lake, is answered from memory.
type Manifests struct {
	options Options
	archive *archive
	index   *index
	views   *lru[viewKey, *slot]
	signed  *lru[signedKey, api.Signed]
	cabinet filing.Cabinet

	looking sync.Mutex // one question for the oldest generation at a time
	mu      sync.Mutex
	oldest  int64
	looked  time.Time // when oldest was asked for; zero = ask again
}

// slot is a place for a view that one caller makes while others wait for it.
type slot struct {
	visible func(sdk.TableName) bool // of the digest

	once  sync.Once
	ready atomic.Bool // view is there
	view  *view
	err   error
}

// signedKey is everything that a finished manifest depends on.
type signedKey struct {
	viewKey
	user, name, key string
	oldest          int64
}

// New returns the manifests of an instance.
func New(o Options) *Manifests {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	omit := func(name sdk.TableName, err error) {
		o.Log.Warn("a table is in no manifest; rename it", "table", name, "reason", err)
	}
	m := &Manifests{options: o, archive: newArchive(o.Lake, o.Instance, omit), views: newLRU[viewKey, *slot](viewBytes), signed: newLRU[signedKey, api.Signed](signedBytes)}
	m.index = newIndex(o.Lake, m.archive)
	return m
}

// Instance names the broker.
func (m *Manifests) Instance() api.Instance {
	return api.Instance{ID: m.options.Instance, Name: m.options.Name()}
}

// Keys are the public keys, the newest first.
func (m *Manifests) Keys(context.Context) (api.Keys, error) { return m.options.Keys.List() }

// Certify says that a key signs the caller's receipts. fault.Config for a text that is no key.
func (m *Manifests) Certify(_ context.Context, who sdk.Caller, publicKey string) (api.Certificate, error) {
	return m.options.Keys.Certify(api.Certificate{Instance: m.options.Instance, User: who.User.ID, Email: who.User.Email, PublicKey: publicKey,
		IssuedAt: m.options.Now().UTC().Format(time.RFC3339)})
}

// Span is the oldest generation that can be had, and the current one; 0 and 0 while nothing was published.
func (m *Manifests) Span(ctx context.Context) (oldest, current int64, err error) {
	current, err = m.options.Lake.Newest(ctx)
	if err != nil || current == 0 {
		return 0, current, err
	}
	if oldest, fresh, _ := m.lastOldest(); fresh {
		return min(oldest, current), current, nil
	}
	if !m.looking.TryLock() { // somebody asks already: what was true a minute ago will do, unless it was found wrong
		if oldest, _, usable := m.lastOldest(); usable {
			return min(oldest, current), current, nil
		}
		m.looking.Lock()
	}
	defer m.looking.Unlock()
	if oldest, fresh, _ := m.lastOldest(); fresh {
		return min(oldest, current), current, nil
	}
	now := m.options.Now()
	found, err := m.options.Lake.Oldest(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("find the oldest generation: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.oldest, m.looked = max(found, 1), now
	return min(m.oldest, current), current, nil
}

// lastOldest is what was last found: fresh when that was less than a minute ago, usable unless it was found wrong since.
func (m *Manifests) lastOldest() (oldest int64, fresh, usable bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	usable = m.oldest > 0 && !m.looked.IsZero()
	return m.oldest, usable && m.options.Now().Sub(m.looked).Abs() < spanAge, usable
}

// lookAgain makes Span ask the lake: a generation that should be there is not.
func (m *Manifests) lookAgain() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looked = time.Time{}
}

// Document is the caller's manifest of a generation, 0 = the current one, of what the caller takes: fault.NotFound beyond
// it, fault.StateExpired for one that is gone.
func (m *Manifests) Document(ctx context.Context, who sdk.Caller, generation int64) (api.Signed, error) {
	return m.document(ctx, who, generation, m.taken)
}

// Granted is Document of all that the caller may read.
func (m *Manifests) Granted(ctx context.Context, who sdk.Caller, generation int64) (api.Signed, error) {
	return m.document(ctx, who, generation, m.options.Access.Visible)
}

func (m *Manifests) document(ctx context.Context, who sdk.Caller, generation int64, narrow func(context.Context, sdk.Caller) (func(sdk.TableName) bool, string, error)) (api.Signed, error) {
	oldest, seq, edition, err := m.where(ctx, generation)
	if err != nil {
		return api.Signed{}, err
	}
	visible, digest, err := narrow(ctx, who)
	if err != nil {
		return api.Signed{}, err
	}
	private, id, err := m.options.Keys.Signer()
	if err != nil {
		return api.Signed{}, err
	}
	key := signedKey{viewKey{seq, digest, edition.Rev()}, who.User.ID, m.options.Name(), id, oldest}
	if s, ok := m.signed.find(key); ok {
		return s, nil
	}
	v, err := m.view(ctx, key.viewKey, edition, visible)
	if err != nil {
		return api.Signed{}, err
	}
	prev, err := m.prev(ctx, seq, oldest)
	if err != nil {
		return api.Signed{}, err
	}
	body, err := v.body(api.Manifest{Instance: m.Instance(), User: who.User.ID, Oldest: oldest, Prev: prev, PartHosts: []string{}})
	if err != nil {
		return api.Signed{}, err
	}
	signature := api.Sign(private, body)
	tag := sha256.Sum256([]byte(signature)) // of key and body: another key is another answer, though the body is the same
	return m.signed.put(key, api.Signed{Body: body, Signature: signature, ETag: `"` + hex.EncodeToString(tag[:16]) + `"`, Generation: seq}, len(body)+500), nil
}

// taken is what comes to the caller's machines: what they may read and want.
func (m *Manifests) taken(ctx context.Context, who sdk.Caller) (func(sdk.TableName) bool, string, error) {
	visible, digest, err := m.options.Access.Visible(ctx, who)
	if err != nil || m.options.Choices == nil {
		return visible, digest, err
	}
	wanted, choice, err := m.options.Choices.Wanted(ctx, who)
	if err != nil || choice == "" {
		return visible, digest, err
	}
	return func(name sdk.TableName) bool { return visible(name) && wanted(name) }, digest + "+" + choice, nil
}

// where turns the number that a caller gave into one that can be had, with the edition that holds.
func (m *Manifests) where(ctx context.Context, generation int64) (oldest, seq int64, edition Edition, err error) {
	oldest, current, err := m.Span(ctx)
	switch {
	case err != nil:
		return 0, 0, nil, err
	case generation < 0 || generation > current:
		return 0, 0, nil, fault.Newf(fault.NotFound, "there is no generation %d; the newest is %d", generation, current)
	case generation == 0:
		generation = current
	case generation < oldest:
		return 0, 0, nil, expired(generation, oldest, current)
	}
	if edition, err = m.options.Library.Edition(ctx, current); err != nil {
		return 0, 0, nil, err
	}
	return oldest, generation, edition, nil
}

func expired(generation, oldest, current int64) error {
	return fault.Newf(fault.StateExpired, "generation %d has expired; %d to %d can be had", generation, oldest, current).
		WithHelp("Ask for the newest generation.")
}

// prev is the root of the generation before; nil when none is kept.
func (m *Manifests) prev(ctx context.Context, seq, oldest int64) (*string, error) {
	if seq-1 < oldest || oldest == 0 {
		return nil, nil
	}
	g, err := m.generation(ctx, seq-1)
	if fault.CodeOf(err) == fault.StateExpired {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &g.root, nil
}

// generation reads a generation that existed.
func (m *Manifests) generation(ctx context.Context, seq int64) (*generation, error) {
	g, err := m.archive.at(ctx, seq)
	if fault.CodeOf(err) != fault.NotFound {
		return g, err
	}
	m.lookAgain()
	oldest, current, again := m.Span(ctx)
	if again != nil {
		return nil, again
	}
	if seq == current { // the newest never expires
		return nil, fault.Wrap(fault.Data, err, "read the newest generation")
	}
	return nil, expired(seq, oldest, current)
}

// view returns what everybody with a digest may have; visible is of that digest.
func (m *Manifests) view(ctx context.Context, key viewKey, edition Edition, visible func(sdk.TableName) bool) (*view, error) {
	s, ok := m.views.find(key)
	if !ok {
		s = m.views.put(key, &slot{visible: visible}, 1)
	}
	s.once.Do(func() {
		made := context.WithoutCancel(ctx) // others wait for it too
		g, err := m.generation(made, key.seq)
		if err == nil {
			s.view, err = newView(g, edition, visible, &m.cabinet)
		}
		s.err = err
		m.views.drop(key)
		if err == nil {
			for _, path := range s.view.Omitted {
				m.options.Log.Warn("a document is in no manifest; rename what it is about", "path", path)
			}
			s.ready.Store(true)
			m.views.put(key, s, s.view.weight())
		}
	})
	return s.view, s.err
}

// warmed is for how many different grants views are made before they are asked for.
const warmed = 64

// Warm makes the views of the newest generation for those grants that were asked for lately, so that who is told of a
// publication finds them made.
func (m *Manifests) Warm(ctx context.Context) error {
	_, seq, edition, err := m.where(ctx, 0)
	if err != nil || seq == 0 {
		return err
	}
	grants := map[string]func(sdk.TableName) bool{}
	m.views.each(func(key viewKey, s *slot) bool {
		grants[key.digest] = s.visible
		return len(grants) < warmed
	})
	for digest, visible := range grants {
		if _, err := m.view(ctx, viewKey{seq, digest, edition.Rev()}, edition, visible); err != nil {
			return fmt.Errorf("prepare the manifests of generation %d: %w", seq, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}
