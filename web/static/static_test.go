package static_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/web/static"
)

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestFilesAreImmutableUnderTheirHashes(t *testing.T) {
	app := fiber.New()
	static.Mount(app)
	files := static.Names()
	for path, kind := range map[string]string{files.Sheet: "text/css", files.Script: "text/javascript", files.Htmx: "text/javascript", files.Events: "text/javascript", files.Icon: "image/svg+xml"} {
		answer, err := app.Test(httptest.NewRequest("GET", path, nil))
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		if answer.StatusCode != 200 || !strings.HasPrefix(answer.Header.Get("Content-Type"), kind) || !strings.Contains(answer.Header.Get("Cache-Control"), "immutable") ||
			!strings.Contains(path, hex.EncodeToString(sum[:8])) {
			t.Errorf("%s: %d %v", path, answer.StatusCode, answer.Header)
		}
	}
}

// What others wrote is as they published it.
func TestVendoredFilesAreAsListed(t *testing.T) {
	listed := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(read(t, "vendored/SHA256SUMS")))
	for lines.Scan() {
		sum, name, _ := strings.Cut(lines.Text(), "  ")
		listed[name] = sum
	}
	files, err := filepath.Glob("vendored/*.js")
	if err != nil || len(files) != len(listed) {
		t.Fatalf("%v, %d listed: %v", files, len(listed), err)
	}
	for _, file := range files {
		sum := sha256.Sum256([]byte(read(t, file)))
		if listed[filepath.Base(file)] != hex.EncodeToString(sum[:]) {
			t.Errorf("%s is not what the list says", file)
		}
	}
	if !strings.Contains(read(t, "vendored/LICENSE"), "Zero-Clause BSD") {
		t.Error("no licence")
	}
}

// Rule 25: our script writes text only, and nothing is loaded from elsewhere.
func TestRule25_TextIsWrittenAsText(t *testing.T) {
	script := read(t, "portal.js")
	for _, never := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "http:", "https:", "import("} {
		if strings.Contains(script, never) {
			t.Errorf("portal.js has %s", never)
		}
	}
	if strings.Count(script, "createPolicy('default'") != 1 {
		t.Error("not one policy")
	}
	sheet := read(t, "portal.css")
	for _, never := range []string{"url(", "@import", "http"} {
		if strings.Contains(sheet, never) {
			t.Errorf("portal.css has %s", never)
		}
	}
	for _, must := range []string{"prefers-color-scheme: dark", "prefers-reduced-motion", "@media print", ":focus-visible"} {
		if !strings.Contains(sheet, must) {
			t.Errorf("portal.css lacks %s", must)
		}
	}
}

var token = regexp.MustCompile(`--([a-z0-9-]+): #([0-9a-f]{3,6});`)

// Text has a contrast of at least 4.5 to 1 in both modes, fills and edges of 3 to 1.
func TestContrast(t *testing.T) {
	light, rest, _ := strings.Cut(read(t, "portal.css"), "prefers-color-scheme: dark")
	for mode, text := range map[string]string{"light": light, "dark": rest} {
		colours := map[string]float64{}
		for _, found := range token.FindAllStringSubmatch(text, -1) {
			colours[found[1]] = luminance(t, found[2])
		}
		for _, pair := range [][2]string{{"ink", "bg"}, {"ink2", "bg"}, {"ink3", "bg"}, {"ink", "tint"}, {"ink2", "tint"}, {"ink3", "tint"}, {"accent", "bg"}, {"accent", "tint"}, {"on-accent", "accent"},
			{"warn", "bg"}, {"bad", "bg"}, {"warn", "tint"}, {"bad", "tint"}, {"ink", "warn-tint"}, {"ink2", "warn-tint"}, {"warn", "warn-tint"}, {"bad", "bad-tint"}, {"ink", "accent-tint"}, {"ink3", "accent-tint"}} {
			if got := contrast(colours[pair[0]], colours[pair[1]]); got < 4.5 {
				t.Errorf("%s: %s on %s is %.2f", mode, pair[0], pair[1], got)
			}
		}
		for _, fill := range []string{"data", "edge", "warn-fill", "bad-fill"} {
			if got := contrast(colours[fill], colours["bg"]); got < 3 {
				t.Errorf("%s: %s on bg is %.2f", mode, fill, got)
			}
		}
	}
}

func contrast(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }

// luminance is the relative one of WCAG 2.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	var parts [3]float64
	for i := range parts {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		parts[i] = channel(float64(n) / 255)
	}
	return 0.2126*parts[0] + 0.7152*parts[1] + 0.0722*parts[2]
}

func channel(c float64) float64 {
	if c <= 0.04045 {
		return c / 12.92
	}
	return math.Pow((c+0.055)/1.055, 2.4)
}
