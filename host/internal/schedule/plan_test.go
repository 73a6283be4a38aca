package schedule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/schedule"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// refused checks that each expression is a config fault with advice, whose text holds want.
func refused(t *testing.T, zone, want string, exprs ...string) {
	t.Helper()
	for _, expr := range exprs {
		_, err := schedule.Parse(expr, zone)
		if fault.CodeOf(err) != fault.Config || fault.HelpOf(err) == "" || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q, %q) = %v, help %q; want a config fault with %q", expr, zone, err, fault.HelpOf(err), want)
		}
	}
}

func TestC11_NeverDueIsRefused(t *testing.T) {
	refused(t, "", "never comes due", "0 0 30 2 *", "0 0 31 4,6,9,11 *", "* * 31 2 *", "0 0 30-31 feb *", "@every 99999h")
	for _, expr := range []string{"0 0 29 2 *", "0 0 31 * *", "0 0 30 2 1", "59 23 31 12 0"} {
		if _, err := schedule.Parse(expr, ""); err != nil {
			t.Errorf("%q is due now and then, but: %v", expr, err)
		}
	}
}

func TestC12_ZoneInsideTheExpression(t *testing.T) {
	refused(t, "", "zone", "TZ=Europe/Prague", "TZ=", "TZ=0", "CRON_TZ=UTC", "CRON_TZ=UTC 0 0 * * *", " TZ=UTC * * * * *")
	_, err := schedule.Parse("TZ=Europe/Prague", "")
	if !strings.Contains(fault.HelpOf(err), `timezone = "Europe/Prague"`) {
		t.Errorf("help = %q", fault.HelpOf(err))
	}
}

func TestC13_ShortIntervalIsRefused(t *testing.T) {
	refused(t, "", "shortest interval is 1 minute", "@every 0s", "@every -5m", "@every 1ns", "@every 59s", "@every 59.999999999s")
	refused(t, "", "is not a duration", "@every", "@every soon", "@every 5", "@every 1h 5m")
	refused(t, "", "whole seconds", "@every 90.5s")
	for _, expr := range []string{"@every 1m", "@every  90s", "@every 1h30m", "@every 168h"} {
		if _, err := schedule.Parse(expr, ""); err != nil {
			t.Errorf("%q: %v", expr, err)
		}
	}
}

func TestC14_BadFieldIsNamed(t *testing.T) {
	refused(t, "", "6 fields, not 5", "0 0 * * * *", "* * * * * *")
	refused(t, "", "4 fields, not 5", "0 0 * *")
	refused(t, "", `minute "60"`, "60 * * * *")
	refused(t, "", `minute "`, "-1 * * * *", "a * * * *", "*/0 * * * *", "5-1 * * * *", ", * * * *", "1,,2 * * * *", "1, * * * *", "1/2/3 * * * *",
		"1-2-3 * * * *", "99999999999999999999 * * * *", "*/-1 * * * *", "١ * * * *")
	refused(t, "", `hour "24"`, "0 24 * * *")
	refused(t, "", `day of month "0"`, "0 0 0 * *")
	refused(t, "", `day of month "32"`, "0 0 32 * *")
	refused(t, "", `month "13"`, "0 0 1 13 *")
	refused(t, "", `month "mar-"`, "0 0 1 mar- *")
	refused(t, "", `day of week "7"`, "0 0 * * 7")
	refused(t, "", "empty", "", "   ", "\t\n")
	refused(t, "", "is not known", "@reboot", "@", "@@", "@hourly now", "@EVERY 5m")
	refused(t, "", "longer than", strings.Repeat("1,", 200)+"1 * * * *")
	refused(t, "Europe/Pragu", "unknown timezone", "0 0 * * *")
	refused(t, "../../etc/passwd", "unknown timezone", "0 0 * * *")
	refused(t, "Local", "every machine", "0 0 * * *")
	refused(t, strings.Repeat("x", 5000), "unknown timezone", "0 0 * * *")
}

