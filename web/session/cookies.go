package session

import (
	"encoding/json"
	"net/http"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
)

// Pair is what one generation of cookies is signed and sealed with.
type Pair struct {
	Hash  []byte // 64 bytes
	Block []byte // 32 bytes
}

// cookies is gorilla's store of sessions whose cookie holds a signed and sealed random secret, and no more than a path
// beside it: what a session is, Keeper knows. The zero values of gorilla's own stores are not safe (guarantees.md §5.4).
type cookies struct {
	keys   func() []Pair // newest first
	secure bool
}

var _ sessions.Store = cookies{}

// maxCookie is the most bytes of a cookie's value that are looked at.
const maxCookie = 4096

// codecs are those of the keys as they are now. What an older key signed is read and signed anew.
func (s cookies) codecs() []*securecookie.SecureCookie {
	var list []*securecookie.SecureCookie
	for _, pair := range s.keys() {
		codec := securecookie.New(pair.Hash, pair.Block)
		codec.MaxAge(int(life.Seconds())) // Options.MaxAge alone does not shorten what a codec takes
		codec.MaxLength(maxCookie)
		codec.SetSerializer(securecookie.NopEncoder{})
		list = append(list, codec)
	}
	return list
}

// Get implements sessions.Store.
func (s cookies) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New implements sessions.Store. A cookie that is no good, or stands twice, is none; spoiled says that there was one.
func (s cookies) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	session.IsNew = true
	session.Options = &sessions.Options{Path: "/", HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode}
	found := r.CookiesNamed(name)
	if len(found) == 0 {
		return session, nil
	}
	session.Values[spoiled] = true
	if len(found) > 1 || len(found[0].Value) > maxCookie {
		return session, nil
	}
	for i, codec := range s.codecs() {
		var text []byte
		var values map[string]string
		if codec.Decode(name, found[0].Value, &text) != nil || json.Unmarshal(text, &values) != nil {
			continue
		}
		delete(session.Values, spoiled)
		session.IsNew = false
		for key, value := range values {
			session.Values[key] = value
		}
		if i > 0 {
			session.Values[aged] = true
		}
		return session, nil
	}
	return session, nil
}

// Marks of what was found; they are no strings, and so never written.
type mark int

const (
	spoiled mark = iota // there was a cookie, and it was no good
	aged                // signed by an older key
)

// Save implements sessions.Store.
func (s cookies) Save(_ *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	if session.Options.MaxAge < 0 {
		http.SetCookie(w, sessions.NewCookie(session.Name(), "", session.Options))
		return nil
	}
	values := map[string]string{}
	for key, value := range session.Values {
		name, isText := key.(string)
		text, alsoText := value.(string)
		if isText && alsoText {
			values[name] = text
		}
	}
	text, err := json.Marshal(values)
	if err != nil {
		return err
	}
	sealed, err := s.codecs()[0].Encode(session.Name(), text)
	if err != nil {
		return err
	}
	http.SetCookie(w, sessions.NewCookie(session.Name(), sealed, session.Options))
	return nil
}
