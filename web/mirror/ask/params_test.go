package ask_test

import (
	"reflect"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/mirror/ask"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
)

func TestParams(t *testing.T) {
	got, err := ask.Params([]string{"s=a=b", "n:bigint=7", "empty="})
	want := []duck.Param{{Name: "s", Value: "a=b"}, {Name: "n", Type: "BIGINT", Value: "7"}, {Name: "empty"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "x", "=1", ":INTEGER=1"} {
		if _, err := ask.Params([]string{bad}); fault.CodeOf(err) != fault.Config {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
