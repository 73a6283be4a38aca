package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

func TestCodes(t *testing.T) {
	if len(fault.Codes) != 10 {
		t.Errorf("%d classes, want ten", len(fault.Codes))
	}
	seen := map[fault.Code]bool{}
	for _, c := range fault.Codes {
		if !c.Valid() || seen[c] {
			t.Errorf("%q is not valid, or stands twice", c)
		}
		seen[c] = true
	}
	for _, c := range []fault.Code{"", "odd", "Bug"} {
		if c.Valid() {
			t.Errorf("%q is valid", c)
		}
	}
}

func TestFaultsAreFoundInChains(t *testing.T) {
	inner := fault.Newf(fault.Auth, "the token of %s is wrong", "crm").WithHelp("Make a new one.")
	wrapped := fmt.Errorf("read orders: %w", fault.Wrap(fault.Transient, inner, "page 3"))
	if code := fault.CodeOf(wrapped); code != fault.Transient {
		t.Errorf("class %s, want that of the outermost", code)
	}
	if help := fault.HelpOf(wrapped); help != "Make a new one." {
		t.Errorf("help %q", help)
	}
	if !errors.Is(fault.Wrap(fault.Data, io.EOF, "read"), io.EOF) {
		t.Error("the cause is lost")
	}
	if f, ok := fault.As(wrapped); !ok || f.Code != fault.Transient {
		t.Errorf("%v %t", f, ok)
	}
	if _, ok := fault.As(io.EOF); ok {
		t.Error("io.EOF is a fault")
	}
}

func TestErrorsWithoutClass(t *testing.T) {
	if fault.CodeOf(nil) != "" || fault.CodeOf(io.EOF) != fault.Bug || fault.CodeOf(&fault.Fault{What: "x"}) != fault.Bug {
		t.Error("CodeOf")
	}
	if err := fault.Wrap(fault.Data, nil, "read"); err != nil {
		t.Errorf("Wrap of nil is %v", err)
	}
	if fault.HelpOf(nil) != "" || fault.HelpOf(io.EOF) != "" {
		t.Error("HelpOf")
	}
	if text := (&fault.Fault{What: "x"}).Error(); text != "x (bug)" {
		t.Errorf("got %q", text)
	}
}

func TestWithReturnsCopies(t *testing.T) {
	f := fault.New(fault.Data, "x")
	if g := f.WithHelp("h").WithScope("orders"); g.Help != "h" || g.Scope != "orders" || f.Help != "" || f.Scope != "" {
		t.Errorf("%#v from %#v", g, f)
	}
}
