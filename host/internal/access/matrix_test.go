package access_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ai-data-analyst/broker/host/internal/access"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func at(line int, values ...string) []access.Named {
	var out []access.Named
	for i, v := range values {
		out = append(out, access.Named{Value: v, Origin: access.Origin{File: "instance.hcl", Line: line + i}})
	}
	return out
}

// acme are the rules that the tests go by.
func acme() access.Rules {
	return access.Rules{
		AllowedDomains: []string{"acme.com"},
		AllowedEmails:  []string{"ext@partner.io"},
		Admins:         at(10, "ada@acme.com", "root@acme.com"),
		Privileged:     at(20, "eve@acme.com", "pia@acme.com"),
		Private:        []string{"hr", "board"},
		Datasets:       map[string][]string{"telemetry": {"telemetry.*", "shop.events"}, "people": {"hr.*"}, "all": {"*"}},
		Groups: []access.RuleGroup{
			{Name: "finance", Members: []string{"bob@acme.com", "eve@acme.com"}, Patterns: at(30, "finance.*", "crm.orders"), Origin: access.Origin{File: "instance.hcl", Line: 29}},
			{Name: "starred", Members: []string{"sam@acme.com", "pia@acme.com"}, Patterns: at(40, "*"), Origin: access.Origin{File: "instance.hcl", Line: 39}},
			{Name: "staff", Members: []string{"eve@acme.com", "bob@acme.com"}, Patterns: at(50, "hr.*"), Origin: access.Origin{File: "instance.hcl", Line: 49}},
		},
	}
}

// fill puts people, groups and grants of commands into the database.
func fill(t *testing.T, a *access.Access) {
	t.Helper()
	ctx := t.Context()
	for _, email := range []string{"ada@acme.com", "bob@acme.com", "carl@acme.com", "dora@partner.io", "eve@acme.com", "sam@acme.com", "pia@acme.com",
		"tom@acme.com", "out@acme.com", "root@acme.com", "kim@acme.com", "priv@acme.com"} {
		_, _, err := a.AddUser(ctx, access.NewUser{Email: email})
		must(t, err)
	}
	for group, patterns := range map[string][]string{"ops": {"ops.alerts", "shop.*"}, "measure": {"dataset:telemetry"}, "secret": {"dataset:people", "board.minutes"},
		"wide": {"dataset:all"}, "everyone": {"main.calendar"}} {
		_, err := a.CreateGroup(ctx, group)
		must(t, err)
		_, err = a.Grant(ctx, group, patterns)
		must(t, err)
	}
	for group, emails := range map[string][]string{"ops": {"carl@acme.com", "out@acme.com"}, "measure": {"tom@acme.com"},
		"secret": {"tom@acme.com", "priv@acme.com"}, "wide": {"kim@acme.com"}} {
		_, err := a.AddMembers(ctx, group, emails)
		must(t, err)
	}
	_, _, err := a.AddUser(ctx, access.NewUser{Email: "priv@acme.com", Role: sdk.Privileged})
	must(t, err)
	for _, email := range []string{"out@acme.com", "root@acme.com"} {
		must(t, a.DisableUser(ctx, email))
	}
}

// tables of the matrix; a letter stands for each.
var matrixTables = []sdk.TableName{"finance.invoices", "crm.orders", "crm.leads", "shop.events", "shop.orders", "ops.alerts", "telemetry.pings",
	"hr.salaries", "board.minutes", "board.votes", "main.calendar"}

// matrix says who reads what: one letter a table of matrixTables, "x" = may, "." = may not.
var matrix = []struct{ who, reads, why string }{
	{"ada@acme.com", "xxxxxxxxxxx", "admin of the configuration"},
	{"bob@acme.com", "xx........x", "a group of the configuration; private hr stays shut to a standard user"},
	{"carl@acme.com", "...xxx....x", "a group of the database: one table and a namespace"},
	{"dora@partner.io", "..........x", "invited, in no group: what everyone may"},
	{"eve@acme.com", "xx.....x..x", "privileged, and granted hr.* explicitly"},
	{"sam@acme.com", "xxxxxxx...x", "* opens all but private namespaces"},
	{"pia@acme.com", "xxxxxxx...x", "* opens no private namespace to privileged people either"},
	{"tom@acme.com", "...x..x...x", "a dataset; a dataset of a private namespace opens nothing to a standard user"},
	{"kim@acme.com", "xxxxxxx...x", "a dataset of *"},
	{"priv@acme.com", ".......xx.x", "privileged by command: a private dataset, one private table"},
	{"out@acme.com", "...........", "disabled: in ops, but shut out"},
	{"root@acme.com", "...........", "disabled admin: disable wins over everything"},
	{"nobody@acme.com", "...........", "never came"},
}

