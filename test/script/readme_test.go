package script

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every command that the README and the quickstart show is part of a story.
func TestShownCommandsAreRun(t *testing.T) {
	stories, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range stories {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	shown := 0
	for _, page := range []string{"../../README.md", "../../docs/quickstart.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			command, ok := strings.CutPrefix(line, "    bin/")
			if !ok {
				continue
			}
			command, _, _ = strings.Cut(command, "#")
			if shown++; !strings.Contains(all.String(), strings.TrimSpace(command)) {
				t.Errorf("%s shows %q, which no story runs", page, strings.TrimSpace(command))
			}
		}
	}
	if shown < 8 {
		t.Errorf("only %d commands found", shown)
	}
}
