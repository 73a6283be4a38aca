package settings_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/internal/settings"
)

type Common struct {
	Region string `cfg:"region" oneof:"eu us" default:"eu"`
}

type config struct {
	Common
	URL     string            `cfg:"url" doc:"Address of the shop." required:"true" format:"url"`
	Token   sdk.Secret        `cfg:"token" required:"true"`
	Pass    string            `cfg:"pass" secret:"true" min:""`
	Mail    string            `cfg:"mail" format:"email"`
	File    string            `cfg:"file" format:"path"`
	Days    int               `cfg:"days" default:"7" min:"1" max:"31"`
	Small   int8              `cfg:"small"`
	Count   uint16            `cfg:"count"`
	Ratio   float64           `cfg:"ratio" min:"0" max:"1"`
	Strict  bool              `cfg:"strict" default:"true"`
	Wait    time.Duration     `cfg:"wait" default:"90s" max:"1h"`
	Start   time.Time         `cfg:"start" default:"2020-01-01"`
	Only    []string          `cfg:"only" default:"a,b"`
	Kinds   []string          `cfg:"kinds" oneof:"new,old"`
	Headers map[string]string `cfg:"headers" default:"x=1"`
	Unused  int
}

func nouns() settings.Nouns {
	return settings.Nouns{Secret: reflect.TypeFor[sdk.Secret](), Name: sdk.ValidName, Pattern: sdk.NamePattern}
}

