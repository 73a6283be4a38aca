package shop

import "github.com/ai-data-analyst/broker/plugins/connector/sample/shop/table"

var ticketCategories = []string{"question", "complaint", "return_request", "shipping", "technical_issue", "refund"}
var ticketCategoryWeights = weigh(28, 18, 14, 16, 12, 12)
var priorities = []string{"low", "medium", "high", "critical"}
var priorityWeights = weigh(38, 35, 20, 7)

// answerMinutes is how long the first answer takes, low and high, for each priority.
var answerMinutes = [][2]int64{{480, 5760}, {240, 2880}, {60, 720}, {30, 240}}
var ticketChannels = []string{"email", "chat", "phone", "web_form"}
var ticketChannelWeights = weigh(40, 30, 15, 15)
var openStatuses = []string{"open", "in_progress", "waiting_customer"}
var scoreWeights = weigh(5, 8, 15, 35, 37)

var subjects = [][]string{
	{"Question about delivery time", "How do I change my address?", "Is this product compatible?", "Do you offer gift wrapping?", "Where is my invoice?", "How does the warranty work?"},
	{"Product arrived damaged", "Wrong item received", "Late delivery", "Poor quality", "Unfriendly support", "Missing parts"},
	{"Return of unused product", "Size does not fit", "Changed my mind", "Return label missing", "Exchange for another colour", "Return of a gift"},
	{"Package not delivered", "Tracking does not update", "Wrong address on label", "Customs question", "Delivery time slot", "Package at the neighbour"},
	{"Cannot log in", "Payment page error", "App crashes", "Discount code not accepted", "Confirmation mail missing", "Page does not load"},
	{"Refund not received", "Refund amount wrong", "Charged twice", "Cancel and refund", "Refund to another card", "Partial refund"},
}

type ticket struct {
	number, customer, order              int64
	category, priority, channel, subject uint8
	status                               string
	created, answered, resolved, score   int64
}

// ticketsWithOrder is the share, in percent, of tickets about an order of their customer.
const ticketsWithOrder = 60

func (s *Shop) ticket(f *family, n int64) ticket {
	x := s.stream(ofTicket, n)
	t := ticket{number: n, order: -1, category: x.pick(&ticketCategoryWeights), priority: x.pick(&priorityWeights), channel: x.pick(&ticketChannelWeights),
		subject: uint8(x.below(6)), answered: none, resolved: none, score: none}
	if x.chance(ticketsWithOrder) && len(f.orders) > 0 {
		o := &f.orders[x.below(int64(len(f.orders)))]
		t.order, t.customer = o.number, o.customer
		t.created = o.created + x.between(600, 21*daySeconds)
		if t.created >= s.calendar.end() {
			t.created = o.created + (s.calendar.end()-1-o.created)/2
		}
	} else {
		m := x.below(int64(len(f.members)))
		t.customer = f.first + m
		t.created = s.calendar.at(&x, s.calendar.on(&x, f.members[m].registered))
	}
	s.answer(&x, &t)
	return t
}

// answer plays the ticket's life forward; what would lie after the end has not happened yet.
func (s *Shop) answer(x *stream, t *ticket) {
	minutes := answerMinutes[t.priority]
	done, status := x.chance(75), openStatuses[x.below(3)]
	answered := t.created + 60*x.between(minutes[0], minutes[1])
	resolved := answered + x.between(3600, 14*daySeconds)
	closed, score := x.chance(50), 1+int64(x.pick(&scoreWeights))
	switch end := s.calendar.end(); {
	case answered >= end || !done && status == "open":
		t.status = "open"
	case !done:
		t.status, t.answered = status, answered
	case resolved >= end:
		t.status, t.answered = "in_progress", answered
	default:
		t.status, t.answered, t.resolved, t.score = "resolved", answered, resolved, score
		if closed {
			t.status = "closed"
		}
	}
}

func ticketTable(s *Shop) *table.Spec[ticket] {
	return &table.Spec[ticket]{
		Title: "support_tickets", About: "Requests to the support desk.",
		Count: func() int64 { return s.Size.Tickets },
		Blocks: func(yield func([]ticket) bool) {
			for f := range s.families() {
				if !yield(f.ask(s)) {
					return
				}
			}
		},
		Columns: []table.Column{{Name: "ticket_id"}, {Name: "customer_id"}, {Name: "order_id"}, {Name: "category"},
			{Name: "priority"}, {Name: "status"}, {Name: "channel"}, {Name: "subject"},
			{Name: "created_at", Kind: table.Moment}, {Name: "first_response_at", Kind: table.Moment}, {Name: "resolved_at", Kind: table.Moment}, {Name: "satisfaction_score", Kind: table.Integer}},
		Line: func(b []byte, r *ticket) []byte {
			b = table.ID(b, "TKT-", r.number+1, 6)
			b = table.ID(b, "C-", r.customer+1, 6)
			b = optional(b, "ORD-", r.order, 7)
			b = table.String(b, ticketCategories[r.category])
			b = table.String(b, priorities[r.priority])
			b = table.String(b, r.status)
			b = table.String(b, ticketChannels[r.channel])
			b = table.String(b, subjects[r.category][r.subject])
			b = s.calendar.moment(b, r.created)
			b = s.calendar.moment(b, r.answered)
			b = s.calendar.moment(b, r.resolved)
			if r.score == none {
				return table.Null(b)
			}
			return table.Int(b, r.score)
		},
	}
}
