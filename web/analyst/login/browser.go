package login

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// answer is what the browser brings back.
type answer struct {
	code string
	err  error
}

// browser opens the server's page in the person's browser and waits on a loopback port for the code that it sends back
// (RFC 8252 §7.3); the verifier never leaves this process before the exchange (RFC 7636, S256).
func browser(ctx context.Context, server Server, o Options) (api.IssuedToken, error) {
	verifier, state := rand.Text()+rand.Text(), rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return api.IssuedToken{}, fault.Wrap(fault.Config, err, "listen for the browser's answer")
	}
	port := listener.Addr().(*net.TCPAddr).Port
	answers := make(chan answer, 1)
	callback := &http.Server{Handler: handler(state, answers), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- callback.Serve(listener) }()
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if callback.Shutdown(stop) != nil {
			_ = callback.Close() // what the browser still asks is cut off
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintf(o.Out, "The wait for the browser ended early: %v\n", err)
		}
	}()

	page := o.URL + "/connect?" + url.Values{"challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
		"port": {strconv.Itoa(port)}, "state": {state}}.Encode()
	fmt.Fprintf(o.Out, "Opening your browser. If nothing opens, go to:\n  %s\n", page)
	if err := o.OpenBrowser(page); err != nil {
		fmt.Fprintf(o.Out, "No browser could be opened (%v).\n", err)
	}
	select {
	case got := <-answers:
		if got.err != nil {
			return api.IssuedToken{}, got.err
		}
		return server.FinishCode(ctx, api.CodeLogin{Code: got.code, Verifier: verifier, Label: o.Label})
	case err := <-served:
		served <- err
		return api.IssuedToken{}, fault.Wrap(fault.Config, err, "listen for the browser's answer")
	case <-ctx.Done():
		return api.IssuedToken{}, &fault.Fault{Code: fault.Auth, What: "nobody signed in in the browser", Err: ctx.Err(),
			Help: "Try again, or on a machine without a browser: analyst login " + o.URL + " --device"}
	}
}

// handler takes the one request that carries our state; others change nothing.
func handler(state string, answers chan<- answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if r.URL.Path != "/callback" || r.Method != http.MethodGet || subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(state)) != 1 {
			http.NotFound(w, r)
			return
		}
		got := answer{code: query.Get("code")}
		text := "You are signed in. You can close this page and go back to the terminal."
		if got.code == "" {
			got.err = fault.New(fault.Auth, "the sign-in in the browser was not finished").WithHelp("Run the command again.")
			text = "The sign-in was not finished. Go back to the terminal."
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Referrer-Policy", "no-referrer")
		_, _ = w.Write([]byte(text)) //nolint:errcheck // a browser that is gone has sent its code all the same
		select {
		case answers <- got:
		default: // the first answer counts
		}
	})
}
