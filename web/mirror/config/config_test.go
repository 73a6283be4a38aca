package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/mirror/config"
)

// The name is interface.md §9's; a workspace of an earlier program is one too, and is renamed when it is renewed.
func TestEarlierNameIsReadAndGoes(t *testing.T) {
	dir := t.TempDir()
	if _, err := config.Load(dir); fault.CodeOf(err) != fault.NotFound || config.Marks(dir) {
		t.Errorf("nothing there: %v", err)
	}
	old, now := filepath.Join(dir, ".analyst", "workspace.json"), filepath.Join(dir, ".analyst", "config.json")
	if err := errors.Join(os.Mkdir(filepath.Dir(old), 0o755), os.WriteFile(old, []byte(`{"server":"https://a.example","user":"u"}`), 0o644)); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(dir)
	if err != nil || c.Server != "https://a.example" || c.User != "u" || !config.Marks(dir) {
		t.Errorf("%+v %v", c, err)
	}
	c.Server = "https://b.example"
	if err := config.Save(dir, c); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old file stays: %v", err)
	}
	if _, err := os.Stat(now); err != nil {
		t.Error(err)
	}
	if again, err := config.Load(dir); err != nil || again != c {
		t.Errorf("%+v %v", again, err)
	}
	if err := os.WriteFile(now, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(dir); fault.CodeOf(err) != fault.Config || !strings.Contains(err.Error(), "config.json") {
		t.Errorf("damaged: %v", err)
	}
}
