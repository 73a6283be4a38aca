// Package limit counts requests a minute for each address and account, and refuses the surplus (G16).
//
// It keeps one instant a key (the generic cell rate algorithm) and at most maxKeys keys.
package limit

import (
	"net/netip"
	"sync"
	"time"
)

// Class is what is counted together.
type Class string

// The classes that routes name.
const (
	Anonymous Class = "anonymous" // without a good credential: by address
	Login     Class = "login"     // attempts to sign in: by address, and by account
	Account   Class = "account"   // with a good credential: by account
)

// Rates are requests a minute; 0 = off.
type Rates struct {
	Anonymous, Login, Account int
}

// maxKeys bounds the memory of a Limiter; beyond it the keys that are free again are forgotten, then all.
const maxKeys = 100_000

// Limiter counts. The zero Now means time.Now.
type Limiter struct {
	rates Rates
	now   func() time.Time

	mu   sync.Mutex
	full map[string]time.Time // key → when its allowance is whole again
}

// New returns a Limiter.
func New(rates Rates, now func() time.Time) *Limiter {
	return &Limiter{rates: rates, now: now, full: map[string]time.Time{}}
}

// Take counts one request. It returns 0, or how long to wait when the rate is used up; a refused request is not counted.
func (l *Limiter) Take(class Class, key string) time.Duration {
	rate := l.rate(class)
	if rate <= 0 {
		return 0
	}
	each := time.Minute / time.Duration(rate)
	now := l.now()
	key = string(class) + " " + key
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.full[key]
	if at.Before(now) {
		at = now
	}
	if wait := at.Add(each).Sub(now) - time.Minute; wait > 0 {
		return wait
	}
	if len(l.full) >= maxKeys {
		l.forget(now)
	}
	l.full[key] = at.Add(each)
	return 0
}

func (l *Limiter) rate(class Class) int {
	switch class {
	case Login:
		return l.rates.Login
	case Account:
		return l.rates.Account
	default:
		return l.rates.Anonymous
	}
}

func (l *Limiter) forget(now time.Time) {
	for key, at := range l.full {
		if at.Before(now) {
			delete(l.full, key)
		}
	}
	if len(l.full) >= maxKeys {
		clear(l.full)
	}
}

// Key is the part of an address that one person holds: an IPv6 address by its /64.
func Key(address netip.Addr) string {
	address = address.Unmap()
	if address.Is6() {
		if network, err := address.Prefix(64); err == nil {
			return network.String()
		}
	}
	return address.String()
}
