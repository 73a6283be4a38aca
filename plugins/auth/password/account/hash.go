package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// cost is what a hash costs. The values are of the OWASP Password Storage Cheat Sheet for Argon2id.
type cost struct {
	Memory, Time uint32 // KiB, passes
	Threads      uint8
}

// today is what a new hash costs.
func today() cost { return cost{Memory: 19 << 10, Time: 2, Threads: 1} }

const (
	saltBytes = 16
	hashBytes = 32
)

// maxMemory bounds what a kept hash may ask for, in KiB.
const maxMemory = 256 << 10

// digest hashes a password in Unicode's form NFC: two keyboards may write one letter as different characters (NIST SP
// 800-63B §3.1.1.2).
func (c cost) digest(password string, salt []byte) []byte {
	return argon2.IDKey(norm.NFC.Bytes([]byte(password)), salt, c.Time, c.Memory, c.Threads, hashBytes)
}

// newHash is a new hash of a password, as a PHC string: $argon2id$v=19$m=KiB,t=passes,p=threads$salt$hash.
func newHash(password string) (string, error) {
	salt, c := make([]byte, saltBytes), today()
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("make a salt: %w", err)
	}
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Time, c.Threads,
		b64.EncodeToString(salt), b64.EncodeToString(c.digest(password, salt))), nil
}

// phcGrammar is of https://github.com/P-H-C/phc-string-format, for the one version of Argon2id that is in use.
var phcGrammar = regexp.MustCompile(`^\$argon2id\$v=19\$m=([0-9]{1,9}),t=([0-9]{1,4}),p=([0-9]{1,2})\$([A-Za-z0-9+/]{11,64})\$([A-Za-z0-9+/]{43})$`)

// parse reads a PHC string of Argon2id; false for anything else, and for costs that nobody set.
func parse(phc string) (c cost, salt, hash []byte, ok bool) {
	found := phcGrammar.FindStringSubmatch(phc)
	if found == nil {
		return c, nil, nil, false
	}
	if _, err := fmt.Sscan(found[1]+" "+found[2]+" "+found[3], &c.Memory, &c.Time, &c.Threads); err != nil {
		return c, nil, nil, false
	}
	salt, err := base64.RawStdEncoding.DecodeString(found[4])
	if err != nil {
		return c, nil, nil, false
	}
	hash, err = base64.RawStdEncoding.DecodeString(found[5])
	ok = err == nil && len(hash) == hashBytes && c.Memory > 0 && c.Memory <= maxMemory && c.Time > 0 && c.Time <= 20 && c.Threads > 0
	return c, salt, hash, ok
}

// matches says whether a password is the one of a hash.
func matches(phc, password string) bool {
	c, salt, hash, ok := parse(phc)
	return ok && subtle.ConstantTimeCompare(c.digest(password, salt), hash) == 1
}

// current says whether a hash costs what hashes cost today.
func current(phc string) bool {
	c, _, _, ok := parse(phc)
	return ok && c == today()
}

func readKept(text []byte) (kept, error) {
	var k kept
	err := json.Unmarshal(text, &k)
	return k, fault.Wrap(fault.Data, err, "read an account")
}

func (k kept) write() ([]byte, error) { return json.Marshal(k) }

const (
	hashAtOnce  = 2  // hashes at a time: they take a processor and 19 MiB each (L12)
	hashWaiting = 20 // that wait for one
)

// pool hashes a few at a time and lets a few wait.
type pool struct{ in, seats chan struct{} }

func newPool() *pool {
	return &pool{in: make(chan struct{}, hashAtOnce+hashWaiting), seats: make(chan struct{}, hashAtOnce)}
}

// do calls hash; fault.RateLimited when too many wait already.
func (p *pool) do(ctx context.Context, hash func()) error {
	select {
	case p.in <- struct{}{}:
		defer func() { <-p.in }()
	default:
		return &fault.Fault{Code: fault.RateLimited, What: "too many people sign in at this moment", Help: "Try again in a few seconds.", RetryAfter: 3 * time.Second}
	}
	select {
	case p.seats <- struct{}{}:
		defer func() { <-p.seats }()
	case <-ctx.Done():
		return fault.Wrap(fault.Cancelled, ctx.Err(), "wait for a hash")
	}
	hash()
	return nil
}
