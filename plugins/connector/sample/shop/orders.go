package shop

import "github.com/ai-data-analyst/broker/plugins/connector/sample/shop/table"

func orderTable(s *Shop) *table.Spec[order] {
	return &table.Spec[order]{
		Title: "orders", About: "Orders with their amounts in EUR.",
		Count: func() int64 { return s.Size.Orders },
		Blocks: func(yield func([]order) bool) {
			for f := range s.families() {
				if f.fill(s); !yield(f.orders) {
					return
				}
			}
		},
		Columns: []table.Column{{Name: "order_id"}, {Name: "customer_id"}, {Name: "created_at", Kind: table.Moment}, {Name: "status"},
			{Name: "items_total", Kind: table.Money}, {Name: "discount_amount", Kind: table.Money}, {Name: "shipping_amount", Kind: table.Money}, {Name: "total_amount", Kind: table.Money},
			{Name: "channel"}},
		Line: func(b []byte, r *order) []byte {
			b = table.ID(b, "ORD-", r.number+1, 7)
			b = table.ID(b, "C-", r.customer+1, 6)
			b = s.calendar.moment(b, r.created)
			b = table.String(b, orderStatuses[r.status])
			b = table.Cents(b, r.total)
			b = table.Cents(b, r.discount)
			b = table.Cents(b, r.shipping)
			b = table.Cents(b, r.amount)
			return table.String(b, orderChannels[r.channel])
		},
	}
}

func itemTable(s *Shop) *table.Spec[item] {
	return &table.Spec[item]{
		Title: "order_items", About: "Lines of orders.",
		Count: func() int64 { items, _ := s.count(); return items },
		Blocks: func(yield func([]item) bool) {
			for f := range s.families() {
				if f.fill(s); !yield(f.items) {
					return
				}
			}
		},
		Columns: []table.Column{{Name: "order_item_id"}, {Name: "order_id"}, {Name: "product_id"}, {Name: "quantity", Kind: table.Integer},
			{Name: "unit_price", Kind: table.Money}, {Name: "discount_percent", Kind: table.Integer}, {Name: "line_total", Kind: table.Money}},
		Line: func(b []byte, r *item) []byte {
			b = table.ID(b, "OI-", r.number+1, 8)
			b = table.ID(b, "ORD-", r.order+1, 7)
			b = table.ID(b, "P-", int64(r.product)+1, 5)
			b = table.Int(b, r.quantity)
			b = table.Cents(b, r.price)
			b = table.Int(b, r.percent)
			return table.Cents(b, r.line)
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

func paymentTable(s *Shop) *table.Spec[payment] {
	return &table.Spec[payment]{
		Title: "payments", About: "Payments of orders, failed tries included.",
		Count: func() int64 { _, payments := s.count(); return payments },
		Blocks: func(yield func([]payment) bool) {
			for f := range s.families() {
				if f.fill(s); !yield(f.pay(s)) {
					return
				}
			}
		},
		Columns: []table.Column{{Name: "payment_id"}, {Name: "order_id"}, {Name: "customer_id"}, {Name: "amount", Kind: table.Money},
			{Name: "currency"}, {Name: "method"}, {Name: "status"}, {Name: "created_at", Kind: table.Moment}, {Name: "completed_at", Kind: table.Moment}},
		Line: func(b []byte, r *payment) []byte {
			b = table.ID(b, "PAY-", r.number+1, 7)
			b = table.ID(b, "ORD-", r.order+1, 7)
			b = table.ID(b, "C-", r.customer+1, 6)
			b = table.Cents(b, r.amount)
			b = table.String(b, "EUR")
			b = table.String(b, methods[r.method])
			b = table.String(b, r.status)
			b = s.calendar.moment(b, r.created)
			return s.calendar.moment(b, r.completed)
		},
	}
}
