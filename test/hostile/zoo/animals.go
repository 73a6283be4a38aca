//go:build unix

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

// healthy delivers 20,000 numbered rows.
func healthy(r *read) error {
	if err := r.open(); err != nil {
		return err
	}
	for range 200 {
		if err := r.rows(100); err != nil {
			return err
		}
	}
	return r.finish()
}

func animals() map[string]animal {
	all := map[string]animal{"healthy": {}}
	for _, part := range []map[string]animal{starters(), talkers(), readers(), liars(), channelers(), eaters(), escapers()} {
		for name, a := range part {
			all[name] = a
		}
	}
	return all
}

// starters never shake hands well.
func starters() map[string]animal {
	line := func(format string) animal {
		return animal{line: func(_, address string) string { return strings.ReplaceAll(format, "ADDRESS", address) }}
	}
	return map[string]animal{
		"silent":      {begin: func() { time.Sleep(time.Hour) }},
		"banner":      {begin: func() { fmt.Println("Welcome to \x1b[31mAcme\x1b[0m Connector 3000!") }},
		"long_line":   {begin: func() { _, _ = os.Stdout.WriteString(strings.Repeat("x", 200_000)); time.Sleep(time.Hour) }},
		"bad_core":    line("7|1|unix|ADDRESS|grpc|"),
		"bad_version": line("1|9|unix|ADDRESS|grpc|"),
		"netrpc":      line("1|1|unix|ADDRESS|netrpc|"),
		"empty_line":  line(""),
		"half_line":   line("1|1|unix"),
		"numbers":     line("||||||||||||||||"),
		"tcp":         line("1|1|tcp|127.0.0.1:22|grpc|"),
		"certificate": line("1|1|unix|ADDRESS|grpc|aGVsbG8"),
		"foreign": {line: func(dir, _ string) string { // another plugin's socket, one folder up and down again
			return "1|1|unix|" + filepath.Join(dir, "..", "..", "victim", "s") + "|grpc|"
		}},
		"foreign_link": {line: func(dir, _ string) string {
			link := filepath.Join(dir, "link")
			_ = os.Symlink("/run/dbus/system_bus_socket", link)
			return "1|1|unix|" + link + "|grpc|"
		}},
		"crash_start": {begin: func() { print("panic: no disk for \x1b[2J tables\n"); os.Exit(3) }},
		"crash_host":  {begin: func() { print(`{"@message":1,"@level":{},"@timestamp":5}`, "\n"); os.Exit(3) }},
		"false_name":  {describe: func(string) ([]byte, error) { return description("somebody_else"), nil }},
		"many_streams": {describe: func(name string) ([]byte, error) {
			d := description(name)
			for i := range 10_000 {
				d = d.with(8, text(1, fmt.Sprintf("s%d", i)))
			}
			return d, nil
		}},
		"same_streams": {describe: func(name string) ([]byte, error) { return description(name).with(8, numbersStream()), nil }},
		"mute":         {describe: func(string) ([]byte, error) { time.Sleep(time.Hour); return nil, nil }},
	}
}

