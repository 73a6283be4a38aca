package browser_test

import (
	"strings"
	"testing"
)

// page is one address of the portal; of admins only or of anybody signed in.
type page struct {
	path string
	who  string // "" = nobody is signed in
	says string // what stands on it
}

const (
	ada = "ada@example.com" // admin
	bob = "bob@example.com"
)

// pages is every page of the portal.
var pages = []page{
	{"/login", "", "Continue as"},
	{"/", ada, ""},
	{"/", bob, ""},
	{"/logout", bob, "Sign out"},
	{"/no-such-page", bob, "There is no such page"},
	{"/runs", bob, ""},
	{"/runs", ada, ""},
	{"/activity", bob, ""},
	{"/syncs", bob, ""},
	{"/memory", bob, "There is no shared memory here"},
	{"/catalog", bob, "shop.orders"},
	{"/catalog?q=nothing+like+this", bob, ""},
	{"/catalog?q=customer&state=fresh", ada, "customers"},
	{"/t/shop.orders", bob, "How to use"},
	{"/t/shop.customers", ada, "How to use"},
	{"/t/reference.airports", bob, "There is no such page"},
	{"/definitions", bob, ""},
	{"/me", bob, "You receive everything"},
	{"/me", ada, "You receive everything"},
	{"/setup", bob, "Set up a machine"},
	{"/setup?os=windows", bob, "Set up a machine"},
	{"/admin", ada, "Everything works"},
	{"/admin/plugins", ada, "can be used"},
	{"/admin/sources", ada, "2 sources, all usable"},
	{"/admin/tables", ada, "Register a table"},
	{"/admin/tables?source=demo&stream=orders", ada, "ORD-0000001"},
	{"/admin/access", ada, "Who may read what"},
	{"/admin/access?user=bob@example.com&table=shop.orders", ada, "Yes."},
	{"/admin/people", ada, "Invite"},
	{"/admin/storage", ada, "on disk"},
	{"/admin/audit", ada, "Who did what"},
	{"/admin/audit?check=1", ada, "Unbroken"},
	{"/admin", bob, "That is not open to you"},
}

func TestPages(t *testing.T) {
	d, browser := serve(t)
	tabs := map[string]*tab{"": open(t, browser, d.URL), ada: open(t, browser, d.URL), bob: open(t, browser, d.URL)}
	tabs[ada].signIn(ada)
	tabs[bob].signIn(bob)
	for _, p := range pages {
		t.Run(strings.Trim(p.who+p.path, "/"), func(t *testing.T) {
			b := tabs[p.who]
			b.t = t
			for _, l := range looks {
				b.as(l)
				b.visit(p.path)
				if text := ask[string](b, "document.body.innerText"); !strings.Contains(text, p.says) {
					t.Fatalf("%s does not say %q:\n%s", p.path, p.says, text)
				}
				b.examine(l.name)
				b.shoot(strings.NewReplacer("/", "_", "?", "_", "@example.com", "").Replace(p.who+p.path) + "-" + l.name)
			}
			b.quiet(p.path, "status of 404", "status of 403")
		})
	}
}
