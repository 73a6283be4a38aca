package launch

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// entry is one process as /proc shows it.
type entry struct {
	identity
	parent, group, session int
	zombie                 bool
	rss                    int64 // bytes
}

// prepareHost makes the host the one that orphans of its plugins fall to, so that they can be found, and closes at exec
// whatever descriptor the host itself was started with (G9).
func prepareHost() error {
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) // older kernels: Go's own are closed at exec anyway
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the reaper of orphaned plugin processes: %w", err)
	}
	return nil
}

func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// limit sets what can be set from outside, right after the start; a plugin that has ended already needs none.
func limit(pid int, openFiles, fileBytes uint64) {
	for resource, value := range map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: openFiles, unix.RLIMIT_FSIZE: fileBytes} {
		if value > 0 || resource == unix.RLIMIT_CORE {
			_ = unix.Prlimit(pid, resource, &unix.Rlimit{Cur: value, Max: value}, nil)
		}
	}
	// When the machine runs out of memory a plugin goes before its host.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("500"), 0)
}

func identify(pid int) identity {
	e, err := look(pid)
	if err != nil {
		return identity{PID: pid}
	}
	return e.identity
}

func look(pid int) (entry, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return entry{}, err
	}
	// The name in brackets may hold anything, brackets and spaces included: read on from the last one.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 22 {
		return entry{}, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	number := func(i int) int64 { n, _ := strconv.ParseInt(fields[i], 10, 64); return n }
	return entry{
		identity: identity{PID: pid, Start: uint64(number(19))},
		parent:   int(number(1)), group: int(number(2)), session: int(number(3)),
		zombie: fields[0] == "Z" || fields[0] == "X", rss: number(21) * int64(os.Getpagesize()),
	}, nil
}

// processes lists what runs. Processes that end meanwhile are left out.
func processes() []entry {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var found []entry
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if e, err := look(pid); err == nil {
				found = append(found, e)
			}
		}
	}
	return found
}

// Memory is the resident memory of the process, its group and its children.
func (c *Child) Memory() int64 {
	var total int64
	for _, e := range c.related(processes()) {
		total += e.rss
	}
	return total
}

// related are the process, its group and the descendants of either.
func (c *Child) related(all []entry) []entry {
	in := map[int]bool{}
	for _, e := range all {
		if e.identity == c.id || e.group == c.id.PID && e.Start >= c.id.Start {
			in[e.PID] = true
		}
	}
	return withDescendants(all, in)
}

// withDescendants returns the chosen processes and all that descend from them.
func withDescendants(all []entry, in map[int]bool) []entry {
	for grown := true; grown; {
		grown = false
		for _, e := range all {
			if !in[e.PID] && in[e.parent] {
				in[e.PID], grown = true, true
			}
		}
	}
	var chosen []entry
	for _, e := range all {
		if in[e.PID] {
			chosen = append(chosen, e)
		}
	}
	return chosen
}

// owned are the related processes and those that got away from group and parents: orphans that bear the run's mark, or
// that bear none but can have come from a plugin only. victims are the ones known from earlier looks.
func (c *Child) owned(all []entry, victims map[identity]bool) []entry {
	in := map[int]bool{}
	for _, e := range c.related(all) {
		in[e.PID] = true
	}
	host := c.children.self
	hostSession, _ := unix.Getsid(0)
	for _, e := range all {
		switch {
		case in[e.PID] || e.PID == host.PID || e.Start < c.id.Start:
		case victims[e.identity]:
			in[e.PID] = true
		case c.children.direct(e.PID) && e.PID != c.id.PID:
		case marked(e.PID) == c.folder.Dir:
			in[e.PID] = true
		case e.parent == host.PID && e.session != hostSession && marked(e.PID) == "" && !sameProgram(e.PID):
			in[e.PID] = true
		}
	}
	return withDescendants(all, in)
}

// marked returns the run's folder that a process bears as its mark.
func marked(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return ""
	}
	for _, variable := range bytes.Split(text, []byte{0}) {
		if value, ok := bytes.CutPrefix(variable, []byte(markEnv+"=")); ok {
			return string(value)
		}
	}
	return ""
}

// sameProgram says whether pid runs this host's program: a process between fork and exec does.
func sameProgram(pid int) bool {
	mine, err1 := os.Readlink("/proc/self/exe")
	theirs, err2 := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err1 == nil && err2 == nil && mine == theirs
}

// killAll ends all that is owned and waits until nothing is left.
func (c *Child) killAll() error {
	return endAll(c.within, func(victims map[identity]bool) []entry {
		left := c.owned(processes(), victims)
		select {
		case <-c.done:
		default:
			_ = unix.Kill(-c.id.PID, unix.SIGKILL) // safe: the group's number is taken as long as its leader is not reaped
		}
		return left
	}, c.children.self.PID, func(pid int) bool { return c.children.direct(pid) })
}

// endAll kills what find returns, again and again until it returns nothing: processes may fork while they die.
func endAll(within time.Duration, find func(victims map[identity]bool) []entry, host int, direct func(int) bool) error {
	victims := map[identity]bool{}
	tick := time.NewTicker(4 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(within)
	for {
		left := find(victims)
		for _, e := range left {
			victims[e.identity] = true
			switch {
			case !e.zombie:
				signal(e.identity)
			case e.parent == host && !direct(e.PID):
				_, _ = unix.Wait4(e.PID, nil, unix.WNOHANG, nil)
			}
		}
		if len(left) == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("%d processes of the plugin cannot be killed (one is %d)", len(left), left[0].PID)
		}
	}
}

// signal kills exactly this process, never a later one with its number.
func signal(id identity) {
	fd, err := unix.PidfdOpen(id.PID, 0)
	if errors.Is(err, unix.ENOSYS) {
		if e, err := look(id.PID); err == nil && e.Start == id.Start {
			_ = unix.Kill(id.PID, unix.SIGKILL)
		}
		return
	}
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if e, err := look(id.PID); err == nil && e.Start == id.Start {
		_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	}
}

// endLeftOver ends the processes of a run whose host is dead.
func endLeftOver(child identity, dir string, within time.Duration) {
	_ = endAll(within, func(victims map[identity]bool) []entry {
		all, in := processes(), map[int]bool{}
		for _, e := range all {
			if e.identity == child || victims[e.identity] || e.PID != os.Getpid() && marked(e.PID) == dir {
				in[e.PID] = true
			}
		}
		var left []entry
		for _, e := range withDescendants(all, in) {
			if !e.zombie {
				left = append(left, e) // another's to reap
			}
		}
		return left
	}, os.Getpid(), func(int) bool { return true })
}

func diskBytes(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Blocks * 512
	}
	return info.Size()
}
