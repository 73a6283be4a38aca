package shop

import "github.com/ai-data-analyst/broker/plugins/connector/sample/shop/table"

var devices = []string{"desktop", "mobile", "tablet"}
var deviceWeights = weigh(45, 45, 10)
var browsers = []string{"Chrome", "Safari", "Firefox", "Edge", "Other"}
var browserWeights = weigh(64, 19, 8, 7, 2)
var pages = []string{"/", "/products", "/products/electronics", "/products/clothing", "/products/home-garden", "/sale", "/new-arrivals", "/about", "/blog", "/blog/tips", "/blog/reviews", "/contact"}

type session struct {
	number, visitor, customer, campaign int64
	started, seconds, viewed, bounce    int64
	device, browser, country, landing   uint8
}

// Shares of sessions and leads that belong to a customer. They are set higher than what comes out (40 % and 55 %),
// because early days find few registered customers.
const (
	sessionCustomers = 43
	leadCustomers    = 59
)

func (s *Shop) session(n int64) session {
	x := s.stream(ofSession, n)
	day := s.calendar.on(&x, 0)
	r := session{number: n, visitor: x.below(max(1, s.Size.Sessions/3)), customer: -1, campaign: -1, started: s.calendar.at(&x, day),
		device: x.pick(&deviceWeights), browser: x.pick(&browserWeights), country: x.pick(&countryWeights), landing: uint8(x.below(int64(len(pages))))}
	if x.chance(35) {
		r.bounce, r.seconds, r.viewed = 1, x.between(5, 30), 1
	} else {
		r.seconds, r.viewed = x.between(30, 900), x.between(2, 15)
	}
	if x.chance(25) {
		r.campaign = s.running.pick(&x, day)
	}
	if x.chance(sessionCustomers) {
		r.customer = s.someMember(&x, day)
	}
	return r
}

// optional appends an id, or nothing for -1.
func optional(b []byte, prefix string, number int64, width int) []byte {
	if number < 0 {
		return table.Null(b)
	}
	return table.ID(b, prefix, number+1, width)
}

func sessionTable(s *Shop) Table {
	return &table.Spec[session]{
		Title: "web_sessions", About: "Visits of the web shop.",
		Count: func() int64 { return s.Size.Sessions }, Blocks: each(s.Size.Sessions, s.session),
		Columns: []table.Column{{Name: "session_id"}, {Name: "visitor_id"}, {Name: "customer_id"}, {Name: "campaign_id"},
			{Name: "started_at", Kind: table.Moment}, {Name: "duration_seconds", Kind: table.Integer}, {Name: "pages_viewed", Kind: table.Integer}, {Name: "device_type"},
			{Name: "browser"}, {Name: "country"}, {Name: "landing_page"}, {Name: "is_bounce", Kind: table.Integer}},
		Line: func(b []byte, r *session) []byte {
			b = table.ID(b, "S-", r.number+1, 8)
			b = table.ID(b, "V-", r.visitor+1, 8)
			b = optional(b, "C-", r.customer, 6)
			b = optional(b, "CMP-", r.campaign, 4)
			b = s.calendar.moment(b, r.started)
			b = table.Int(b, r.seconds)
			b = table.Int(b, r.viewed)
			b = table.String(b, devices[r.device])
			b = table.String(b, browsers[r.browser])
			b = table.String(b, countries[r.country])
			b = table.String(b, pages[r.landing])
			return table.Int(b, r.bounce)
		},
	}
}

var leadSources = []string{"newsletter_signup", "contact_form", "demo_request", "content_download", "webinar_registration"}
var leadSourceWeights = weigh(30, 25, 15, 20, 10)
var leadStatuses = []string{"new", "contacted", "qualified", "converted", "lost"}
var leadStatusWeights = weigh(35, 20, 15, 18, 12)

const (
	qualified = 2
	converted = 3
)

type lead struct {
	number, campaign     int64
	person               customer // its number is -1 when the lead is no customer
	source, status       uint8
	created, convertedAt int64
}

func (s *Shop) lead(n int64) lead {
	x := s.stream(ofLead, n)
	day := s.calendar.on(&x, 0)
	r := lead{number: n, campaign: -1, source: x.pick(&leadSourceWeights), status: x.pick(&leadStatusWeights), created: s.calendar.at(&x, day), convertedAt: none}
	if r.status == converted {
		r.convertedAt = s.calendar.at(&x, day+x.between(1, 14))
		if r.convertedAt >= s.calendar.end() { // not yet
			r.status, r.convertedAt = qualified, none
		}
	}
	if x.chance(40) {
		r.campaign = s.running.pick(&x, day)
	}
	number := int64(-1)
	if x.chance(leadCustomers) {
		number = s.someMember(&x, day)
	}
	if number >= 0 {
		r.person = s.customer(number)
		return r
	}
	people := &s.people[x.below(int64(len(s.people)))]
	r.person = customer{number: -1, first: people.first[x.below(int64(len(people.first)))], last: people.last[x.below(int64(len(people.last)))],
		domain: mailDomains[x.below(int64(len(mailDomains)))]}
	return r
}

func (r *lead) email(b []byte) []byte {
	if r.person.number >= 0 {
		return r.person.email(b)
	}
	person := r.person
	person.number = r.number
	return person.email(append(b, "lead."...))
}

func leadTable(s *Shop) Table {
	return &table.Spec[lead]{
		Title: "web_leads", About: "People who left their address, and what became of them.",
		Count: func() int64 { return s.Size.Leads }, Blocks: each(s.Size.Leads, s.lead),
		Columns: []table.Column{{Name: "lead_id"}, {Name: "customer_id"}, {Name: "email"}, {Name: "source"},
			{Name: "campaign_id"}, {Name: "created_at", Kind: table.Moment}, {Name: "status"}, {Name: "converted_at", Kind: table.Moment}},
		Line: func(b []byte, r *lead) []byte {
			b = table.ID(b, "L-", r.number+1, 6)
			b = optional(b, "C-", r.person.number, 6)
			b = append(r.email(b), ',')
			b = table.String(b, leadSources[r.source])
			b = optional(b, "CMP-", r.campaign, 4)
			b = s.calendar.moment(b, r.created)
			b = table.String(b, leadStatuses[r.status])
			return s.calendar.moment(b, r.convertedAt)
		},
	}
}