// G12: users × tables × doors. Authorize, Visible and Explain give one answer.
func TestG12_Matrix(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h house) {
		a := h.open(t, acme())
		fill(t, a)
		ids := map[string]sdk.User{}
		people, err := a.Users(t.Context())
		must(t, err)
		for _, p := range people {
			ids[p.Email] = p.User
		}
		for _, row := range matrix {
			who := sdk.Caller{User: ids[row.who], Scopes: []sdk.Scope{sdk.ScopeRead}}
			sees, _, err := a.Visible(t.Context(), who)
			must(t, err)
			for i, table := range matrixTables {
				want := row.reads[i] == 'x'
				err := a.Authorize(t.Context(), who, sdk.ReadTable, table)
				if (err == nil) != want || !want && fault.CodeOf(err) != fault.NotFound {
					t.Errorf("%s (%s) reads %s: %v, want %v", row.who, row.why, table, err, want)
				}
				if sees(table) != want {
					t.Errorf("%s sees %s: %v", row.who, table, sees(table))
				}
				if row.who == "nobody@acme.com" {
					continue // judged as if they came now
				}
				e, err := a.Explain(t.Context(), row.who, string(table))
				must(t, err)
				if e.Allowed != want || (len(e.Because) > 0) != want || e.Why == "" {
					t.Errorf("%s and %s are explained as %+v", row.who, table, e)
				}
			}
		}
	})
}

// Y9, G12: what a credential carries limits what its holder may do; denied and absent are one answer.
func TestG12_ActionsNeedScopeAndRole(t *testing.T) {
	h := onSQLite(t)
	a := h.open(t, acme())
	fill(t, a)
	const read, push, admin = sdk.ScopeRead, sdk.ScopePush, sdk.ScopeAdmin
	for _, c := range []struct {
		who    string
		scopes []sdk.Scope
		action sdk.Action
		table  sdk.TableName
		want   fault.Code
	}{
		{"ada@acme.com", []sdk.Scope{read, push, admin}, sdk.Administer, "", ""},
		{"ada@acme.com", []sdk.Scope{read, push}, sdk.Administer, "", fault.Permission},
		{"bob@acme.com", []sdk.Scope{read, push, admin}, sdk.Administer, "", fault.Permission},
		{"bob@acme.com", []sdk.Scope{push}, sdk.PushNotes, "", ""},
		{"bob@acme.com", []sdk.Scope{read, admin}, sdk.PushNotes, "", fault.Permission},
		{"bob@acme.com", []sdk.Scope{push}, sdk.ReadTable, "crm.orders", fault.NotFound},
		{"ada@acme.com", []sdk.Scope{admin}, sdk.ReadTable, "crm.orders", fault.NotFound},
		{"ada@acme.com", nil, sdk.ReadTable, "crm.orders", fault.NotFound},
		{"root@acme.com", []sdk.Scope{read, push, admin}, sdk.Administer, "", fault.Permission},
		{"root@acme.com", []sdk.Scope{read, push, admin}, sdk.PushNotes, "", fault.Permission},
		{"ada@acme.com", []sdk.Scope{read, push, admin}, "something else", "crm.orders", fault.Permission},
	} {
		people, err := a.Users(t.Context())
		must(t, err)
		for _, p := range people {
			if p.Email != c.who {
				continue
			}
			err := a.Authorize(t.Context(), sdk.Caller{User: p.User, Scopes: c.scopes}, c.action, c.table)
			if fault.CodeOf(err) != c.want {
				t.Errorf("%s with %v does %s: %v, want %q", c.who, c.scopes, c.action, err, c.want)
			}
		}
	}
	// A caller made up by somebody who remembers it, with a role that is not theirs: only what holds now counts.
	forged := sdk.Caller{User: sdk.User{ID: "nobody", Role: sdk.Admin}, Scopes: []sdk.Scope{read}}
	wantCode(t, a.Authorize(t.Context(), forged, sdk.ReadTable, "crm.orders"), fault.NotFound)
	wantCode(t, a.Authorize(t.Context(), sdk.Caller{}, sdk.ReadTable, "crm.orders"), fault.NotFound)
}

