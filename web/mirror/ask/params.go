package ask

import (
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
)

// Params reads NAME=VALUE and NAME:TYPE=VALUE, as people give parameters of a statement.
func Params(list []string) ([]duck.Param, error) {
	var params []duck.Param
	for _, text := range list {
		name, value, ok := strings.Cut(text, "=")
		name, typ, _ := strings.Cut(name, ":")
		if !ok || name == "" {
			return nil, fault.Newf(fault.Config, "--param %.40q is not NAME=VALUE", text)
		}
		params = append(params, duck.Param{Name: name, Type: strings.ToUpper(typ), Value: value})
	}
	return params, nil
}
