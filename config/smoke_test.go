package config_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/ai-data-analyst/broker/config"
)

func TestSmoke(t *testing.T) {
	c, ds := config.Load(config.Options{Path: os.Getenv("SMOKE"), Getenv: os.Getenv, Settings: func(k, n string) ([]config.Field, error) {
		if n == "keboola" {
			return []config.Field{{Name: "stack_url", Type: "string", Required: true}, {Name: "token", Secret: true, Required: true}}, nil
		}
		if n == "csv" {
			return nil, fmt.Errorf("csv is not trusted")
		}
		return []config.Field{{Name: "token", Secret: true}, {Name: "client_id"}, {Name: "client_secret", Secret: true}, {Name: "every", Type: "duration"}, {Name: "n", Type: "int", Min: "1", Max: "10"}}, nil
	}})
	fmt.Printf("%+v\n", c)
	fmt.Println(ds.Text())
}