// talkers say what nobody should believe.
func talkers() map[string]animal {
	return map[string]animal{
		"stderr_flood": {begin: func() { flood(5_000) }, running: func() { flood(1 << 30) }},
		"stderr_confusion": {begin: func() {
			for _, line := range []string{
				`{"@message":1}`, `{"@level":{}}`, `{"@timestamp":5}`, `{"@message":{"a":[1]},"@level":"info"}`, `{"@message":"ok","@level":7}`,
				`{"@level":"error","@message":"structured","count":3,"deep":{"a":1}}`, `[]`, `null`, `{`, `{}`, `""`, strings.Repeat("[", 10_000),
				strings.Repeat("y", 300_000), "\x00\x01\x02\xff\xfe", "",
			} {
				_, _ = os.Stderr.WriteString(line + "\n")
			}
		}},
		"stderr_forgery": {begin: func() {
			_, _ = os.Stderr.WriteString("\x1b[2J\x1b]0;owned\x07level=ERROR msg=\"host is down\" plugin=healthy\r\u202egnp.exe\n" +
				`{"@level":"error","@message":"forged\nlevel=ERROR msg=fake","plugin":"healthy","time":"1999-01-01"}` + "\n")
		}},
		"stdout_flood": {running: func() {
			line := strings.Repeat("1|1|unix|/etc/passwd|grpc|", 100)
			for {
				_, _ = os.Stdout.WriteString(line)
			}
		}},
		"html_error": {open: func(message) ([]byte, error) {
			return nil, status.Error(codes.Internal, "<html>\x1b[31m"+strings.Repeat("<b>sorry</b>", 10_000))
		}},
		"gossip": { // tells the secret it was given, in every form it can think of
			open: func(open message) ([]byte, error) {
				settings := string(open.field(1))
				fmt.Fprintln(os.Stderr, "settings are", settings)
				fmt.Fprintf(os.Stderr, "settings are %x %q\n", settings, settings)
				return nil, status.Error(codes.Internal, "cannot log in with "+settings)
			},
		},
		"snooper": {read: func(r *read) error { // tells all that it was started with
			told := append(os.Environ(), os.Args...)
			fds, _ := os.ReadDir("/proc/self/fd")
			for _, fd := range fds {
				target, _ := os.Readlink("/proc/self/fd/" + fd.Name())
				told = append(told, "fd "+fd.Name()+" "+target)
			}
			if err := r.open(); err != nil {
				return err
			}
			if err := r.ipc(1, uint64(len(told)), batch(0, told...)); err != nil {
				return err
			}
			return r.finish()
		}},
	}
}

func flood(lines int) {
	line := strings.Repeat("all work and no play ", 20) + "\n"
	for range lines {
		_, _ = os.Stderr.WriteString(line)
	}
}

// opened is an animal whose read begins well.
func opened(then func(r *read) error) animal {
	return animal{read: func(r *read) error {
		if err := r.open(); err != nil {
			return err
		}
		if err := r.rows(100); err != nil {
			return err
		}
		return then(r)
	}}
}

func exit(code int, last string) func(r *read) error {
	return func(*read) error {
		time.Sleep(50 * time.Millisecond) // what was sent is on its way
		print(last)
		os.Exit(code)
		return nil
	}
}

// readers end a read badly, or never.
func readers() map[string]animal {
	return map[string]animal{
		"crash_read": opened(exit(3, "panic: index out of range\n\ngoroutine 1 [running]:\n")),
		"exit_read":  opened(exit(0, "")),
		"short_read": opened(func(*read) error { return nil }),
		"lying_count": opened(func(r *read) error {
			r.sent += 5
			return r.finish()
		}),
		"hang_open": {open: func(message) ([]byte, error) { time.Sleep(time.Hour); return nil, nil }},
		"hang_read": opened(func(r *read) error { return sleep(r.stream.Context()) }),
		"quiet_read": opened(func(r *read) error {
			if err := r.send(fieldStatus, text(1, "waiting").withNumber(4, 60_000)); err != nil {
				return err
			}
			time.Sleep(2500 * time.Millisecond)
			return r.finish()
		}),
		"huge_message": opened(func(r *read) error {
			huge := make(message, 1_500<<20) // never copied, and never touched but for its head
			copy(huge, protowire.AppendVarint(protowire.AppendTag(number(1, 99), fieldBatch, protowire.BytesType), 1_500<<20-16))
			return r.stream.SendMsg(huge)
		}),
		"tiny_messages": opened(func(r *read) error {
			status := text(1, "p")
			for range 10_000_000 {
				if err := r.send(fieldStatus, status); err != nil {
					return err
				}
			}
			return r.finish()
		}),
	}
}

