package portal

import (
	"context"

	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web"
)

// sshKeys shows people the SSH keys that stand for them.
type sshKeys struct{ analysts store.Analysts }

// KeysOf implements mine.Keys.
func (k sshKeys) KeysOf(ctx context.Context, who sdk.Caller) ([]web.SSHKey, error) {
	all, err := k.analysts.ListAnalysts(ctx)
	if err != nil {
		return nil, err
	}
	var keys []web.SSHKey
	for _, a := range all {
		if a.UserID == who.User.ID {
			keys = append(keys, web.SSHKey{Name: a.Name, Fingerprint: a.Fingerprint, Comment: a.Comment, Created: a.Created})
		}
	}
	return keys, nil
}
