package portal

import (
	"crypto/tls"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/app/certificate"
	"github.com/ai-data-analyst/broker/host/internal/app/meter"
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
