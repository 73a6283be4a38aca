package browser_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// text is what a reader sees of the page.
func (b *tab) text() string {
	b.t.Helper()
	return ask[string](b, "document.body.innerText")
}

// says fails the test when the page does not say something.
func (b *tab) says(texts ...string) {
	b.t.Helper()
	page := b.text()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			b.t.Fatalf("%s does not say %q:\n%s", ask[string](b, "location.href"), text, page)
		}
	}
}

// fill puts text into the field of a form.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	quoted, err := json.Marshal([]string{selector, text})
	if err != nil {
		b.t.Fatal(err)
	}
	if !ask[bool](b, `(([s, v]) => { const e = document.querySelector(s); if (!e) return false; e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); return true })(`+string(quoted)+`)`) {
		b.t.Fatalf("there is no field %s:\n%s", selector, b.text())
	}
}

// TestAPersonFindsTheWay walks as somebody new does: sign in, see what is fresh, find a table, understand it, choose what
// comes, connect a machine while the page watches, sign out.
func TestAPersonFindsTheWay(t *testing.T) {
	d, browser := serve(t)
	b := open(t, browser, d.URL)
	b.as(looks[0])
	b.visit("/t/shop.orders") // signed out: to the login, and back
	b.says("Continue as")
	b.press("Continue as bob@example.com")
	b.says("shop.orders", "How to use")
	b.visit("/")
	b.says("9 tables")
	b.fill("input[name=q]", "discount")
	ask[bool](b, "setTimeout(() => document.querySelector('form.find').submit()), true")
	b.until("location.pathname === '/catalog' && document.readyState === 'complete'")
	b.says("orders")
	b.visit("/setup")
	b.says("not yet")
	d.Workspace(t, "bob@example.com") // a program signs in and pulls, elsewhere
	b.until("!document.body.innerText.includes('not yet')")
	b.visit("/me")
	b.says("You receive everything")
	ask[bool](b, "document.querySelector('input[value=explicit]').click(), document.querySelector('input[value=\"shop.orders\"]').click(), true")
	b.press("Keep this choice")
	b.says("You receive 8 of 9 tables")
	b.quiet("the way of a person")
	b.visit("/logout")
	b.press("Sign out of this browser")
	b.visit("/me")
	b.says("Continue as")
	b.quiet("signing out")
}

