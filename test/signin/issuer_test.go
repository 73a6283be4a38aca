package signin_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// issuer is an OpenID Connect issuer on this machine; subject and email are of whoever signs in next.
type issuer struct {
	*httptest.Server
	key *rsa.PrivateKey

	mu             sync.Mutex
	subject, email string
	nonces         map[string]string // by code
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key, nonces: map[string]string{}}
	mux := http.NewServeMux()
	say := func(path string, what func(r *http.Request) any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(what(r))
		})
	}
	say("/.well-known/openid-configuration", func(*http.Request) any {
		return map[string]any{"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"}}
	})
	say("/keys", func(*http.Request) any {
		return map[string]any{"keys": []map[string]string{{"kty": "RSA", "alg": "RS256", "kid": "1", "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes())}}}
	})
	say("/token", i.token)
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

// authorize is what the person does at the issuer; it returns where the issuer sends the browser.
func (i *issuer) authorize(t *testing.T, address, subject, email string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Path != "/authorize" {
		t.Fatalf("sent to %q", address)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	code := rand.Text()
	i.subject, i.email, i.nonces[code] = subject, email, u.Query().Get("nonce")
	return u.Query().Get("redirect_uri") + "?" + url.Values{"state": {u.Query().Get("state")}, "code": {code}}.Encode()
}

func (i *issuer) token(r *http.Request) any {
	i.mu.Lock()
	defer i.mu.Unlock()
	nonce := i.nonces[r.FormValue("code")]
	delete(i.nonces, r.FormValue("code"))
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"iss": i.URL, "sub": i.subject, "aud": "client", "exp": time.Now().Add(time.Hour).Unix(),
		"iat": time.Now().Unix(), "nonce": nonce, "email": i.email, "email_verified": true})
	token.Header["kid"] = "1"
	text, err := token.SignedString(i.key)
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	return map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": text}
}
