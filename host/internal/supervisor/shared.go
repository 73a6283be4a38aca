package supervisor

import (
	"context"

	"github.com/ai-data-analyst/broker/host/internal/supervisor/lent"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
)

// Shared is one service plugin that many ask at once: one long-lived process, started when it is first asked, watched
// like every other, and started again after it has ended. What was under way in a process that ends fails as
// fault.Transient; a process that ends too often rests (fault.Transient with RetryAfter).
type Shared struct{ process *lent.One[*Loan] }

// Share returns the service of this request. Nothing is started yet.
func (s *Supervisor) Share(request Request) *Shared {
	return &Shared{lent.NewOne(func(ctx context.Context) (*Loan, error) { return s.Lend(ctx, request) }, (*Loan).lives)}
}

// Query implements service.Querier. fault.Config when the plugin has not that ability.
func (s *Shared) Query(ctx context.Context, request service.QueryRequest) (service.Rows, error) {
	loan, err := s.process.Take(ctx)
	if err != nil {
		return nil, err
	}
	querier, ok := loan.service.(service.Querier)
	if !ok {
		return nil, fault.Newf(fault.Config, "plugin %s cannot be queried", loan.running.label)
	}
	loan.running.enter("while querying")
	return lent.Query(ctx, querier, request, lent.Books{Under: func(more int64) { loan.queries.Add(more) }, Fault: loan.fault})
}

// SharedAuth is one way to sign in that many ask at once, as Shared is of services.
type SharedAuth = lent.Auth

// ShareAuth returns the way to sign in of this request. Nothing is started yet.
func (s *Supervisor) ShareAuth(request Request) *SharedAuth {
	shared := s.Share(request)
	return lent.NewAuth(func(ctx context.Context) (auth.Session, lent.Books, error) {
		loan, err := shared.process.Take(ctx)
		if err != nil {
			return nil, lent.Books{}, err
		}
		loan.running.enter("while signing somebody in")
		return loan.auth, lent.Books{Under: func(more int64) { loan.queries.Add(more) }, Fault: loan.fault}, nil
	}, shared.Close)
}

// PID is the number of the process that lives, 0 for none.
func (s *Shared) PID() int {
	if loan, ok := s.process.Now(); ok {
		return loan.PID()
	}
	return 0
}

// Close ends the process in order. It must not be asked again.
func (s *Shared) Close() error { return s.process.Close() }

const staleLooks = 10 // in a row at which a plugin has more under way than it was asked, before it is ended

// forgotten says why a service must end that does not stop what it was told to.
func (l *Loan) forgotten(open int) string {
	if l.service == nil && l.auth == nil || int64(open) <= l.queries.Load() {
		l.stale = 0
		return ""
	}
	if l.stale++; l.stale < staleLooks {
		return ""
	}
	return "it goes on with what nobody waits for"
}
