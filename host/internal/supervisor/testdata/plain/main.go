// Command plain is a connector as its author would write it, for the tests of its host.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/serve"
)

var version = "1.0.0" // set at build time

type settings struct {
	Token sdk.Secret `cfg:"token" doc:"Any text." required:"true"`
	Rows  int        `cfg:"rows" doc:"How many." default:"1000" min:"1"`
}

type row struct {
	ID   int64  `col:"id,key" doc:"From 1."`
	Text string `col:"text" doc:"Some text."`
}

type session struct {
	settings
	work string
}

func main() {
	serve.Connector(connector.Plugin[settings, session]{
		Name: "plain", Version: version, Doc: "Numbered rows.", Open: open,
		Streams: []connector.Stream[session]{connector.Table("rows", read)},
	})
}

func open(_ context.Context, rt connector.Runtime, s settings) (session, error) {
	fmt.Fprintln(os.Stderr, "opened with", s.Token.Reveal())
	if s.Token.Reveal() == "a wrong token" {
		return session{}, fault.New(fault.Auth, "the source refused "+s.Token.Reveal())
	}
	return session{settings: s, work: rt.WorkDir}, os.WriteFile(filepath.Join(rt.WorkDir, "scratch"), []byte("x"), 0o600)
}

func read(ctx context.Context, s session, _ connector.Query, rows *connector.Rows[row]) error {
	for i := range s.Rows {
		if err := rows.Append(ctx, row{ID: int64(i + 1), Text: s.work}); err != nil {
			return err
		}
	}
	return nil
}
