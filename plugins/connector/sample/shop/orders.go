package shop

func orderTable(s *Shop) Table {
	return &spec[order]{
		name: "orders", key: "order_id", doc: "Orders with their amounts in EUR.",
		rows: func() int64 { return s.Size.Orders }, blocks: s.blocks,
		fill: func(block int64, rows []order) []order { return append(rows, s.basket(block).orders...) },
		columns: []column[order]{
			{name: "order_id", write: func(b []byte, r *order) []byte { return id(b, "ORD-", r.number+1, 7) }},
			{name: "customer_id", write: func(b []byte, r *order) []byte { return id(b, "C-", r.customer+1, 6) }},
			{name: "created_at", kind: moment, number: func(r *order) int64 { return r.created }},
			{name: "status", write: func(b []byte, r *order) []byte { return append(b, orderStatuses[r.status]...) }},
			{name: "items_total", kind: money, number: func(r *order) int64 { return r.total }},
			{name: "discount_amount", kind: money, number: func(r *order) int64 { return r.discount }},
			{name: "shipping_amount", kind: money, number: func(r *order) int64 { return r.shipping }},
			{name: "total_amount", kind: money, number: func(r *order) int64 { return r.amount }},
			{name: "channel", write: func(b []byte, r *order) []byte { return append(b, orderChannels[r.channel]...) }},
		},
	}
}

func itemTable(s *Shop) Table {
	return &spec[item]{
		name: "order_items", key: "order_item_id", doc: "Lines of orders.",
		rows: func() int64 { items, _ := s.before(); return items[s.blocks] }, blocks: s.blocks,
		fill: func(block int64, rows []item) []item {
			items, _ := s.before()
			number, f := items[block], s.basket(block)
			for i := range f.orders {
				for _, r := range f.orders[i].items {
					r.number = number
					rows = append(rows, r)
					number++
				}
			}
			return rows
		},
		columns: []column[item]{
			{name: "order_item_id", write: func(b []byte, r *item) []byte { return id(b, "OI-", r.number+1, 8) }},
			{name: "order_id", write: func(b []byte, r *item) []byte { return id(b, "ORD-", r.order+1, 7) }},
			{name: "product_id", write: func(b []byte, r *item) []byte { return id(b, "P-", r.product.number+1, 5) }},
			{name: "quantity", kind: integer, number: func(r *item) int64 { return r.quantity }},
			{name: "unit_price", kind: money, number: func(r *item) int64 { return r.product.price }},
			{name: "discount_percent", kind: integer, number: func(r *item) int64 { return r.percent }},
			{name: "line_total", kind: money, number: func(r *item) int64 { return r.line }},
		},
	}
}

var methods = []string{"credit_card", "debit_card", "paypal", "bank_transfer", "apple_pay", "invoice"}
var methodWeights = weigh(38, 20, 18, 12, 8, 4)

const (
	bankTransfer = 3
	invoice      = 5
)

type payment struct {
	number, order, customer int64
	amount                  int64
	method                  uint8
	status                  string
	created, completed      int64
}

// payments appends the payments of an order: a failed one first for some, then the one that counts. Both come after the
// order, in this order.
func (s *Shop) payments(rows []payment, o *order, number int64) []payment {
	fails, x := s.failsFirst(o.number)
	last := s.calendar.end() - 1
	p := payment{number: number, order: o.number, customer: o.customer, amount: o.amount, method: x.pick(&methodWeights), completed: none}
	if o.member.segment != b2c && x.chance(40) {
		p.method = [2]uint8{bankTransfer, invoice}[x.below(2)]
	}
	p.created = min(last, o.created+x.between(5, 600))
	if fails {
		failed := p
		failed.status = "failed"
		rows = append(rows, failed)
		p.number++
		p.created = min(last, p.created+x.between(30, 1800))
	}
	switch o.status {
	case cancelled:
		p.status = "cancelled"
	case returned:
		p.status, p.completed = "refunded", min(last, p.created+x.between(3600, 14*daySeconds))
	default:
		p.status, p.completed = "completed", min(last, p.created+x.between(0, 3*daySeconds))
	}
	return append(rows, p)
}

func paymentTable(s *Shop) Table {
	return &spec[payment]{
		name: "payments", key: "payment_id", doc: "Payments of orders, failed tries included.",
		rows: func() int64 { _, payments := s.before(); return payments[s.blocks] }, blocks: s.blocks,
		fill: func(block int64, rows []payment) []payment {
			_, payments := s.before()
			first, f, at := len(rows), s.basket(block), payments[block]
			for i := range f.orders {
				rows = s.payments(rows, &f.orders[i], at+int64(len(rows)-first))
			}
			return rows
		},
		columns: []column[payment]{
			{name: "payment_id", write: func(b []byte, r *payment) []byte { return id(b, "PAY-", r.number+1, 7) }},
			{name: "order_id", write: func(b []byte, r *payment) []byte { return id(b, "ORD-", r.order+1, 7) }},
			{name: "customer_id", write: func(b []byte, r *payment) []byte { return id(b, "C-", r.customer+1, 6) }},
			{name: "amount", kind: money, number: func(r *payment) int64 { return r.amount }},
			{name: "currency", write: func(b []byte, _ *payment) []byte { return append(b, "EUR"...) }},
			{name: "method", write: func(b []byte, r *payment) []byte { return append(b, methods[r.method]...) }},
			{name: "status", write: func(b []byte, r *payment) []byte { return append(b, r.status...) }},
			{name: "created_at", kind: moment, number: func(r *payment) int64 { return r.created }},
			{name: "completed_at", kind: moment, number: func(r *payment) int64 { return r.completed }},
		},
	}
}