// TestAnAdminActs walks as somebody who runs the instance: a table of a new file is registered and synced while the page
// watches, a person is invited and given the table, and sees it at the next request.
func TestAnAdminActs(t *testing.T) {
	d, browser := serve(t)
	if err := os.WriteFile(filepath.Join(d.Dir, "files", "new_tickets.csv"), []byte("ticket,mail\nT-1,<script>window.evil=1</script>\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	ada, bob := open(t, browser, d.URL), open(t, browser, d.URL)
	ada.as(looks[0])
	ada.signIn("ada@example.com")
	bob.signIn("bob@example.com")
	ada.visit("/admin/tables?source=files&stream=new_tickets")
	ada.says("T-1", "<script>window.evil=1</script>")
	ada.fill("input[name=folder]", "desk")
	ada.fill("input[name=name]", "tickets")
	ada.press("Register new_tickets")
	ada.says("The table is registered")
	ada.visit("/runs")
	ada.press("Sync now")
	for deadline := 0; ; deadline++ { // until the run has published it
		ada.visit("/catalog?q=tickets")
		if strings.Contains(ada.text(), "desk.tickets") {
			break
		}
		if deadline > 300 {
			t.Fatalf("the sync published nothing:\n%s", ada.text())
		}
	}
	ada.visit("/t/desk.tickets")
	ada.says("desk.tickets", "<script>window.evil=1</script>")
	if ask[bool](ada, "window.evil === 1") {
		t.Error("a value from a source ran as a script")
	}
	bob.visit("/t/desk.tickets")
	bob.says("There is no such page")
	ada.visit("/admin/people")
	ada.fill("form[action='/admin/groups'] input[name=group]", "desk")
	ada.press("New group")
	ada.fill("#m-desk", "bob@example.com")
	ask[bool](ada, "setTimeout(() => document.querySelector('#m-desk').form.querySelector('button[value=add]').click()), true")
	ada.until("document.body.innerText.includes('The people are in the group now.')")
	ada.visit("/admin/access")
	ask[bool](ada, "document.querySelector('input[name=cell][value=\"desk desk.tickets\"]').click(), true")
	ada.press("See what the changes do")
	ada.says("1 change, not saved", "1 person in desk will read desk.tickets")
	ada.press("Save 1 change")
	bob.visit("/t/desk.tickets")
	bob.says("desk.tickets", "How to use")
	ada.visit("/admin/access?user=bob%40example.com&table=desk.tickets")
	ada.says("Yes.", "desk.tickets")
	ada.visit("/admin/audit?check=1")
	ada.says("groups.grant", "Unbroken")
	ada.quiet("an admin's way")
	bob.quiet("what bob saw", "status of 404")
}

// TestPagesWorkWithoutScripts turns JavaScript off: everything but live updates stays.
func TestPagesWorkWithoutScripts(t *testing.T) {
	d, browser := serve(t)
	b := open(t, browser, d.URL)
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	b.do(chromedp.Navigate(d.URL+"/login"), chromedp.Click(chromedp.CSS("form[action='/auth/demo'] button")), chromedp.WaitVisible(chromedp.CSS("header.mast")))
	for _, path := range []string{"/", "/catalog", "/t/shop.orders", "/runs", "/definitions", "/activity", "/setup", "/me", "/memory"} {
		b.do(chromedp.Navigate(d.URL+path), chromedp.WaitVisible(chromedp.CSS("h1")))
		heading, err := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("h1")))
		if err != nil || strings.TrimSpace(heading) == "" || strings.Contains(heading, "wrong") {
			t.Errorf("%s: %q %v", path, heading, err)
		}
	}
	b.do(chromedp.Navigate(d.URL+"/me"), chromedp.Click(chromedp.CSS("input[value=explicit]")), chromedp.Click(chromedp.CSS("form[action='/me/subscriptions'] button")),
		chromedp.WaitVisible(chromedp.CSS("p.banner[role=status]")))
	if said, err := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("p.banner[role=status]"))); err != nil || said != "Kept. Your machines follow at their next pull." {
		t.Errorf("%q %v", said, err)
	}
	b.quiet("without scripts", "script")
}

// TestTheKeyboardGoesEverywhere tabs through a page: every stop is seen, and the first leads past the masthead.
func TestTheKeyboardGoesEverywhere(t *testing.T) {
	d, browser := serve(t)
	b := open(t, browser, d.URL)
	b.as(looks[0])
	b.signIn("bob@example.com")
	for _, path := range []string{"/", "/catalog", "/t/shop.orders", "/me"} {
		b.visit(path)
		stops := ask[int](b, "document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary, [tabindex=\"0\"]').length")
		seen := map[string]bool{}
		for i := range stops + 5 {
			b.do(chromedp.KeyEvent("\t"))
			where := ask[string](b, `(() => { const e = document.activeElement; if (e === document.body) return ''; const s = getComputedStyle(e), r = e.getBoundingClientRect();
				return [s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 || e.matches('.skip') ? 'outlined' : 'bare', r.width > 0 && r.height > 0 ? 'there' : 'nowhere', e.outerHTML.slice(0, 120)].join(' ') })()`)
			if where == "" {
				continue
			}
			if i == 0 && !strings.Contains(where, "skip") {
				t.Errorf("%s: the first stop is %s", path, where)
			}
			if strings.HasPrefix(where, "bare") || strings.Contains(where, "nowhere") {
				t.Errorf("%s: the focus is not seen on %s", path, where)
			}
			seen[where] = true
		}
		if len(seen) < 5 {
			t.Errorf("%s has %d stops", path, len(seen))
		}
	}
}
