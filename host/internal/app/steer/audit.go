package steer

import (
	"cmp"
	"context"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/audit"
	"github.com/ai-data-analyst/broker/web/api"
)

// auditPage is how many records one answer has.
const auditPage = 100

// Audit lists what was done, newest first.
func (s *Steering) Audit(ctx context.Context, f api.AuditFilter) (api.Audit, error) {
	filter := audit.Filter{Actor: f.Actor, Action: f.Action, Before: f.Before, Limit: auditPage + 1}
	if f.Days > 0 {
		filter.Since = s.o.Now().Add(-time.Duration(f.Days) * 24 * time.Hour)
	}
	records, err := s.o.Audit.List(ctx, filter)
	if err != nil {
		return api.Audit{}, err
	}
	out := api.Audit{Records: []api.AuditRecord{}}
	for i, r := range records {
		if i == auditPage {
			out.Next = records[i-1].Seq
			break
		}
		out.Records = append(out.Records, api.AuditRecord{Seq: r.Seq, At: r.At.UTC().Format(time.RFC3339Nano), Who: cmp.Or(r.Email, r.UserID), Action: r.Action, Object: r.Object,
			Outcome: string(cmp.Or(r.Outcome, audit.OK)), Reason: r.Reason, Address: r.Address, Via: r.Via, Request: r.Request})
	}
	if f.Check {
		verdict, err := s.o.Audit.Verify(ctx)
		if err != nil {
			return out, err
		}
		out.Check = &api.AuditCheck{Records: verdict.Records, Bad: verdict.Bad, Reason: verdict.Reason}
	}
	return out, nil
}
