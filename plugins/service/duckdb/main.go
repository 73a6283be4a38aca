// Command broker-service-duckdb runs people's SQL over the parts of the broker's tables, with DuckDB in a process of its
// own.
package main

import (
	"github.com/ai-data-analyst/broker/plugins/service/duckdb/engine"
	"github.com/ai-data-analyst/broker/sdk/serve"
)

func main() {
	serve.Service(engine.Plugin())
}
