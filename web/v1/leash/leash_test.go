package leash_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/v1/leash"
)

type closer struct{ closed atomic.Int64 }

// Close implements io.Closer.
func (c *closer) Close() error { c.closed.Add(1); return nil }

// G12: what ends a right ends the answer within five seconds; a look that fails once does not, twice it does.
func TestG12_AnAnswerOutlivesItsRightByLessThanFiveSeconds(t *testing.T) {
	gone, unsure := fault.New(fault.Auth, "revoked"), errors.New("the database is away")
	for name, c := range map[string]struct {
		looks []error // then nil
		ends  time.Duration
	}{
		"allowed":        {nil, 0},
		"revoked":        {[]error{gone}, leash.Every},
		"revoked later":  {[]error{nil, nil, fault.New(fault.NotFound, "no such part")}, 3 * leash.Every},
		"unsure once":    {[]error{unsure, nil, unsure}, 0},
		"unsure twice":   {[]error{nil, unsure, unsure}, 3 * leash.Every},
		"unsure, denied": {[]error{unsure, gone}, 2 * leash.Every},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var connection closer
				var looks atomic.Int64
				body := leash.Body(io.NopCloser(strings.NewReader("x")), &connection, func(context.Context) error {
					if n := int(looks.Add(1)); n <= len(c.looks) {
						return c.looks[n-1]
					}
					return nil
				})
				if c.ends > 0 {
					time.Sleep(c.ends - time.Millisecond)
					synctest.Wait()
					if connection.closed.Load() != 0 {
						t.Error("it ended too early")
					}
					time.Sleep(time.Millisecond)
				} else {
					time.Sleep(time.Hour)
				}
				synctest.Wait()
				if ended := connection.closed.Load() == 1; ended != (c.ends > 0) {
					t.Errorf("ended: %t after %d looks", ended, looks.Load())
				}
				if err := body.Close(); err != nil {
					t.Error(err)
				}
				before := looks.Load()
				time.Sleep(time.Hour)
				if looks.Load() != before {
					t.Error("it looks on after the end")
				}
			})
		})
	}
}

// A look that hangs cannot hold the end of the answer up.
func TestALookThatHangsIsCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var connection closer
		body := leash.Body(io.NopCloser(strings.NewReader("x")), &connection, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		time.Sleep(leash.Every + leash.Every/2)
		if err := body.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if connection.closed.Load() != 0 {
			t.Error("an answer that went out well was broken off")
		}
	})
}
