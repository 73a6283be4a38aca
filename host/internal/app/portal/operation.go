package portal

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/app/certificate"
	"github.com/ai-data-analyst/broker/host/internal/app/ledger"
	"github.com/ai-data-analyst/broker/host/internal/app/meter"
	"github.com/ai-data-analyst/broker/host/internal/inbox"
	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
)

// openPair reads the certificate, if one is configured.
func (p *Portal) openPair(c *config.Config) (err error) {
	p.pair, err = certificate.Open(c, p.options.Now, p.options.Log)
	return err
}

// tls is what the server speaks; nil for plain HTTP.
func (p *Portal) tls() *tls.Config {
	if p.pair == nil {
		return nil
	}
	return p.pair.TLS()
}

// newMeter tells how the instance does.
func (p *Portal) newMeter() *meter.Meter {
	o := p.options
	return meter.New(meter.Options{Runs: o.Store.Runs(), Visits: o.Store.Visits(), Plugins: o.Supervisor.List, Lost: o.Ledger.Lost, Dropped: p.usage.Dropped, Now: o.Now, Log: o.Log})
}

// Down implements web.Optional: the kinds of plugins of which one cannot run. It asks nobody: what is known may be a
// minute old.
func (h health) Down(context.Context) []string {
	plugins, err := h.meter.Plugins()
	if err != nil {
		return []string{"plugins"}
	}
	var kinds []string
	for _, p := range plugins {
		if p.Status == supervisor.Quarantined && !slices.Contains(kinds, p.Kind) {
			kinds = append(kinds, p.Kind)
		}
	}
	return kinds
}

// notedInbox is the inbox of pushes, with what was offered in the audit log.
type notedInbox struct {
	*inbox.Inbox
	ledger *ledger.Ledger
}

// Offer implements web's Inbox.
func (n notedInbox) Offer(ctx context.Context, who sdk.Caller, offer api.PushOffer) (api.PushAnswer, error) {
	answer, err := n.Inbox.Offer(ctx, who, offer)
	n.ledger.Did(ctx, who, "push.offer", fmt.Sprintf("%d files from %s", len(offer.Items), offer.Machine), err)
	return answer, err
}