// liars break the rules of the messages.
func liars() map[string]animal {
	return map[string]animal{
		"garbage_arrow": opened(func(r *read) error { return r.ipc(1, 100, []byte(strings.Repeat("garbage ", 500))) }),
		"mutated_arrow": {read: mutated},
		"schema_switch": opened(func(r *read) error { return r.ipc(2, 100, numbered(0, 100)) }),
		"epoch_back":    opened(func(r *read) error { return r.schema(1, column("id", "string")) }),
		"bad_schema":    {read: func(r *read) error { return r.schema(1, column("id\"; DROP", "mars")) }},
		"cursor_back": opened(func(r *read) error {
			return errors.Join(r.checkpoint(2, "b"), r.checkpoint(1, "a"), r.finish())
		}),
		"seq_back": opened(func(r *read) error {
			r.seq = 0
			return errors.Join(r.rows(1), r.finish())
		}),
		"other_stream": opened(func(r *read) error {
			return errors.Join(r.send(fieldBoundary, text(1, "secrets")), r.finish())
		}),
	}
}

// mutated sends a good batch with some bytes changed; the attempt is the seed.
func mutated(r *read) error {
	if err := r.open(); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(r.attempt, 1))
	body := numbered(0, 100)
	for range 1 + random.IntN(8) {
		at := random.IntN(len(body))
		switch random.IntN(4) {
		case 0:
			body[at] = byte(random.IntN(256))
		case 1:
			body[at] ^= 1 << random.IntN(8)
		case 2:
			copy(body[at:], "\xff\xff\xff\xff\xff\xff\xff\x7f")
		case 3:
			body = body[:at+1]
		}
	}
	if err := r.ipc(1, 100, body); err != nil {
		return err
	}
	return r.finish()
}

// eaters use up what the machine has. Each is bounded in itself too.
func eaters() map[string]animal {
	return map[string]animal{
		"memory_hog": {running: func() {
			var held [][]byte
			for len(held) < 100 {
				block := make([]byte, 8<<20)
				for i := 0; i < len(block); i += 4096 {
					block[i] = 1
				}
				held = append(held, block)
				time.Sleep(2 * time.Millisecond)
			}
			time.Sleep(time.Hour)
		}},
		"disk_hog": {running: func() {
			for i := range 20 {
				_ = os.WriteFile(filepath.Join(os.TempDir(), fmt.Sprint("file", i)), make([]byte, 8<<20), 0o600)
			}
			time.Sleep(time.Hour)
		}},
		"descriptor_hog": {running: func() {
			for i := 0; ; i++ {
				if _, err := os.Open("/dev/null"); err != nil {
					print("opened ", i, " files\n")
					os.Exit(4)
				}
			}
		}},
		"fork_hog": {running: func() {
			for range 80 {
				spawn("sleep", true)
			}
		}},
		"locked_folder": {running: func() {
			deep := filepath.Join(os.TempDir(), "a", "b")
			_ = os.MkdirAll(deep, 0o700)
			_ = os.WriteFile(filepath.Join(deep, "c"), nil, 0o600)
			_ = os.Chmod(filepath.Dir(deep), 0)
		}},
	}
}

// escapers do not want to end.
func escapers() map[string]animal {
	ignore := func() { signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT) }
	return map[string]animal{
		"deaf": {begin: ignore},
		"stopped": {read: func(r *read) error {
			if err := r.open(); err != nil {
				return err
			}
			time.Sleep(50 * time.Millisecond)
			_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) // does not hold this thread at once
			return sleep(r.stream.Context())
		}},
		"setsid":       {begin: func() { spawn("sleep", true) }},
		"double_fork":  {begin: func() { spawn("fork", true) }},
		"naked_orphan": {begin: func() { spawn("fork", false) }},
		"crash_orphan": {begin: func() { spawn("fork", false) }, running: func() { time.Sleep(300 * time.Millisecond); os.Exit(5) }},
	}
}
