package shop

import (
	"time"

	"github.com/ai-data-analyst/broker/plugins/connector/sample/shop/table"
)

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

func (s *Shop) campaigns() []campaign {
	all := make([]campaign, s.Size.Campaigns)
	for n := range all {
		all[n] = s.campaign(int64(n))
	}
	return all
}

func campaignTable(s *Shop) Table {
	return &table.Spec[campaign]{
		Title: "campaigns", About: "Marketing campaigns with budget, spend in EUR, and reach.",
		Count:  func() int64 { return s.Size.Campaigns },
		Blocks: func(yield func([]campaign) bool) { yield(s.campaigns()) },
		Columns: []table.Column{{Name: "campaign_id"}, {Name: "name"}, {Name: "channel"}, {Name: "status"},
			{Name: "budget", Kind: table.Money}, {Name: "spend", Kind: table.Money}, {Name: "impressions", Kind: table.Integer}, {Name: "clicks", Kind: table.Integer},
			{Name: "start_date", Kind: table.Date}, {Name: "end_date", Kind: table.Date}, {Name: "target_segment"}},
		Line: func(b []byte, r *campaign) []byte {
			b = table.ID(b, "CMP-", r.number+1, 4)
			b = append(append(append(b, templates[r.template]...), " - "...), channelTitles[r.channel]...)
			b = table.ID(b, " ", r.year, 4)
			b = table.String(b, channels[r.channel])
			b = table.String(b, r.status)
			b = table.Cents(b, r.budget)
			b = table.Cents(b, r.spend)
			b = table.Int(b, r.impressions)
			b = table.Int(b, r.clicks)
			b = s.calendar.texts.Date(b, s.calendar.first+r.start)
			b = s.calendar.texts.Date(b, s.calendar.first+r.end)
			return table.String(b, segments[r.segment])
		},
	}
}
