// Package metrics tells Prometheus how an instance does: what web counts itself, and what the host says when asked. The
// registry is one Server's own.
//
// Labels are bounded: methods and routes come from our own tables, never from what was sent.
package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Sample is one figure of the host. Names begin with "broker_" and follow Prometheus' rules: base units, _total for counters.
type Sample struct {
	Name, Help string
	Counter    bool        // it only grows while the process lives
	Labels     [][2]string // name and value, the same names for each sample of a Name
	Value      float64
	Spread     *Spread // set for a histogram, instead of Value
}

// Spread is a histogram.
type Spread struct {
	Count   uint64
	Sum     float64
	Buckets map[float64]uint64 // upper bound → how many were at most so much
}

// Source returns the host's figures of this moment; nil = there are none.
type Source func(ctx context.Context) []Sample

// Metrics counts what a Server answers.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	bytes    *prometheus.CounterVec
	limited  prometheus.Counter
	handler  http.Handler
}

// New returns the metrics of a server.
func New(version string, source Source, log *slog.Logger) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "broker_http_requests_total", Help: "Requests answered."}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "broker_http_request_seconds", Help: "Time until an answer began.",
			Buckets: []float64{.001, .005, .015, .05, .15, .5, 1.5, 5, 15}}, []string{"route"}),
		bytes:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "broker_http_response_bytes_total", Help: "Bytes of bodies whose length was known."}, []string{"route"}),
		limited: prometheus.NewCounter(prometheus.CounterOpts{Name: "broker_http_refused_total", Help: "Requests refused by a rate limit."}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "broker_build_info", Help: "1, with the version of this broker.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()}})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.seconds, m.bytes, m.limited, build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), hostFigures{source})
	m.handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError),
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 2, Timeout: scrapeTime})
	return m
}

// scrapeTime bounds one scrape.
const scrapeTime = 10 * time.Second

// methods are those that our routes have; others count as one.
var methods = map[string]bool{"GET": true, "HEAD": true, "POST": true, "PUT": true, "PATCH": true, "DELETE": true, "OPTIONS": true}

// Answered counts one answer. route is the pattern of our table; bytes below 0 are unknown.
func (m *Metrics) Answered(method, route string, status int, took time.Duration, bytes int) {
	if !methods[method] {
		method = "other"
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
	if bytes > 0 {
		m.bytes.WithLabelValues(route).Add(float64(bytes))
	}
	if status == http.StatusTooManyRequests {
		m.limited.Inc()
	}
}

// Handler answers a scrape.
func (m *Metrics) Handler() http.Handler { return m.handler }

// hostFigures asks the host at each scrape.
type hostFigures struct{ source Source }

// Describe implements prometheus.Collector: what the host says is not known before.
func (hostFigures) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (h hostFigures) Collect(out chan<- prometheus.Metric) {
	if h.source == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	for _, s := range h.source(ctx) {
		out <- s.metric()
	}
}

func (s Sample) metric() prometheus.Metric {
	names, values := make([]string, len(s.Labels)), make([]string, len(s.Labels))
	for i, label := range s.Labels {
		names[i], values[i] = label[0], label[1]
	}
	desc := prometheus.NewDesc(s.Name, s.Help, names, nil)
	kind := prometheus.GaugeValue
	if s.Counter {
		kind = prometheus.CounterValue
	}
	var made prometheus.Metric
	var err error
	if s.Spread != nil {
		made, err = prometheus.NewConstHistogram(desc, s.Spread.Count, s.Spread.Sum, s.Spread.Buckets, values...)
	} else {
		made, err = prometheus.NewConstMetric(desc, kind, s.Value, values...)
	}
	if err != nil {
		return prometheus.NewInvalidMetric(desc, err)
	}
	return made
}
