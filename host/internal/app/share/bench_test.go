//go:build unix

package share_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
)

// BenchmarkManifestsAfterAPublication is guarantees.md's row for pulls at its worst: 50 people with 25 different grants,
// of 999 tables each, all ask at once: in the very moment after a publication, or when they are told of it. It prints the
// 50th, 99th and 100th percentile of an answer.
func BenchmarkManifestsAfterAPublication(b *testing.B) {
	for name, told := range map[string]bool{"at once": false, "told": true} {
		b.Run(name, func(b *testing.B) { manifestsAfterAPublication(b, told) })
	}
}

func manifestsAfterAPublication(b *testing.B, told bool) {
	h := newHouse(b)
	var names []sdk.TableName
	for i := range 1000 {
		names = append(names, sdk.TableName(fmt.Sprintf("big.t%04d", i)))
	}
	h.check(h.publish("all", 1, "replace", names...))
	for i := range 50 {
		mine := slices.Delete(slices.Clone(names), i%25, i%25+1) // one table less each
		sees := make(map[sdk.TableName]bool, len(mine))
		for _, name := range mine {
			sees[name] = true
		}
		h.sees.Store(fmt.Sprint("analyst", i), sees)
	}
	h.ask(b) // a process that has been asked before
	var all []time.Duration
	run, cpu := int64(1), time.Duration(0)
	b.ResetTimer()
	for b.Loop() {
		b.StopTimer()
		run++
		h.check(h.publish(fmt.Sprint("run-", run), run, "replace", names[500]))
		if told {
			h.check(h.Warm(context.Background()))
		}
		before := spent(b)
		b.StartTimer()
		all = append(all, h.ask(b)...)
		cpu += spent(b) - before
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(cpu.Milliseconds())*50/float64(len(all)), "cpu-ms/round")
	b.ReportMetric(float64(all[len(all)-1].Microseconds())/1000, "max-ms")
}

// ask is one question of each of 50 people at once, with how long each waited.
func (h *house) ask(b *testing.B) []time.Duration {
	var asking sync.WaitGroup
	took := make([]time.Duration, 50)
	for i := range took {
		asking.Go(func() {
			begun := time.Now()
			if _, err := h.Document(context.Background(), caller(fmt.Sprint("analyst", i)), 0); err != nil {
				b.Error(err)
			}
			took[i] = time.Since(begun)
		})
	}
	asking.Wait()
	return took
}

// spent is the processor time of this process: on a busy machine it says more than a clock.
func spent(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