func TestNext(t *testing.T) {
	for _, c := range []struct {
		expr, zone, from string
		want             []string
	}{
		{"0 6,14,19 * * *", "Europe/Prague", "2026-07-01T00:00:00Z", []string{"2026-07-01T04:00:00Z", "2026-07-01T12:00:00Z", "2026-07-01T17:00:00Z", "2026-07-02T04:00:00Z"}},
		{"*/20 * * * *", "", "2026-07-01T00:20:00Z", []string{"2026-07-01T00:40:00Z", "2026-07-01T01:00:00Z"}},
		{"0 0 29 2 *", "", "2026-01-01T00:00:00Z", []string{"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}},
		{"0 0 29 2 *", "", "2096-03-01T00:00:00Z", []string{"2104-02-29T00:00:00Z"}},
		{"0 12 13 * fri", "", "2026-11-01T00:00:00Z", []string{"2026-11-06T12:00:00Z", "2026-11-13T12:00:00Z", "2026-11-20T12:00:00Z"}}, // either day field
		{"@every 15m", "Asia/Kathmandu", "2026-07-01T00:07:03.5Z", []string{"2026-07-01T00:15:00Z", "2026-07-01T00:30:00Z"}},
		{"@weekly", "America/New_York", "2026-07-01T00:00:00Z", []string{"2026-07-05T04:00:00Z", "2026-07-12T04:00:00Z"}},
		// Clocks go from 2:00 to 3:00, and later from 3:00 back to 2:00.
		{"30 2 * * *", "Europe/Prague", "2026-03-28T12:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
		{"30 2 * * *", "Europe/Prague", "2026-10-24T12:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		{"*/30 * * * *", "Europe/Prague", "2026-03-29T00:00:00Z", []string{"2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"}},
		{"*/30 * * * *", "Europe/Prague", "2026-10-25T00:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z"}},
		// From inside the repeated hour.
		{"45 2 * * *", "Europe/Prague", "2026-10-25T01:10:00Z", []string{"2026-10-26T01:45:00Z"}},
		// A change of half an hour.
		{"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", []string{"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"}},
		{"45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", []string{"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}},
		// 30 December 2011 did not happen.
		{"0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", []string{"2011-12-30T10:00:00Z", "2012-12-29T22:00:00Z"}},
		// Four changes a year.
		{"30 2 * * *", "Africa/Casablanca", "2026-02-14T12:00:00Z", []string{"2026-02-15T01:30:00Z", "2026-02-16T02:30:00Z"}},
		{"30 2 * * *", "Africa/Casablanca", "2026-03-21T12:00:00Z", []string{"2026-03-22T02:00:00Z", "2026-03-23T01:30:00Z"}},
		// Midnight does not exist on this day.
		{"@daily", "America/Sao_Paulo", "2018-11-03T12:00:00Z", []string{"2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"}},
	} {
		plan, err := schedule.Parse(c.expr, c.zone)
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		at, err := time.Parse(time.RFC3339, c.from)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for range c.want {
			at = plan.Next(at)
			got = append(got, at.Format(time.RFC3339))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s in %s from %s (-want +got):\n%s", c.expr, c.zone, c.from, diff)
		}
	}
}

func TestZeroPlanIsNeverDue(t *testing.T) {
	if next := (schedule.Plan{}).Next(time.Now()); !next.IsZero() {
		t.Errorf("Next = %v", next)
	}
}

// Whatever the text, Parse answers, and what it accepts is due in rising order.
func FuzzParse(f *testing.F) {
	for _, expr := range []string{"0 6,14,19 * * *", "@every 15m", "@daily", "TZ=", "TZ=0", "CRON_TZ=UTC", "0 0 30 2 *", "*/9223372036854775807 * * * *",
		"@every -5m", "60 * * * *", "0 0 * * 7", "? ? ? ? ?", "1-5/2 jan-mar * * mon,tue", ",,,, * * * *", "\x00", "@every 2562047h47m16.854775807s"} {
		for _, zone := range []string{"", "Europe/Prague", "Australia/Lord_Howe", "nowhere"} {
			f.Add(expr, zone, int64(1774746000))
		}
	}
	f.Fuzz(func(t *testing.T, expr, zone string, unix int64) {
		plan, err := schedule.Parse(expr, zone)
		if err != nil {
			if fault.CodeOf(err) != fault.Config || fault.HelpOf(err) == "" {
				t.Fatalf("a refusal without class or advice: %v", err)
			}
			return
		}
		at := time.Unix(unix%(1<<32), 0)
		for range 3 {
			next := plan.Next(at)
			if !next.After(at) {
				t.Fatalf("Parse(%q, %q): %v is followed by %v", expr, zone, at, next)
			}
			at = next
		}
	})
}