// A1: what is no name of a table is denied like one that is absent, to admins too.
func TestA1_NamesOutsideTheGrammar(t *testing.T) {
	a := onSQLite(t).open(t, acme())
	who := callerOf(t, a, invite(t, a, "ada@acme.com", ""))
	absent := a.Authorize(t.Context(), sdk.Caller{}, sdk.ReadTable, "shop.orders").Error()
	for _, name := range []sdk.TableName{"", "*", "shop.*", ".", "shop.", ".orders", "shop.orders.x", "../etc", "SHOP.orders", "shop.orders\x00", "shop/orders", "dataset:all", "\xc0\xae.\xc0\xae"} {
		if err := a.Authorize(t.Context(), who, sdk.ReadTable, name); err == nil || err.Error() != absent {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// The digest differs whenever what is visible does.
func TestDigestFollowsTheAnswer(t *testing.T) {
	a := onSQLite(t).open(t, acme())
	ctx := t.Context()
	who := callerOf(t, a, invite(t, a, "bob@acme.com", ""))
	_, err := a.CreateGroup(ctx, "mixed")
	must(t, err)
	_, err = a.AddMembers(ctx, "mixed", []string{"bob@acme.com"})
	must(t, err)
	answers := map[string]string{} // digest → answer
	patterns := []string{"*", "shop.*", "shop.orders", "hr.*", "board.minutes", "dataset:telemetry", "dataset:people", "crm.orders", "main.calendar"}
	random := rand.New(rand.NewPCG(1, 2))
	rules := acme()
	for range 150 {
		switch pattern := patterns[random.IntN(len(patterns))]; random.IntN(4) {
		case 0:
			_, err = a.Revoke(ctx, "mixed", []string{pattern})
		case 1:
			rules.Private = [][]string{nil, {"hr"}, {"hr", "shop"}}[random.IntN(3)]
			rules.Datasets["telemetry"] = []string{patterns[random.IntN(3)]}
			rules.Privileged = [][]access.Named{nil, at(1, "bob@acme.com")}[random.IntN(2)]
			a.SetRules(rules)
		default:
			_, err = a.Grant(ctx, "mixed", []string{pattern})
		}
		must(t, err)
		sees, digest, err := a.Visible(ctx, who)
		must(t, err)
		answer := ""
		for _, table := range matrixTables {
			answer += fmt.Sprint(sees(table), " ")
		}
		if before, ok := answers[digest]; ok && before != answer {
			t.Fatalf("one digest, two answers:\n%s\n%s", before, answer)
		}
		answers[digest] = answer
	}
	if len(answers) < 20 {
		t.Errorf("only %d different answers were tried", len(answers))
	}
}

func TestExplainNamesWhereItIsWritten(t *testing.T) {
	a := onSQLite(t).open(t, acme())
	fill(t, a)
	_, err := a.AddMembers(t.Context(), "ops", []string{"bob@acme.com"})
	must(t, err)
	_, err = a.Grant(t.Context(), "ops", []string{"crm.orders"})
	must(t, err)
	for _, c := range []struct {
		who, table string
		want       []access.Reason
	}{
		{"BOB@acme.com ", "crm.orders", []access.Reason{{Group: "finance", Pattern: "crm.orders", Origin: "instance.hcl", Line: 31}, {Group: "ops", Pattern: "crm.orders", Origin: "database"}}},
		{"ada@acme.com", "hr.salaries", []access.Reason{{Pattern: "role admin", Origin: "instance.hcl", Line: 10}}},
		{"tom@acme.com", "telemetry.pings", []access.Reason{{Group: "measure", Pattern: "dataset:telemetry", Origin: "database"}}},
		{"sam@acme.com", "shop.orders", []access.Reason{{Group: "starred", Pattern: "*", Origin: "instance.hcl", Line: 40}}},
		{"new@acme.com", "main.calendar", []access.Reason{{Group: "everyone", Pattern: "main.calendar", Origin: "database"}}},
		{"stranger@nowhere.org", "main.calendar", []access.Reason{}},
		{"tom@acme.com", "hr.salaries", []access.Reason{}},
	} {
		e, err := a.Explain(t.Context(), c.who, c.table)
		must(t, err)
		equal(t, e.Because, c.want)
	}
	_, err = a.Explain(t.Context(), "bob@acme.com", "orders")
	wantCode(t, err, fault.Config)
	_, err = a.Explain(t.Context(), "bob", "shop.orders")
	wantCode(t, err, fault.Config)
}
