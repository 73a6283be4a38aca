package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	_ "github.com/klauspost/compress/zstd" // the blank imports keep the floors direct requirements
	_ "github.com/valyala/fasthttp"
	_ "golang.org/x/crypto/argon2"
	_ "golang.org/x/net/http2"
	_ "golang.org/x/sys/cpu"
	_ "golang.org/x/text/unicode/norm"
	_ "google.golang.org/grpc"
)

// floors are the oldest versions without a known hole that our code could reach, with the advisory.
var floors = map[string]string{
	"google.golang.org/grpc":         "v1.82.1", // GO-2026-4762, GO-2026-6061
	"golang.org/x/text":              "v0.39.0", // GO-2026-5970
	"golang.org/x/net":               "v0.56.0", // HTTP/2
	"golang.org/x/sys":               "v0.44.0",
	"golang.org/x/crypto":            "v0.52.0",
	"github.com/valyala/fasthttp":    "v1.70.0", // GO-2026-4950
	"github.com/klauspost/compress":  "v1.18.7", // GO-2026-5841
	"github.com/gofiber/fiber/v2":    "v2.52.13",
	"github.com/hashicorp/go-plugin": "v1.8.0",
}

var requirement = regexp.MustCompile(`(?m)^\s*(\S+) (v\S+)(.*)$`)

func TestFloorsStandInGoMod(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, m := range requirement.FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(m[3], "indirect") {
			found[m[1]] = m[2]
		}
	}
	for module, floor := range floors {
		if found[module] == "" {
			t.Errorf("%s is no direct requirement", module)
		} else if older(found[module], floor) {
			t.Errorf("%s is %s, at least %s is needed", module, found[module], floor)
		}
	}
	for _, card := range []string{"github.com/hashicorp/go-plugin", "github.com/hashicorp/go-hclog", "github.com/hashicorp/hcl/v2", "github.com/apache/arrow/go/v17",
		"github.com/gofiber/fiber/v2", "github.com/gorilla/sessions", "github.com/robfig/cron/v3"} {
		if found[card] == "" {
			t.Errorf("%s is no direct requirement", card)
		}
	}
}

func TestOlder(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"v1.9.0", "v1.10.0", true}, {"v1.10.0", "v1.9.0", false}, {"v1.2.3", "v1.2.3", false}, {"v0.39.0", "v1.0.0", true}} {
		if older(c.a, c.b) != c.want {
			t.Errorf("older(%s, %s) = %v", c.a, c.b, !c.want)
		}
	}
}

func older(a, b string) bool {
	x, y := strings.Split(strings.TrimPrefix(a, "v"), "."), strings.Split(strings.TrimPrefix(b, "v"), ".")
	for i := range min(len(x), len(y)) {
		n, errN := strconv.Atoi(x[i])
		m, errM := strconv.Atoi(y[i])
		if errN != nil || errM != nil {
			return false
		}
		if n != m {
			return n < m
		}
	}
	return false
}
