package runs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/web/api"
)

// row is one run in a list.
type row struct {
	api.Run
	Word    string // for the icon
	Outcome string
	Rows    int64 // added and changed
	Took    string
	Ended   bool
}

// rowOf sums a run up.
func rowOf(run api.Run, now time.Time) row {
	r := row{Run: run, Word: wordOf(run.Status), Took: took(run.StartedAt, run.EndedAt, now), Ended: run.EndedAt != ""}
	counts := map[string]int{}
	named := map[string][]string{}
	for _, t := range run.Tables {
		counts[t.Status]++
		r.Rows += t.Added + t.Updated
		named[t.Status] = append(named[t.Status], nameOf(t))
	}
	var parts []string
	for _, status := range []string{"published", "unchanged", "partial", "cancelled"} {
		if n := counts[status]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, status))
		}
	}
	if n := counts["running"]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d under way", n))
	}
	for _, status := range []string{"held", "failed"} {
		if names := named[status]; len(names) > 0 {
			parts = append(parts, someOf(names)+" "+status)
		}
	}
	if r.Outcome = strings.Join(parts, ", "); r.Outcome == "" {
		r.Outcome = "starting: the sources are asked for their tables"
		if r.Ended {
			r.Outcome = "nothing was to be done"
		}
	}
	return r
}

// rows are runs and due times that were left out, newest first.
func rows(found api.Runs, now time.Time) []row {
	var all []row
	for _, run := range found.Runs {
		all = append(all, rowOf(run, now))
	}
	for _, s := range found.Skipped {
		all = append(all, row{Run: api.Run{Source: s.Source, Trigger: "schedule", Status: "skipped", StartedAt: s.DueAt}, Word: api.StateSkipped,
			Outcome: "left out: " + sentence(s.Reason) + " Nothing is lost.", Ended: true})
	}
	slices.SortStableFunc(all, func(a, b row) int { return parse(b.StartedAt).Compare(parse(a.StartedAt)) })
	return all
}

// someOf names a few things, or counts many tables.
func someOf(names []string) string {
	if len(names) > 3 {
		return fmt.Sprint(len(names))
	}
	return strings.Join(names, " and ")
}

// wordOf is the state whose icon stands for a status.
func wordOf(status string) string {
	switch status {
	case "published":
		return api.StateFresh
	case "running":
		return api.StateSyncing
	case "cancelled":
		return api.StateSkipped
	}
	return status
}

// took is how long something lasted in words; until now while it lasts.
func took(from, to string, now time.Time) string {
	began, ended := parse(from), parse(to)
	if began.IsZero() {
		return ""
	}
	if ended.IsZero() {
		ended = now
	}
	return lasting(ended.Sub(began))
}

