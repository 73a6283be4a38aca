package portal

import (
	"context"
	"time"
)

// How the lake is read again in the background (G5): every part once a week, one after the other, slowly enough that a
// disk has most of its time for people. A lake of more than 19 TB takes longer than a week.
const (
	scrubRate   = 32 << 20 // bytes a second
	scrubEvery  = 7 * 24 * time.Hour
	scrubLook   = time.Hour // between passes over what is due
	scrubAfter  = time.Minute
	scrubErrors = "not every part of the lake could be read again; the rest was, and it is tried again in an hour"
)

// scrub reads what is due, again and again, until ctx ends.
func (p *Portal) scrub(ctx context.Context) error {
	for wait := scrubAfter; ; wait = scrubLook {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		n, err := p.options.Lake.Scrub(ctx, scrubRate, scrubEvery)
		switch {
		case err != nil && ctx.Err() == nil:
			p.options.Log.Error(scrubErrors, "error", err)
		case err == nil && n > 0:
			p.options.Log.Info("parts were read again and compared with their hashes", "parts", n)
		}
	}
}
