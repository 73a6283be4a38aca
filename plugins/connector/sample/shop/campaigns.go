package shop

import "time"

var channels = []string{"email", "paid_search", "paid_social", "organic_social", "display", "affiliate", "retargeting"}
var channelTitles = []string{"Email", "Paid Search", "Paid Social", "Organic Social", "Display", "Affiliate", "Retargeting"}
var channelWeights = weigh(20, 22, 18, 12, 12, 8, 8)

// clickRates are clicks for each 100,000 impressions, low and high: searching people click most.
var clickRates = [][2]int64{{2_000, 4_500}, {5_000, 8_000}, {1_200, 3_000}, {1_000, 2_500}, {500, 1_200}, {1_500, 3_500}, {2_500, 5_000}}

var templates = []string{"Spring Sale", "Summer Clearance", "Back to School", "Black Friday", "Holiday Season", "New Year Push", "Flash Sale", "Product Launch",
	"Loyalty Rewards", "Newsletter Blast", "Retargeting Wave", "Brand Awareness", "Category Spotlight", "Win-Back", "Early Access"}

type campaign struct {
	number              int64
	template, channel   uint8
	status              string
	budget, spend       int64 // cents
	impressions, clicks int64
	start, end          int64 // days of the span, both included
	segment             uint8
	year                int64
}

func (s *Shop) campaign(n int64) campaign {
	x := s.stream(ofCampaign, n)
	c := campaign{number: n, template: uint8(x.below(int64(len(templates)))), channel: x.pick(&channelWeights), segment: x.pick(&segmentWeights)}
	c.start = s.calendar.on(&x, 0)
	c.end = min(c.start+x.between(7, 60), s.calendar.days-1)
	c.budget = x.between(50_000, 2_500_000)
	c.year = int64(time.Unix((s.calendar.first+c.start)*daySeconds, 0).UTC().Year())
	past, share := c.end < s.calendar.days-7, x.between(200, 700)
	c.status = [2]string{"active", "paused"}[x.below(2)]
	if past {
		c.status, share = "completed", min(1000, x.between(600, 1100))
	}
	c.spend = c.budget * share / 1000
	c.impressions = c.spend * x.between(80, 500) / 100
	c.clicks = c.impressions * x.between(clickRates[c.channel][0], clickRates[c.channel][1]) / 100_000
	return c
}

// running lists for each day of the span the campaigns that run then.
type running struct {
	from      []int32 // first place in campaigns of each day, and the end
	campaigns []int32
}

func findRunning(s *Shop) running {
	days := s.calendar.days
	of := make([][]int32, days)
	for n := range s.Size.Campaigns {
		c := s.campaign(n)
		for day := c.start; day <= c.end; day++ {
			of[day] = append(of[day], int32(n))
		}
	}
	r := running{from: make([]int32, days+1)}
	for day, list := range of {
		r.campaigns = append(r.campaigns, list...)
		r.from[day+1] = int32(len(r.campaigns))
	}
	return r
}

// pick draws a campaign that runs on the day, or -1.
func (r *running) pick(x *stream, day int64) int64 {
	low, high := int64(r.from[day]), int64(r.from[day+1])
	if low == high {
		return -1
	}
	return int64(r.campaigns[low+x.below(high-low)])
}

func campaignTable(s *Shop) Table {
	return &spec[campaign]{
		name: "campaigns", key: "campaign_id", doc: "Marketing campaigns with budget, spend in EUR, and reach.",
		rows: func() int64 { return s.Size.Campaigns }, blocks: 1,
		fill: func(_ int64, rows []campaign) []campaign {
			for n := range s.Size.Campaigns {
				rows = append(rows, s.campaign(n))
			}
			return rows
		},
		columns: []column[campaign]{
			{name: "campaign_id", write: func(b []byte, r *campaign) []byte { return id(b, "CMP-", r.number+1, 4) }},
			{name: "name", write: func(b []byte, r *campaign) []byte {
				b = append(append(append(b, templates[r.template]...), " - "...), channelTitles[r.channel]...)
				return id(append(b, ' '), "", r.year, 4)
			}},
			{name: "channel", write: func(b []byte, r *campaign) []byte { return append(b, channels[r.channel]...) }},
			{name: "status", write: func(b []byte, r *campaign) []byte { return append(b, r.status...) }},
			{name: "budget", kind: money, number: func(r *campaign) int64 { return r.budget }},
			{name: "spend", kind: money, number: func(r *campaign) int64 { return r.spend }},
			{name: "impressions", kind: integer, number: func(r *campaign) int64 { return r.impressions }},
			{name: "clicks", kind: integer, number: func(r *campaign) int64 { return r.clicks }},
			{name: "start_date", kind: date, number: func(r *campaign) int64 { return s.calendar.first + r.start }},
			{name: "end_date", kind: date, number: func(r *campaign) int64 { return s.calendar.first + r.end }},
			{name: "target_segment", write: func(b []byte, r *campaign) []byte { return append(b, segments[r.segment]...) }},
		},
	}
}
