package shop_test

import "testing"

// Nothing happens before what it depends on, in any table.
func TestTimeRunsForward(t *testing.T) {
	s := newShop(t, "s", 42)
	customers, products, campaigns := load(t, s, "customers"), load(t, s, "products"), load(t, s, "campaigns")
	orders := load(t, s, "orders")
	byCustomer, byProduct, byCampaign, byOrder := customers.index(t, "customer_id"), products.index(t, "product_id"), campaigns.index(t, "campaign_id"), orders.index(t, "order_id")
	registered := func(customer string) string { return customers.get(byCustomer[customer], "registration_date") }
	for name, column := range map[string]string{"web_sessions": "started_at", "web_leads": "created_at", "orders": "created_at", "payments": "created_at", "support_tickets": "created_at"} {
		r := load(t, s, name)
		for i := range r.cells {
			if c := r.get(i, "customer_id"); c != "" && r.get(i, column)[:10] < registered(c) {
				t.Fatalf("%s row %d at %s: %s registered on %s", name, i, r.get(i, column), c, registered(c))
			}
			if r.get(i, column) >= "2026-03-01" {
				t.Fatalf("%s row %d at %s: after the end", name, i, r.get(i, column))
			}
		}
	}
	sessions := load(t, s, "web_sessions")
	for i := range sessions.cells {
		if c := sessions.get(i, "campaign_id"); c != "" {
			day := sessions.get(i, "started_at")[:10]
			if at := byCampaign[c]; day < campaigns.get(at, "start_date") || day > campaigns.get(at, "end_date") {
				t.Fatalf("session %d on %s lies outside %s", i, day, c)
			}
		}
	}
	items := load(t, s, "order_items")
	for i := range items.cells {
		day, at := orders.get(byOrder[items.get(i, "order_id")], "created_at")[:10], byProduct[items.get(i, "product_id")]
		if day < products.get(at, "created_at") {
			t.Fatalf("item %d was sold on %s before its product existed", i, day)
		}
		if products.get(at, "is_active") == "0" && day >= "2026-01-30" {
			t.Fatalf("item %d of an inactive product was sold on %s", i, day)
		}
	}
	payments := load(t, s, "payments")
	for i := range payments.cells {
		at := byOrder[payments.get(i, "order_id")]
		created, completed := payments.get(i, "created_at"), payments.get(i, "completed_at")
		if created < orders.get(at, "created_at") || completed != "" && completed < created || payments.get(i, "amount") != orders.get(at, "total_amount") {
			t.Fatalf("payment %d does not follow its order", i)
		}
	}
	tickets := load(t, s, "support_tickets")
	for i := range tickets.cells {
		if o := tickets.get(i, "order_id"); o != "" {
			if at := byOrder[o]; tickets.get(i, "created_at") < orders.get(at, "created_at") || tickets.get(i, "customer_id") != orders.get(at, "customer_id") {
				t.Fatalf("ticket %d does not follow its order", i)
			}
		}
		created, answered, resolved := tickets.get(i, "created_at"), tickets.get(i, "first_response_at"), tickets.get(i, "resolved_at")
		if answered != "" && answered < created || resolved != "" && (answered == "" || resolved < answered) || resolved >= "2026-03-01" {
			t.Fatalf("ticket %d: %s, %s, %s", i, created, answered, resolved)
		}
		if (tickets.get(i, "satisfaction_score") != "") != (resolved != "") {
			t.Fatalf("ticket %d: a score without resolution or the reverse", i)
		}
	}
}
