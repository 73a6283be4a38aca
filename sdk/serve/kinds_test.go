package serve_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadWritesEveryKindOfValue(t *testing.T) {
	dir := t.TempDir()
	kinds := filepath.Join(dir, "kinds")
	for _, args := range [][]string{{"go", "build", "-o", kinds, "./testdata/kinds"}, {kinds, "read", "kinds", "--out", dir}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "kinds.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	none := `"ok":null,"f":F,"d":null,"s":null,"b":null,"day":null,"t":null,"at":null,"local":null,"l":null,"st":null,"m":null}`
	want := []string{
		`{"id":1,"ok":true,"f":1.5,"d":"12.30","s":"<ž & \"q\">","b":"AP8=","day":"9999-12-31","t":"23:59:59.5","at":"2026-02-28T01:02:03.000004Z",` +
			`"local":"2026-02-28T01:02:03","l":["a",null],"st":{"x":1,"y":null},"m":{"k":2}}`,
		`{"id":2,` + strings.Replace(none, "F", "null", 1),
		`{"id":3,` + strings.Replace(none, "F", `"NaN"`, 1),
		`{"id":4,` + strings.Replace(none, "F", `"Infinity"`, 1),
		`{"id":5,` + strings.Replace(none, "F", `"-Infinity"`, 1),
		`{"_deleted":{"id":9}}`,
	}
	if diff := cmp.Diff(want, strings.Split(string(bytes.TrimSpace(text)), "\n")); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}
