// Package login gets a first token from a server: by a token that a person pastes, in the browser, with a code typed on
// another machine, or, on a demo, by naming a person.
//
// It keeps nothing. Imported by the verbs.
package login

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Server is what a login asks.
type Server interface {
	SignInDemo(ctx context.Context, login api.DemoLogin) (api.IssuedToken, error)
	FinishCode(ctx context.Context, login api.CodeLogin) (api.IssuedToken, error)
	BeginDevice(ctx context.Context) (api.DeviceLogin, error)
	// FinishDevice answers false while nobody has decided.
	FinishDevice(ctx context.Context, poll api.DevicePoll) (api.IssuedToken, bool, error)
}

// Options say how to ask the person.
type Options struct {
	URL         string
	Offered     api.LoginOptions
	Label       string // of the token, e.g. the machine's name
	Device      bool   // --device
	In          io.Reader
	Out         io.Writer // people's text
	Interactive bool      // a person is at In
	OpenBrowser func(url string) error
	Wait        time.Duration // for a person; 0 = 10 minutes
}

// Run signs in by the best way that the server offers.
func Run(ctx context.Context, server Server, o Options) (api.IssuedToken, error) {
	if o.Wait == 0 {
		o.Wait = 10 * time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, o.Wait)
	defer cancel()
	offers := func(method string) bool { return slices.Contains(o.Offered.Methods, method) }
	switch {
	case o.Device && offers("device"):
		return device(ctx, server, o)
	case o.Device:
		return api.IssuedToken{}, noWay(o, "device codes are")
	case offers("demo") && len(o.Offered.Demo) > 0:
		return demo(ctx, server, o)
	case o.Interactive && offers("browser"):
		return browser(ctx, server, o)
	}
	return api.IssuedToken{}, noWay(o, "signing in without a person at a terminal is")
}

func noWay(o Options, what string) error {
	return fault.Newf(fault.Auth, "%s not possible at %s", what, o.URL).
		WithHelp("Ask an admin for a token (broker tokens create YOUR@EMAIL) and run: analyst login " + o.URL + " --token-stdin")
}

// demo takes one of the demo's people: nobody has a password there.
func demo(ctx context.Context, server Server, o Options) (api.IssuedToken, error) {
	people := o.Offered.Demo
	chosen := people[0]
	if o.Interactive && len(people) > 1 {
		fmt.Fprintf(o.Out, "This is a demo: anyone on this machine is in. Who are you?\n")
		for i, email := range people {
			fmt.Fprintf(o.Out, "  %d  %s\n", i+1, email)
		}
		fmt.Fprintf(o.Out, "Number [1]: ")
		line, err := bufio.NewReader(o.In).ReadString('\n')
		if err != nil && err != io.EOF {
			return api.IssuedToken{}, fault.Wrap(fault.Config, err, "read your answer")
		}
		if line = strings.TrimSpace(line); line != "" {
			n, err := strconv.Atoi(line)
			if err != nil || n < 1 || n > len(people) {
				return api.IssuedToken{}, fault.Newf(fault.Config, "%q is none of the numbers", line).WithHelp("Run the command again.")
			}
			chosen = people[n-1]
		}
	}
	fmt.Fprintf(o.Out, "This is a demo: signing in as %s, no password needed.\n", chosen)
	return server.SignInDemo(ctx, api.DemoLogin{Email: chosen, Label: o.Label})
}

// device shows a code to type into a browser anywhere, and asks until somebody has (RFC 8628).
func device(ctx context.Context, server Server, o Options) (api.IssuedToken, error) {
	begun, err := server.BeginDevice(ctx)
	if err != nil {
		return api.IssuedToken{}, err
	}
	fmt.Fprintf(o.Out, "Open %s in a browser and type the code %s\n", begun.VerificationURI, begun.UserCode)
	interval := time.Duration(max(begun.Interval, 1)) * time.Second
	for {
		select {
		case <-ctx.Done():
			return api.IssuedToken{}, fault.Wrap(fault.Auth, ctx.Err(), "wait for the code to be typed")
		case <-time.After(interval):
		}
		token, done, err := server.FinishDevice(ctx, api.DevicePoll{DeviceCode: begun.DeviceCode, Label: o.Label})
		switch {
		case fault.CodeOf(err) == fault.RateLimited:
			interval += 5 * time.Second // RFC 8628 §3.5, slow_down
		case err != nil:
			return api.IssuedToken{}, err
		case done:
			return token, nil
		}
	}
}
