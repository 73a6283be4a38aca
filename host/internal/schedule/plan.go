// Package schedule knows when runs are due: it reads cron expressions, turns them into instants, and sees to it that
// each instant is run once or recorded as skipped with the reason (G17).
//
// It does not know what a run does. Only host/internal/app imports it.
package schedule

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // zones are known on machines without a zone database

	"github.com/robfig/cron/v3"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Bounds of a plan.
const (
	minEvery  = time.Minute
	horizon   = 5 * 366 * 24 * time.Hour // a plan fires within this time, or it is refused
	search    = 9 * 366 * 24 * time.Hour // leap days around 2100 lie up to eight years apart
	maxLength = 256
)

// Plan is a parsed schedule: a rising sequence of instants. The zero Plan is never due.
type Plan struct {
	expr  string
	zone  *time.Location
	every time.Duration // > 0: multiples of it; else the fields hold
	spec  cron.SpecSchedule
}

// Parse reads a 5-field cron expression, "@every DURATION", or one of @hourly, @daily, @weekly, @monthly, @yearly.
// zone is an IANA name; "" is UTC. Errors are faults that name the field and what to write instead.
func Parse(expr, zone string) (Plan, error) {
	location, err := parseZone(zone)
	if err != nil {
		return Plan{}, err
	}
	expr = strings.TrimSpace(expr)
	plan := Plan{expr: expr, zone: location}
	switch {
	case expr == "":
		return Plan{}, refuse("the schedule is empty", `Write five fields, e.g. "0 6 * * *" for every day at 6:00, or "@every 15m".`)
	case len(expr) > maxLength:
		return Plan{}, refuse(fmt.Sprintf("the schedule is longer than %d characters", maxLength), "Split it over two sources, or use ranges and steps.")
	case strings.HasPrefix(expr, "TZ=") || strings.HasPrefix(expr, "CRON_TZ="):
		return Plan{}, refuse(fmt.Sprintf("schedule %q: a zone does not belong into the expression", expr),
			`Remove it and set timezone beside schedule, e.g. timezone = "Europe/Prague".`)
	case expr == "@every" || strings.HasPrefix(expr, "@every "):
		plan.every, err = parseEvery(expr)
	case strings.HasPrefix(expr, "@"):
		plan.spec, err = parseNamed(expr)
	default:
		plan.spec, err = parseFields(expr)
	}
	if err != nil {
		return Plan{}, err
	}
	if plan.every == 0 && !fires(plan.spec) {
		return Plan{}, refuse(fmt.Sprintf("schedule %q never comes due: no such day within 5 years", expr), "Check day of month and month; February has no day 30.")
	}
	return plan, nil
}

func refuse(what, help string) error { return fault.New(fault.Config, what).WithHelp(help) }

func parseZone(zone string) (*time.Location, error) {
	const help = `Use an IANA name such as "Europe/Prague", or "UTC".`
	if zone == "" {
		return time.UTC, nil
	}
	if zone == "Local" {
		return nil, refuse(`timezone "Local" means something else on every machine`, help)
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		return nil, refuse(fmt.Sprintf("unknown timezone %.80q", zone), help)
	}
	return location, nil
}

func parseEvery(expr string) (time.Duration, error) {
	const help = `Write e.g. "@every 15m" or "@every 6h"; at least 1m, whole seconds.`
	text := strings.TrimSpace(strings.TrimPrefix(expr, "@every"))
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, refuse(fmt.Sprintf("schedule %q: %q is not a duration", expr, text), help)
	case d < minEvery:
		return 0, refuse(fmt.Sprintf("schedule %q: the shortest interval is 1 minute", expr), help)
	case d > horizon:
		return 0, refuse(fmt.Sprintf("schedule %q never comes due within 5 years", expr), help)
	case d%time.Second != 0:
		return 0, refuse(fmt.Sprintf("schedule %q: the interval is not in whole seconds", expr), help)
	}
	return d, nil
}

func parseNamed(expr string) (cron.SpecSchedule, error) {
	spec, err := guarded(cron.NewParser(cron.Minute|cron.Hour|cron.Dom|cron.Month|cron.Dow|cron.Descriptor), expr)
	if err != nil {
		return spec, refuse(fmt.Sprintf("schedule %q is not known", expr), `Use @hourly, @daily, @weekly, @monthly, @yearly, "@every 15m", or five fields.`)
	}
	return spec, nil
}

// fields names the five fields and what each may hold, in order.
var fields = [5]struct{ name, holds string }{
	{"minute", "0 to 59"},
	{"hour", "0 to 23"},
	{"day of month", "1 to 31"},
	{"month", "1 to 12, or jan to dec"},
	{"day of week", "0 (Sunday) to 6, or sun to sat"},
}

// parseFields reads each field by itself first: the parser's own errors do not say which one is meant.
func parseFields(expr string) (cron.SpecSchedule, error) {
	parts := strings.Fields(expr)
	if len(parts) != len(fields) {
		help := "Write minute, hour, day of month, month and day of week."
		if len(parts) == 6 {
			help = "There is no field for seconds: write minute, hour, day of month, month and day of week."
		}
		return cron.SpecSchedule{}, refuse(fmt.Sprintf("schedule %q has %d fields, not 5", expr, len(parts)), help)
	}
	parser := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	for i, part := range parts {
		alone := []string{"*", "*", "*", "*", "*"}
		alone[i] = part
		spec, err := guarded(parser, strings.Join(alone, " "))
		if err != nil || hasEmptyItem(part) || bits(spec)[i]&^star == 0 {
			return spec, refuse(fmt.Sprintf("schedule %q: %s %q is not valid", expr, fields[i].name, part),
				"It holds "+fields[i].holds+`; lists "1,15", ranges "9-17" and steps "*/10" are understood.`)
		}
	}
	return guarded(parser, strings.Join(parts, " "))
}

func hasEmptyItem(field string) bool {
	for _, item := range strings.Split(field, ",") {
		if item == "" {
			return true
		}
	}
	return false
}

// guarded parses and turns the parser's panics into errors.
func guarded(parser cron.Parser, expr string) (spec cron.SpecSchedule, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("parse %q: %v", expr, p)
		}
	}()
	parsed, err := parser.Parse(expr)
	if err != nil {
		return cron.SpecSchedule{}, err
	}
	s, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return cron.SpecSchedule{}, fmt.Errorf("parse %q: unexpected kind of schedule", expr)
	}
	return *s, nil
}

// star is the parser's mark of a field that was not restricted.
const star = 1 << 63

func bits(s cron.SpecSchedule) [5]uint64 { return [5]uint64{s.Minute, s.Hour, s.Dom, s.Month, s.Dow} }

// String returns the expression as it was written.
func (p Plan) String() string { return p.expr }
