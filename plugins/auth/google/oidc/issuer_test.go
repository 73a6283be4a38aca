package oidc_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// issuer is an OpenID Connect issuer on this machine. spoil changes the next ID token, sign says how it is signed.
type issuer struct {
	*httptest.Server
	key   *rsa.PrivateKey
	spoil func(claims jwt.MapClaims)
	sign  func(claims jwt.MapClaims) string

	mu        sync.Mutex
	codes     map[string]url.Values // what was asked, by code
	discovery map[string]any        // overrides
	sendsIss  bool
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key, codes: map[string]url.Values{}, discovery: map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", i.configuration)
	mux.HandleFunc("/keys", i.keys)
	mux.HandleFunc("/token", i.token)
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func (i *issuer) configuration(w http.ResponseWriter, _ *http.Request) {
	said := map[string]any{"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"RS256"}, "authorization_response_iss_parameter_supported": i.sendsIss}
	for name, value := range i.discovery {
		said[name] = value
	}
	answer(w, said)
}

func (i *issuer) keys(w http.ResponseWriter, _ *http.Request) {
	n, e := i.key.N.Bytes(), big.NewInt(int64(i.key.E)).Bytes()
	answer(w, map[string]any{"keys": []map[string]string{{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
		"n": base64.RawURLEncoding.EncodeToString(n), "e": base64.RawURLEncoding.EncodeToString(e)}}})
}

// authorize is what the person does at the issuer: the browser's address there becomes a code.
func (i *issuer) authorize(address string) (state, code string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", "", err
	}
	asked := u.Query()
	if u.Path != "/authorize" || asked.Get("response_type") != "code" || asked.Get("code_challenge_method") != "S256" || asked.Get("nonce") == "" {
		return "", "", fmt.Errorf("the issuer does not understand %s", address)
	}
	code = rand.Text()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.codes[code] = asked
	return asked.Get("state"), code, nil
}

// token gives an ID token for a code: once, to who has the verifier and the secret.
func (i *issuer) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	i.mu.Lock()
	asked, ok := i.codes[r.Form.Get("code")]
	delete(i.codes, r.Form.Get("code"))
	i.mu.Unlock()
	sum := sha256.Sum256([]byte(r.Form.Get("code_verifier")))
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.Form.Get("client_id"), r.Form.Get("client_secret")
	}
	if !ok || base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") || id != "client" || secret != "client-s3cr3t" || r.Form.Get("redirect_uri") != asked.Get("redirect_uri") {
		w.WriteHeader(http.StatusBadRequest)
		answer(w, map[string]string{"error": "invalid_grant"})
		return
	}
	claims := jwt.MapClaims{"iss": i.URL, "sub": "1234", "aud": "client", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(), "nonce": asked.Get("nonce"),
		"email": "ann@acme.com", "email_verified": true, "hd": "acme.com", "name": "Ann", "picture": "https://example.com/ann.png"}
	if i.spoil != nil {
		i.spoil(claims)
	}
	sign := i.rs256
	if i.sign != nil {
		sign = i.sign
	}
	answer(w, map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 3600, "id_token": sign(claims)})
}

func (i *issuer) rs256(claims jwt.MapClaims) string {
	return signed(jwt.SigningMethodRS256, claims, i.key)
}

func signed(method jwt.SigningMethod, claims jwt.MapClaims, key any) string {
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = "1"
	text, err := token.SignedString(key)
	if err != nil {
		panic(err)
	}
	return text
}
