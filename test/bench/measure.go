package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// measured is one run of a program with all its children.
type measured struct {
	cpu, wall float64 // seconds
	peak      float64 // bytes resident, all processes together
	size      float64 // bytes of Parquet written
}

// run runs a program and measures it. The system counts the CPU time of children that were waited for.
func run(program string, args ...string) (measured, error) {
	cmd := exec.Command(program, args...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return measured{}, err
	}
	ended, peak := make(chan struct{}), make(chan float64)
	go watch(cmd.Process.Pid, ended, peak)
	err := cmd.Wait()
	close(ended)
	m := measured{wall: time.Since(begun).Seconds(), peak: <-peak}
	if err != nil {
		return m, fmt.Errorf("%s %s: %w\n%s", filepath.Base(program), strings.Join(args, " "), err, said.String())
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return m, fmt.Errorf("this system counts no CPU time of processes")
	}
	m.cpu = seconds(usage.Utime) + seconds(usage.Stime)
	return m, nil
}

func seconds(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }

// watch samples the resident bytes of a process and its descendants until ended, and then sends the highest sum.
func watch(pid int, ended <-chan struct{}, peak chan<- float64) {
	highest := 0.0
	ticks := time.NewTicker(20 * time.Millisecond)
	defer ticks.Stop()
	for {
		select {
		case <-ended:
			peak <- highest
			return
		case <-ticks.C:
			highest = max(highest, resident(pid))
		}
	}
}

func resident(root int) float64 {
	parents, sizes := map[int]int{}, map[int]float64{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) < 22 {
			continue
		}
		parents[pid], _ = strconv.Atoi(fields[1])
		pages, _ := strconv.ParseFloat(fields[21], 64)
		sizes[pid] = pages * float64(os.Getpagesize())
	}
	sum := 0.0
	for pid := range sizes {
		for at := pid; at > 1; at = parents[at] {
			if at == root {
				sum += sizes[pid]
				break
			}
		}
	}
	return sum
}

// sizeOf sums the files below a folder whose names end in suffix.
func sizeOf(folder, suffix string) int64 {
	total := int64(0)
	_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, suffix) {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total
}