// lasting is a duration as people say it.
func lasting(d time.Duration) string {
	if d = max(d, 0); d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// parse reads a time of the API; zero for "".
func parse(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// trouble is something that is wrong with tables, all for one reason.
type trouble struct {
	ID      string // of the section
	Head    string
	Word    string
	Title   string
	Tables  []string
	Source  string
	Since   string
	Kept    string // when what readers have was last right; "" = they have nothing
	Run     string
	Next    string
	Select  string // what "Retry" syncs
	Matters bool   // failed and unreadable, beside late and left out
}

// troubles are the tables that are not well, one entry for each reason, the worst first.
func troubles(states api.States) []trouble {
	var all []trouble
	at := map[string]int{}
	for _, s := range states.Tables {
		if !troubled[s.State] {
			continue
		}
		key := strings.Join([]string{s.State, s.Source, s.Run, s.Message}, "\x00")
		if s.State == api.StateStale || s.State == api.StateSkipped { // the instants differ with the last run, the reason does not
			key = s.State + "\x00" + s.Source
		}
		i, known := at[key]
		if !known {
			i = len(all)
			at[key] = i
			all = append(all, trouble{ID: fmt.Sprintf("%s-%d", s.State, i+1), Word: s.State, Head: heads[s.State], Title: cmp.Or(s.Message, "No reason is on record."), Source: s.Source, Since: s.Since,
				Kept: s.CheckedAt, Run: s.Run, Next: s.Help, Matters: s.State == api.StateFailed || s.State == api.StateUnreadable, Select: s.Source})
		}
		all[i].Tables = append(all[i].Tables, s.Name)
		if s.CheckedAt == "" || s.CheckedAt < all[i].Kept {
			all[i].Kept = s.CheckedAt
		}
	}
	for i, t := range all {
		if len(t.Tables) == 1 {
			all[i].Select = t.Tables[0]
		}
	}
	slices.SortStableFunc(all, func(a, b trouble) int { return cmp.Compare(weight[b.Word], weight[a.Word]) })
	return all
}

// refusals are sources that failed in their newest run before any of their tables was known, of which no table tells.
func refusals(runs []api.Run, states api.States) []trouble {
	var all []trouble
	seen := map[string]bool{}
	for _, s := range states.Tables {
		seen[s.Source] = true
	}
	for _, run := range runs {
		for _, t := range run.Tables {
			if t.Name == "" && !seen[t.Source] {
				all = append(all, trouble{ID: fmt.Sprintf("source-%d", len(all)+1), Word: api.StateFailed, Head: heads[api.StateFailed], Title: cmp.Or(t.Message, "No reason is on record."), Source: t.Source,
					Since: t.EndedAt, Run: run.Run, Next: t.Help, Matters: true, Select: t.Source})
			}
			seen[t.Source] = true
		}
	}
	return all
}

// sentence ends a text as a sentence.
func sentence(text string) string {
	if text = strings.TrimSpace(text); text != "" && !strings.ContainsAny(text[len(text)-1:], ".!?") {
		text += "."
	}
	return text
}

// heads are the heads of sections by what they are about.
var heads = map[string]string{api.StateFailed: "Failed", api.StateUnreadable: "Unreadable", api.StatePartial: "Partial", api.StateStale: "Late", api.StateSkipped: "Left out", api.StateHeld: "Held"}

var (
	troubled = map[string]bool{api.StateFailed: true, api.StateUnreadable: true, api.StatePartial: true, api.StateStale: true, api.StateSkipped: true}
	weight   = map[string]int{api.StateUnreadable: 5, api.StateFailed: 4, api.StatePartial: 3, api.StateStale: 2, api.StateSkipped: 1}
)

// decision is a version that waits for a person.
type decision struct {
	Table string
	api.Held
	Share   int // percent of the published rows
	Run     string
	Missing int64
	NextAt  string
}

func decisions(states api.States) []decision {
	var all []decision
	for _, s := range states.Tables {
		if s.Held != nil {
			d := decision{Table: s.Name, Held: *s.Held, Run: s.Run, Missing: s.Held.Before - s.Held.Rows, NextAt: s.NextAt}
			d.Reason = sentence(d.Reason)
			if s.Held.Before > 0 {
				d.Share = int(100 * s.Held.Rows / s.Held.Before)
			}
			all = append(all, d)
		}
	}
	return all
}

// square is one day of the calendar.
type square struct {
	Date   string // "" = before or after what is known
	Day    int
	Word   string
	Runs   int
	Bad    int // tables that failed
	Rows   int64
	Until  string // "before" of the runs of that day and older ones
	Title  string
	Failed []string
}

// month is the last thirty days in weeks from Monday, oldest first.
func month(states api.States) [][]square {
	var days []square
	for _, s := range states.Tables {
		for i, d := range s.Days {
			if i == len(days) {
				days = append(days, square{Date: d.Date})
			}
			q := &days[i]
			q.Runs, q.Rows = q.Runs+d.Runs, q.Rows+d.Added+d.Updated
			if weightOfDay[d.State] > weightOfDay[q.Word] {
				q.Word = d.State
			}
			if d.State == api.StateFailed {
				q.Bad++
			}
		}
	}
	var weeks [][]square
	for i, q := range days {
		date, err := time.Parse(time.DateOnly, q.Date)
		if err != nil {
			continue
		}
		place := (int(date.Weekday()) + 6) % 7
		if i == 0 || place == 0 {
			weeks = append(weeks, make([]square, 7))
		}
		q.Day, q.Until, q.Title = date.Day(), date.Format("20060102")+"t240000", date.Format("Monday 2 January")
		weeks[len(weeks)-1][place] = q
	}
	return weeks
}

var weightOfDay = map[string]int{api.StateSkipped: 1, api.StateUnchanged: 2, api.StateFresh: 3, api.StateSyncing: 4, api.StatePartial: 5, api.StateHeld: 6, api.StateFailed: 7}
