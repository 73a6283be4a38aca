// Package pb is the Go that buf generates from sdk/proto. Only sdk/internal/wire speaks it; everybody else has the
// contracts.
package pb
