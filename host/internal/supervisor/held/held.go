// Package held holds the numbers that plugins are held to. Only the supervisor imports it.
package held

import "time"

// Limits are the times and sizes that a plugin is held to.
type Limits struct {
	Start      time.Duration // from start to handshake and description, default 10 s
	Health     time.Duration // between health questions, default 2 s
	Answer     time.Duration // deadline of one of them, default 1 s
	Misses     int           // failed answers that end the process, default 2
	Open       time.Duration // to open a session, default 15 s
	Stall      time.Duration // longest wait for a message, default 5 min; Status.QuietFor extends it
	Drain      time.Duration // orderly end, default 10 s
	Kill       time.Duration // from the decision to kill until all is gone, default 2 s
	Memory     int64         // resident bytes of a plugin with its children, default 1 GiB
	Disk       int64         // bytes in its private folders, default 5 GiB
	OpenFiles  uint64        // default 1,024
	Backoff    time.Duration // wait after the first crash, doubled by each further one up to 60 s, default 1 s
	Crashes    int           // crashes within Window that park a plugin for Quarantine: 5 in 10 min, 15 min
	Window     time.Duration
	Quarantine time.Duration
}

// WithDefaults fills in what is zero.
func (l Limits) WithDefaults() Limits {
	orDuration := func(d *time.Duration, otherwise time.Duration) {
		if *d == 0 {
			*d = otherwise
		}
	}
	orDuration(&l.Start, 10*time.Second)
	orDuration(&l.Health, 2*time.Second)
	orDuration(&l.Answer, time.Second)
	orDuration(&l.Open, 15*time.Second)
	orDuration(&l.Stall, 5*time.Minute)
	orDuration(&l.Drain, 10*time.Second)
	orDuration(&l.Kill, 2*time.Second)
	orDuration(&l.Backoff, time.Second)
	orDuration(&l.Window, 10*time.Minute)
	orDuration(&l.Quarantine, 15*time.Minute)
	if l.Misses == 0 {
		l.Misses = 2
	}
	if l.Crashes == 0 {
		l.Crashes = 5
	}
	if l.Memory == 0 {
		l.Memory = 1 << 30
	}
	if l.Disk == 0 {
		l.Disk = 5 << 30
	}
	if l.OpenFiles == 0 {
		l.OpenFiles = 1024
	}
	return l
}

// Step is one thing that the supervisor's Doctor tried.
type Step struct {
	Name   string  `json:"name"` // trust, start, describe, health, stop
	OK     bool    `json:"ok"`
	Millis float64 `json:"ms"`
	Note   string  `json:"note"`
}