func form(t *testing.T) *settings.Form {
	t.Helper()
	f, err := settings.FormOf(reflect.TypeFor[config](), nouns())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestDefaultsAndValues(t *testing.T) {
	var c config
	secrets, problems := form(t).Decode([]byte(`{"url": "https://x.example/a", "token": "t0ken", "pass": "pa55", "days": "14", "small": -128,
		"count": 65535, "ratio": 0.5, "strict": "false", "wait": "1h", "start": "2026-01-31T10:00:00+02:00", "mail": "ada@example.com",
		"only": ["x"], "kinds": ["old"], "headers": {"a": "b"}, "file": "/tmp/x", "region": "us"}`), &c)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := config{
		Common: Common{Region: "us"}, URL: "https://x.example/a", Token: "t0ken", Pass: "pa55", Mail: "ada@example.com", File: "/tmp/x",
		Days: 14, Small: -128, Count: 65535, Ratio: 0.5, Wait: time.Hour, Start: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC),
		Only: []string{"x"}, Kinds: []string{"old"}, Headers: map[string]string{"a": "b"},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"t0ken", "pa55"}, secrets); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
	var d config
	if _, problems := form(t).Decode([]byte(`{"url": "http://x", "token": "t", "days": null}`), &d); len(problems) > 0 {
		t.Fatal(problems)
	}
	want = config{
		Common: Common{Region: "eu"}, URL: "http://x", Token: "t", Days: 7, Strict: true, Wait: 90 * time.Second,
		Start: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Only: []string{"a", "b"}, Headers: map[string]string{"x": "1"},
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestAllProblemsAtOnceWithPathsAndWithoutSecrets(t *testing.T) {
	var c config
	_, problems := form(t).Decode([]byte(`{"url": "shop", "token": "", "pass": 5, "mail": "Ada <ada@x>", "file": "a\u0000b", "days": 0, "small": 200,
		"count": -1, "ratio": 1.5, "strict": "maybe", "wait": "2h", "start": "yesterday", "only": "x", "kinds": ["new", "odd"],
		"headers": {"a": 1}, "region": "moon", "tokn": "hidden-value", "zzz": 1}`), &c)
	var got []string
	for _, p := range problems {
		got = append(got, strings.TrimSpace(p.Path+" "+p.Summary+" / "+p.Help))
	}
	want := []string{
		`region "moon" is not allowed / Allowed are eu, us.`,
		"url is not a web address / Write it in full, e.g. https://api.example.com.",
		"token is required / Set token.",
		"pass is not text / Put the value in quotes.",
		"mail is not an e-mail address / Write it plainly, e.g. ada@example.com.",
		"file is not a path / Remove the NUL character.",
		`days "0" is less than 1 / From 1 to 31.`,
		"small is not a whole number in range /",
		"count is not a whole number in range, 0 or more /",
		`ratio "1.5" is more than 1 / From 0 to 1.`,
		"strict is not true or false / Write true or false.",
		`wait "2h" is more than 1h / At most 1h.`,
		`start is not a time such as "2026-01-31" or "2026-01-31T12:00:00Z" /`,
		`only is not a list of texts / Write a list, e.g. ["a", "b"].`,
		`kinds "odd" is not allowed / Allowed are new, old.`,
		`headers is not a map of texts / Write a map, e.g. { key = "value" }.`,
		"tokn is not a setting of this plugin / Did you mean token?",
		"zzz is not a setting of this plugin / Remove it.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if strings.Contains(fmt.Sprint(problems), "hidden-value") {
		t.Error("a problem repeats a value that may be a secret")
	}
}

func TestUnreadableSettings(t *testing.T) {
	for _, text := range []string{`{`, `[]`, `7`, `null`, `{"url": 1} x`, `{"url": "http://a", "url": "http://b"}`, strings.Repeat(`{"a":`, 100),
		`{"url": "` + strings.Repeat("x", 1<<20) + `"}`} {
		var c config
		if _, problems := form(t).Decode([]byte(text), &c); len(problems) != 1 || problems[0].Summary == "" {
			t.Errorf("%.40s: %v", text, problems)
		}
	}
	var c config
	if _, problems := form(t).Decode(nil, &c); len(problems) != 2 {
		t.Errorf("no settings: %v, want the two that are required", problems)
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"30d": 720 * time.Hour, "0d": 0, "1h30m": 90 * time.Minute, "5ms": 5 * time.Millisecond} {
		if got, err := settings.ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "x", "1.5d", "999999d", "-999999d", "5"} {
		if got, err := settings.ParseDuration(text); err == nil {
			t.Errorf("%s: %s, want an error", text, got)
		}
	}
}

func TestWrongTagsAreFound(t *testing.T) {
	for want, typ := range map[string]reflect.Type{
		"stands twice": reflect.TypeFor[struct {
			A int `cfg:"a"`
			B int `cfg:"a"`
		}](),
		"cannot be a setting": reflect.TypeFor[struct {
			A []int `cfg:"a"`
		}](),
		"does not match": reflect.TypeFor[struct {
			A int `cfg:"A-B"`
		}](),
		`default "0" "0" is less than 1`: reflect.TypeFor[struct {
			A int `cfg:"a" default:"0" min:"1"`
		}](),
		`bound "x"`: reflect.TypeFor[struct {
			A int `cfg:"a" min:"x"`
		}](),
		`bound "1"`: reflect.TypeFor[struct {
			A string `cfg:"a" min:"1"`
		}](),
		`format "ip"`: reflect.TypeFor[struct {
			A string `cfg:"a" format:"ip"`
		}](),
		"format goes with text": reflect.TypeFor[struct {
			A int `cfg:"a" format:"url"`
		}](),
		"a secret has no default": reflect.TypeFor[struct {
			A sdk.Secret `cfg:"a" default:"x"`
		}](),
		`tag required is`: reflect.TypeFor[struct {
			A int `cfg:"a" required:"yes"`
		}](),
		"settings are a struct": reflect.TypeFor[int](),
	} {
		if _, err := settings.FormOf(typ, nouns()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if f, err := settings.FormOf(reflect.TypeFor[struct{}](), nouns()); err != nil || len(f.Fields) != 0 {
		t.Errorf("no settings at all: %v %v", f, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"url": "https://x", "token": "t", "days": 3, "only": ["a"], "headers": {"a": "b"}}`))
	f.Add([]byte(`{"start": "2026-01-31", "wait": "1d", "ratio": 1e-3}`))
	f.Add([]byte(`{"a": {"b": [null, true, 1e999]}}`))
	form, err := settings.FormOf(reflect.TypeFor[config](), nouns())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var c config
		_, problems := form.Decode(text, &c)
		for _, p := range problems {
			if p.Summary == "" {
				t.Errorf("a problem of %q without a summary", p.Path)
			}
		}
		if len(problems) == 0 && (c.Days < 1 || c.Days > 31 || c.URL == "" || c.Token == "") {
			t.Errorf("accepted against the tags: %#v", c)
		}
	})
}
