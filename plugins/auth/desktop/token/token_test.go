package token_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/ai-data-analyst/broker/plugins/auth/desktop/token"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/auth/authtest"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

const (
	key      = "kX9v-7Qp2-kX9v-7Qp2-kX9v-7Qp2-kX9v-7Qp2"
	settings = `{"signing_key": "` + key + `"}`
)

func TestContract(t *testing.T) {
	authtest.Test(t, authtest.Subject{
		New: func(context.Context) (auth.Provider, func() error, error) {
			p, err := token.Plugin(nil).Build()
			return p, nil, err
		},
		Settings: []byte(settings),
		Bad: []authtest.Bad{{Settings: []byte(`{"signing_key": "short"}`), Path: "signing_key"},
			{Settings: []byte(`{"signing_key": "` + key + `", "scheme": "javascript"}`), Path: "scheme"},
			{Settings: []byte(`{"signing_key": "` + key + `", "scheme": "a b"}`), Path: "scheme"}},
	})
}

// mint is an open session, with the host it asks and the clock it reads.
type mint struct {
	t       *testing.T
	session auth.Session
	host    *authtest.Host
	now     time.Time
}

func newMint(t *testing.T) *mint {
	t.Helper()
	m := &mint{t: t, now: time.Now().Truncate(time.Second)}
	m.host = &authtest.Host{Now: func() time.Time { return m.now }}
	p, err := token.Plugin(m.host.Now).Build()
	if err != nil {
		t.Fatal(err)
	}
	if m.session, err = p.Open(t.Context(), auth.Open{Settings: []byte(settings), WorkDir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *mint) put(key string, grant auth.Grant) {
	m.t.Helper()
	text, err := json.Marshal(grant)
	if err == nil {
		err = m.host.Put(m.t.Context(), key, text, 0)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *mint) refresh(text sdk.Secret) (auth.Tokens, error) {
	return m.session.Ability(auth.AbilityRefresh).(auth.Refresher).Refresh(m.t.Context(), m.host, text)
}

func (m *mint) verify(text sdk.Secret) (auth.Identity, error) {
	return m.session.Ability(auth.AbilityVerify).(auth.Verifier).VerifyToken(m.t.Context(), m.host, text)
}

// letIn lets a program of Ann in, as the host does.
func (m *mint) letIn() auth.Tokens {
	m.t.Helper()
	grant := auth.Grant{ID: "g1", Subject: "ann", Email: "ann@acme.com", Expires: m.now.Add(90 * 24 * time.Hour)}
	m.put(auth.GrantKey("g1"), grant)
	m.put(auth.CodeKey("once"), grant)
	tokens, err := m.refresh("once")
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := m.refresh("once"); fault.CodeOf(err) != fault.Auth {
		m.t.Errorf("a code twice: %v", err)
	}
	return tokens
}

func TestTokensOfAProgram(t *testing.T) {
	m := newMint(t)
	first := m.letIn()
	if who, err := m.verify(first.Access); err != nil || who.Subject != "ann" || who.Email != "ann@acme.com" || !who.EmailVerified || first.Life != token.AccessLife {
		t.Fatalf("%+v %v", who, err)
	}
	m.now = m.now.Add(token.AccessLife + time.Minute)
	if _, err := m.verify(first.Access); fault.CodeOf(err) != fault.Auth {
		t.Errorf("after its life: %v", err)
	}
	second, err := m.refresh(first.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.verify(second.Access); err != nil {
		t.Error(err)
	}
	// Neither is the other.
	if _, err := m.verify(second.Refresh); fault.CodeOf(err) != fault.Auth {
		t.Errorf("a refresh token as access: %v", err)
	}
	if _, err := m.refresh(second.Access); fault.CodeOf(err) != fault.Auth {
		t.Errorf("an access token as refresh: %v", err)
	}
}

func TestL14_AReplayEndsTheFamily(t *testing.T) {
	m := newMint(t)
	first := m.letIn()
	second, err := m.refresh(first.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.refresh(first.Refresh); fault.CodeOf(err) != fault.Auth {
		t.Errorf("a replay: %v", err)
	}
	if _, err := m.verify(second.Access); fault.CodeOf(err) != fault.Auth {
		t.Errorf("the access token of a replayed family: %v", err)
	}
	if _, err := m.refresh(second.Refresh); fault.CodeOf(err) != fault.Auth {
		t.Errorf("the newest refresh token of a replayed family: %v", err)
	}
}

func TestL14_ForgedTokens(t *testing.T) {
	m := newMint(t)
	genuine := m.letIn().Access.Reveal()
	var claims jwt.MapClaims
	parsed, _, err := jwt.NewParser().ParseUnverified(genuine, &claims)
	if err != nil {
		t.Fatal(err)
	}
	claims = *parsed.Claims.(*jwt.MapClaims)
	pair, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(method jwt.SigningMethod, with any, header map[string]any, changed jwt.MapClaims) sdk.Secret {
		t.Helper()
		said := jwt.MapClaims{}
		for name, value := range claims {
			said[name] = value
		}
		for name, value := range changed {
			if said[name] = value; value == nil {
				delete(said, name)
			}
		}
		made := jwt.NewWithClaims(method, said)
		made.Header["kid"], made.Header["typ"] = parsed.Header["kid"], parsed.Header["typ"]
		for name, value := range header {
			made.Header[name] = value
		}
		text, err := made.SignedString(with)
		if err != nil {
			t.Fatal(err)
		}
		return sdk.Secret(text)
	}
	hs := jwt.SigningMethodHS256
	if _, err := m.verify(sign(hs, []byte(key), nil, nil)); err != nil {
		t.Fatalf("the way these are made is wrong: %v", err)
	}
	parts := strings.Split(genuine, ".")
	m.put(auth.GrantKey("g2"), auth.Grant{ID: "g2", Subject: "bob", Email: "bob@acme.com"})
	for name, text := range map[string]sdk.Secret{
		"alg none":               sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, nil),
		"alg none, its own text": sdk.Secret(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt","kid":"`+parsed.Header["kid"].(string)+`"}`)) + "." + parts[1] + "."),
		"RS256":                  sign(jwt.SigningMethodRS256, pair, nil, nil),
		"HS384":                  sign(jwt.SigningMethodHS384, []byte(key), nil, nil),
		"alg said, HS512 done":   sign(jwt.SigningMethodHS512, []byte(key), map[string]any{"alg": "HS256"}, nil),
		"another key":            sign(hs, []byte(strings.Repeat("x", 40)), nil, nil),
		"other kid":              sign(hs, []byte(key), map[string]any{"kid": "other"}, nil),
		"kid a path":             sign(hs, []byte(key), map[string]any{"kid": "../../dev/null"}, nil),
		"no kid":                 sign(hs, []byte(key), map[string]any{"kid": nil}, nil),
		"a key of its own":       sign(hs, []byte("mine"), map[string]any{"jwk": map[string]string{"kty": "oct", "k": "bWluZQ"}}, nil),
		"no typ":                 sign(hs, []byte(key), map[string]any{"typ": "JWT"}, nil),
		"no exp":                 sign(hs, []byte(key), nil, jwt.MapClaims{"exp": nil}),
		"exp 2100":               sign(hs, []byte(key), nil, jwt.MapClaims{"exp": 4102444800}),
		"exp a text":             sign(hs, []byte(key), nil, jwt.MapClaims{"exp": "never"}),
		"of tomorrow":            sign(hs, []byte(key), nil, jwt.MapClaims{"iat": m.now.Add(24 * time.Hour).Unix()}),
		"another issuer":         sign(hs, []byte(key), nil, jwt.MapClaims{"iss": "https://accounts.google.com"}),
		"another person":         sign(hs, []byte(key), nil, jwt.MapClaims{"sub": "bob"}),
		"another's grant":        sign(hs, []byte(key), nil, jwt.MapClaims{"sid": "g2"}),
		"no grant":               sign(hs, []byte(key), nil, jwt.MapClaims{"sid": nil}),
		"a revoked one":          sign(hs, []byte(key), nil, jwt.MapClaims{"sid": "gone"}),
		"no id":                  sign(hs, []byte(key), nil, jwt.MapClaims{"jti": nil}),
		"cut":                    sdk.Secret(genuine[:len(genuine)-4]),
		"payload changed":        sdk.Secret(parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"ann"}`)) + "." + parts[2]),
	} {
		if who, err := m.verify(text); fault.CodeOf(err) != fault.Auth {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
}
