package access

import (
	"context"
	"fmt"

	"github.com/ai-data-analyst/broker/host/internal/access/reach"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Reason is one ground for letting somebody read a table.
type Reason = reach.Reason

// Explanation says whether somebody may read a table, and why.
type Explanation struct {
	Allowed bool     `json:"allowed"`
	Because []Reason `json:"because"` // never nil
	Why     string   `json:"why"`     // one sentence for people
}

// Explain says whether the person of an address may read a table, by the same decision that every door asks. Somebody who
// never came is judged as if they came now. fault.Config for what is no address or no name of a table; whether the table
// exists is not asked.
func (a *Access) Explain(ctx context.Context, email, table string) (Explanation, error) {
	canonical, ok := CanonicalEmail(email)
	if !ok {
		return Explanation{}, badEmail(email)
	}
	name, err := sdk.ParseTableName(table)
	if err != nil {
		return Explanation{}, fault.Wrap(fault.Config, err, "read the name of the table")
	}
	view, err := a.current(ctx)
	if err != nil {
		return Explanation{}, err
	}
	user, known := view.byEmail[canonical]
	if !known {
		user = sdk.User{Email: canonical}
	}
	e := Explanation{Because: []Reason{}}
	if !view.lets(user) {
		e.Why = "the configuration admits no such address and nobody invited it"
		if user.Disabled {
			e.Why = "this person is disabled, which wins over everything"
		}
		return e, nil
	}
	held := view.measure(user)
	if grounds := held.Because(name); len(grounds) > 0 {
		return Explanation{Allowed: true, Because: grounds, Why: fmt.Sprintf("%s reads it as %s", canonical, held.Role)}, nil
	}
	e.Why = fmt.Sprintf("no grant of the groups %q opens it", view.groupsOf(user))
	if held.Private(name.Namespace()) {
		e.Why = fmt.Sprintf("the namespace %s is private: only %s people may be granted it, by name or as %s.*", name.Namespace(), sdk.Privileged, name.Namespace())
	}
	return e, nil
}
