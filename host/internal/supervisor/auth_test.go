//go:build unix

package supervisor_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/auth/authtest"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// doorman puts the sign-in plugin of testdata into a folder of its own and shares it.
func doorman(t *testing.T) *supervisor.SharedAuth {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "broker-auth-doorman"), "./testdata/doorman").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s, err := supervisor.New(supervisor.Options{Dir: dir, StateDir: t.TempDir(), Trust: supervisor.Dev,
		Limits: supervisor.Limits{Start: 30 * time.Second, Open: 30 * time.Second, Backoff: time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.ShareAuth(supervisor.Request{Kind: "auth", Name: "doorman", Settings: []byte(`{"key": "s3cr3t-key"}`), Secrets: []string{"s3cr3t-key"}})
}

func TestI8_AWayToSignInThatDiesFailsOneSignIn(t *testing.T) {
	shared, host := doorman(t), &authtest.Host{}
	begin := func(do string) (auth.Step, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		return shared.Begin(ctx, host, auth.Call{Values: map[string]string{"do": do}})
	}
	well := func(do string) {
		t.Helper()
		if step, err := begin(do); err != nil || step.Identity == nil || step.Identity.Subject != "ann" {
			t.Fatalf("%s: %+v %v", do, step, err)
		}
	}
	well("keep")
	if host.Kept() != 1 {
		t.Errorf("%d entries kept", host.Kept())
	}
	for do, code := range map[string]fault.Code{"tell": fault.Transient, "panic": fault.Bug} {
		if _, err := begin(do); fault.CodeOf(err) != code || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v", do, err)
		}
		well("nothing")
	}
	if _, err := begin("die"); fault.CodeOf(err) != fault.Transient || !strings.Contains(err.Error(), "while signing somebody in") {
		t.Errorf("die: %v", err)
	}
	well("nothing") // by a new process
	if form, err := shared.Form(t.Context()); err != nil || len(form.Fields) != 0 {
		t.Errorf("a form that it has not got: %+v %v", form, err)
	}
	if _, err := shared.VerifyToken(t.Context(), host, "x"); fault.CodeOf(err) != fault.Config {
		t.Errorf("an ability that it has not got: %v", err)
	}
}
