// Command broker-connector-csv is the connector of CSV files: a file, a folder or a glob, each file one stream.
package main

import (
	"github.com/ai-data-analyst/broker/plugins/connector/csv/source"
	"github.com/ai-data-analyst/broker/sdk/serve"
)

func main() {
	serve.Connector(source.Plugin(source.Sleep))
}
