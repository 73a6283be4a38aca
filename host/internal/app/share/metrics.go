package share

import (
	"errors"

	"github.com/ai-data-analyst/broker/host/internal/catalog"
)

// Metrics are the files metrics/<category>/<name>.yml beside a configuration. What can be read comes with the error.
func Metrics(dir string) ([]catalog.Metric, error) {
	shelf, err := openShelf(dir)
	if err != nil {
		return nil, err
	}
	found := shelf.metrics()
	return found, errors.Join(shelf.close())
}
