package shop

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
		return b
	}
	return id(b, prefix, number+1, width)
}

func sessionTable(s *Shop) Table {
	total := s.Size.Sessions
	return &spec[session]{
		name: "web_sessions", key: "session_id", doc: "Visits of the web shop.",
		rows: func() int64 { return total }, blocks: blocksOf(total),
		fill: func(block int64, rows []session) []session {
			for n := block * rowsOfBlock; n < min(total, (block+1)*rowsOfBlock); n++ {
				rows = append(rows, s.session(n))
			}
			return rows
		},
		columns: []column[session]{
			{name: "session_id", write: func(b []byte, r *session) []byte { return id(b, "S-", r.number+1, 8) }},
			{name: "visitor_id", write: func(b []byte, r *session) []byte { return id(b, "V-", r.visitor+1, 8) }},
			{name: "customer_id", write: func(b []byte, r *session) []byte { return optional(b, "C-", r.customer, 6) }},
			{name: "campaign_id", write: func(b []byte, r *session) []byte { return optional(b, "CMP-", r.campaign, 4) }},
			{name: "started_at", kind: moment, number: func(r *session) int64 { return r.started }},
			{name: "duration_seconds", kind: integer, number: func(r *session) int64 { return r.seconds }},
			{name: "pages_viewed", kind: integer, number: func(r *session) int64 { return r.viewed }},
			{name: "device_type", write: func(b []byte, r *session) []byte { return append(b, devices[r.device]...) }},
			{name: "browser", write: func(b []byte, r *session) []byte { return append(b, browsers[r.browser]...) }},
			{name: "country", write: func(b []byte, r *session) []byte { return append(b, countries[r.country]...) }},
			{name: "landing_page", write: func(b []byte, r *session) []byte { return append(b, pages[r.landing]...) }},
			{name: "is_bounce", kind: integer, number: func(r *session) int64 { return r.bounce }},
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
	total := s.Size.Leads
	return &spec[lead]{
		name: "web_leads", key: "lead_id", doc: "People who left their address, and what became of them.",
		rows: func() int64 { return total }, blocks: blocksOf(total),
		fill: func(block int64, rows []lead) []lead {
			for n := block * rowsOfBlock; n < min(total, (block+1)*rowsOfBlock); n++ {
				rows = append(rows, s.lead(n))
			}
			return rows
		},
		columns: []column[lead]{
			{name: "lead_id", write: func(b []byte, r *lead) []byte { return id(b, "L-", r.number+1, 6) }},
			{name: "customer_id", write: func(b []byte, r *lead) []byte { return optional(b, "C-", r.person.number, 6) }},
			{name: "email", write: func(b []byte, r *lead) []byte { return r.email(b) }},
			{name: "source", write: func(b []byte, r *lead) []byte { return append(b, leadSources[r.source]...) }},
			{name: "campaign_id", write: func(b []byte, r *lead) []byte { return optional(b, "CMP-", r.campaign, 4) }},
			{name: "created_at", kind: moment, number: func(r *lead) int64 { return r.created }},
			{name: "status", write: func(b []byte, r *lead) []byte { return append(b, leadStatuses[r.status]...) }},
			{name: "converted_at", kind: moment, number: func(r *lead) int64 { return r.convertedAt }},
		},
	}
}
