package browser_test

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/ai-data-analyst/broker/test/demo"
)

// axe finds what keeps people with impairments out: axe-core 4.14.1, https://github.com/dequelabs/axe-core, MPL-2.0.
//
//go:embed testdata/axe.min.js
var axe string

// patience is how long anything in the browser may take on a loaded machine.
const patience = time.Minute

// chromium is one browser process; trusted are certificates that it takes without asking.
func chromium(t *testing.T, trusted ...*x509.Certificate) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("Chromium is missing; the gate installs it")
		}
		t.Skip("Chromium is not installed")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()))
	for _, flag := range []string{"no-sandbox", "disable-gpu", "disable-quic", "disable-component-update", "hide-scrollbars"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	for _, c := range trusted {
		sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
		options = append(options, chromedp.Flag("ignore-certificate-errors-spki-list", base64.StdEncoding.EncodeToString(sum[:])))
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return ctx
}

// look is how a page is looked at.
type look struct {
	name          string
	width, height int64
	scheme        string
}

var looks = []look{{"wide", 1240, 900, "light"}, {"wide-dark", 1240, 900, "dark"}, {"narrow", 390, 844, "light"}, {"narrow-dark", 390, 844, "dark"}}

// tab is a browser window of one person, with cookies of its own.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string

	mu       sync.Mutex
	troubles []string
}

// open opens a window at a server. What the console says as a warning or an error, and every request to another host, is
// noted.
func open(t *testing.T, browser context.Context, base string) *tab {
	t.Helper()
	ctx, end := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	b := &tab{t: t, ctx: ctx, base: base}
	console := chromedp.Console(ctx)
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{})
		return err
	}))
	go func() {
		for m, err := range console {
			if err != nil {
				return
			}
			if m.IsException() || m.Type == "error" || m.Type == "warning" {
				b.note("console: " + m.String() + " " + m.URL)
			}
		}
	}()
	host, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, func(event any) {
		if sent, ok := event.(*network.EventRequestWillBeSent); ok {
			if u, err := url.Parse(sent.Request.URL); err != nil || u.Scheme != "data" && u.Host != host.Host {
				b.note("request to " + sent.Request.URL)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *tab) note(trouble string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.troubles = append(b.troubles, trouble)
}

// quiet fails the test when something was noted since it was asked last; allowed is part of what may be.
func (b *tab) quiet(what string, allowed ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
next:
	for _, trouble := range b.troubles {
		for _, a := range allowed {
			if strings.Contains(trouble, a) {
				continue next
			}
		}
		b.t.Errorf("%s: %s", what, trouble)
	}
	b.troubles = nil
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx := b.ctx
	if chromedp.FromContext(ctx).Target != nil { // the first call of all must not carry a time limit
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		ctx = limited
	}
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("in the browser: %v", err)
	}
}

// try evaluates JavaScript in the page. A page that is just being left is an error.
func try[T any](b *tab, script string) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

// ask is try of a page that stays.
func ask[T any](b *tab, script string) T {
	b.t.Helper()
	v, err := try[T](b, script)
	if err != nil {
		b.t.Fatalf("in the page: %v", err)
	}
	return v
}

// until waits for a JavaScript condition.
func (b *tab) until(condition string) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		holds, err := try[bool](b, "Boolean("+condition+")")
		if err == nil && holds { // an error is a page that is being left for the next
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("waited in vain for %s at %s:\n%s", condition, ask[string](b, "location.href"), ask[string](b, "document.body.innerText"))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// visit goes to a path.
func (b *tab) visit(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.base + path))
}

// press clicks the button or link with this text, and waits for the page that follows.
func (b *tab) press(text string) {
	b.t.Helper()
	const mark = "window.__here"
	quoted, err := json.Marshal(text)
	if err != nil {
		b.t.Fatal(err)
	}
	found := ask[bool](b, mark+` = true; (() => { const e = [...document.querySelectorAll('button, a')].find(e => e.textContent.trim().startsWith(`+string(quoted)+`)); if (e) setTimeout(() => e.click()); return !!e })()`)
	if !found {
		b.t.Fatalf("there is no %q to press at %s:\n%s", text, ask[string](b, "location.href"), ask[string](b, "document.body.innerText"))
	}
	b.until(mark + " === undefined && document.readyState === 'complete'")
}

// signIn signs a person of the demo in by one click.
func (b *tab) signIn(email string) {
	b.t.Helper()
	b.visit("/login")
	b.press("Continue as " + email)
}

// as sets how pages are looked at from now on.
func (b *tab) as(l look) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(l.width, l.height), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
		return err
	}))
}

// shoot keeps a picture of the whole page.
func (b *tab) shoot(name string) {
	b.t.Helper()
	folder := os.Getenv("SHOTS")
	if folder == "" {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.MkdirAll(folder, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644)
	}
	if err != nil {
		b.t.Errorf("keep a picture of %s: %v", name, err)
	}
}

// examine checks the page that is open: nobody is kept out (axe), nothing overflows, no style or script in line.
func (b *tab) examine(what string) {
	b.t.Helper()
	if wide := ask[float64](b, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide > 0 {
		b.t.Errorf("%s: %v px wider than the window", what, wide)
	}
	if n := ask[int](b, "document.querySelectorAll('[style], script:not([src]), style').length"); n > 0 {
		b.t.Errorf("%s: %d elements with script or style in line", what, n)
	}
	ask[bool](b, axe+"; true")
	found := ask[[]string](b, `axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ' (' + v.impact + '): ' + n.html.slice(0, 200) + ' ' + n.any.concat(n.all).map(c => c.message).join('; '))))`)
	for _, f := range found {
		b.t.Errorf("%s: %s", what, f)
	}
}

// serve is the demo and a browser.
func serve(t *testing.T) (demo.Demo, context.Context) {
	t.Helper()
	browser := chromium(t)
	return demo.Serve(t), browser
}
