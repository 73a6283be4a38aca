package portal

import (
	"context"

	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/portal/mine"
)

// sshKeys shows people the SSH keys that stand for them.
type sshKeys struct{ analysts store.Analysts }

// KeysOf implements mine.Keys.
func (k sshKeys) KeysOf(ctx context.Context, who sdk.Caller) ([]mine.Key, error) {
	all, err := k.analysts.ListAnalysts(ctx)
	if err != nil {
		return nil, err
	}
	var keys []mine.Key
	for _, a := range all {
		if a.UserID == who.User.ID {
			keys = append(keys, mine.Key{Name: a.Name, Fingerprint: a.Fingerprint, Comment: a.Comment, Created: a.Created})
		}
	}
	return keys, nil
}
