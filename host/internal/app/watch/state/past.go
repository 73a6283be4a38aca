package state

import (
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
)

// Days is how many days of outcomes a table shows.
const Days = 30

const day = 24 * time.Hour

// Outcome is how one run went for one table.
type Outcome struct {
	Sync    string // id of the command or tick
	Run     string // id in the journal, and of the heads that the run made
	Status  string // published, unchanged, held, partial, failed or cancelled
	Started time.Time
	Ended   time.Time
	Added   int64
	Updated int64
	Deleted int64
	Message string // of a failure
	Help    string
	Set     []sdk.TableName // tables of the run, which Message may be about
}

// answered says whether the source was asked with success.
func (o Outcome) answered() bool {
	return o.Status == "published" || o.Status == "unchanged" || o.Status == "held"
}

// Past is what the journal says of one table, added up; the zero Past is a table without runs. Outcomes are added in the
// order in which they ended.
type Past struct {
	last    Outcome   // newest that tells the table's state: neither held nor cancelled
	since   time.Time // end of the first outcome of its kind in a row
	held    Outcome   // newest held one
	asked   time.Time // start of the newest run that the source answered
	checked time.Time // its end
	first   time.Time // start of the first run known
	took    [10]time.Duration
	runs    int // that published
	days    [Days + 1]dayOf
}

// dayOf is one day in UTC.
type dayOf struct {
	number                  int64 // days since 1970
	word                    string
	added, updated, deleted int64
	runs                    int
}

// Add takes the next outcome in.
func (p *Past) Add(o Outcome) {
	if p.first.IsZero() {
		p.first = o.Started
	}
	if o.answered() && o.Started.After(p.asked) {
		p.asked, p.checked = o.Started, o.Ended
	}
	switch o.Status {
	case "cancelled": // nothing came of it, and nothing is wrong with the table
	case "held":
		p.held = o
	default:
		if o.Status != p.last.Status {
			p.since = o.Ended
		}
		p.last = o
	}
	if o.Status == "published" {
		p.took[p.runs%len(p.took)] = o.Ended.Sub(o.Started)
		p.runs++
	}
	p.count(o)
}

// Took is how long the last ten runs that published took, on average; 0 = not known.
func (p *Past) Took() time.Duration {
	n := min(p.runs, len(p.took))
	if n == 0 {
		return 0
	}
	var sum time.Duration
	for _, took := range p.took[:n] {
		sum += took
	}
	return sum / time.Duration(n)
}

// count adds an outcome to its day.
func (p *Past) count(o Outcome) {
	number := dayNumber(o.Ended)
	d := &p.days[number%int64(len(p.days))]
	if d.number > number {
		return // older than what is shown
	}
	if d.number < number {
		*d = dayOf{number: number}
	}
	d.runs++
	if word := wordOf(o.Status); rank[word] > rank[d.word] {
		d.word = word
	}
	if o.Status == "published" || o.Status == "partial" {
		d.added, d.updated, d.deleted = d.added+o.Added, d.updated+o.Updated, d.deleted+o.Deleted
	}
}

// on returns the outcomes of a day.
func (p *Past) on(number int64) dayOf {
	if p != nil {
		if d := p.days[number%int64(len(p.days))]; d.number == number {
			return d
		}
	}
	return dayOf{}
}

func dayNumber(t time.Time) int64 { return t.Unix() / int64(day/time.Second) }

// rank orders the outcomes of a day: the worst gives the day its word.
var rank = map[string]int{api.StateSkipped: 1, api.StateUnchanged: 2, api.StateFresh: 3, api.StatePartial: 4, api.StateHeld: 5, api.StateFailed: 6}

func wordOf(status string) string {
	switch status {
	case "published":
		return api.StateFresh
	case "cancelled":
		return api.StateSkipped
	}
	return status
}

// SyncOf is the sync that a run belongs to, when it is the newest or the newest held one; else "".
func (p *Past) SyncOf(run string) string {
	for _, o := range []Outcome{p.held, p.last} {
		if o.Run == run {
			return o.Sync
		}
	}
	return ""
}
