//go:build linux

package hostile_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

// fails wants the animal's one read to fail with these words.
func fails(t *testing.T, h *house, name string, words ...string) (outcome, report) {
	t.Helper()
	o, r := h.one(name)
	if o.Lend != "" || len(o.Errors) != 1 || o.Errors[0] == "" {
		t.Fatalf("lend %q, errors %q", o.Lend, o.Errors)
	}
	contains(t, "error", o.Errors[0], words...)
	without(t, "error", o.Errors[0], "\x1b", "\x00", "\r")
	if len(o.Errors[0]) > 3_000 {
		t.Errorf("the error has %d bytes", len(o.Errors[0]))
	}
	return o, r
}

// lives wants the animal's one read to end well.
func lives(t *testing.T, h *house, name string, rows int64) (outcome, report) {
	t.Helper()
	o, r := h.one(name)
	if o.Lend != "" || len(o.Errors) != 1 || o.Errors[0] != "" || o.Rows != rows {
		t.Fatalf("lend %q, errors %q, %d rows, want %d", o.Lend, o.Errors, o.Rows, rows)
	}
	return o, r
}

func TestP12_CrashInMidStream(t *testing.T) {
	o, _ := fails(t, settle(t, "crash_read"), "crash_read", "exited by itself with code 3 while reading numbers", "panic: index out of range")
	if o.Code != "transient" || o.Rows != 100 {
		t.Errorf("class %s, %d rows", o.Code, o.Rows)
	}
}

// I9: an end is not a good end, whatever the exit code.
func TestP12_ExitZeroInMidStream(t *testing.T) {
	fails(t, settle(t, "exit_read"), "exit_read", "exited by itself with code 0 while reading numbers")
}

func TestP12_EndWithoutDone(t *testing.T) {
	fails(t, settle(t, "short_read"), "short_read", "without saying that it is complete")
}

func TestP12_LyingCount(t *testing.T) {
	fails(t, settle(t, "lying_count"), "lying_count", "105", "100")
}

func TestP16_HangInOpen(t *testing.T) {
	h := settle(t, "hang_open")
	h.limits["Open"] = 2 * time.Second
	o, _ := h.one("hang_open")
	contains(t, "lend", o.Lend, "did not open a session within 2s")
}

func TestP16_HangInRead(t *testing.T) {
	h := settle(t, "hang_read")
	h.limits["Stall"] = 1500 * time.Millisecond
	fails(t, h, "hang_read", "was stopped while reading numbers: it sent nothing for 1.5s")
}

// P16: a plugin that says it will be quiet may be.
func TestP16_AnnouncedSilence(t *testing.T) {
	h := settle(t, "quiet_read")
	h.limits["Stall"] = 1500 * time.Millisecond
	lives(t, h, "quiet_read", 100)
}

func TestP11_StderrFlood(t *testing.T) {
	_, r := lives(t, settle(t, "stderr_flood"), "stderr_flood", 20_000)
	if r.PeakBytes > 200<<20 {
		t.Errorf("the host grew to %d MiB", r.PeakBytes>>20)
	}
	contains(t, "log", r.Log, "lines dropped")
	if lines := strings.Count(r.Log, "all work"); lines == 0 || len(r.Log) > 64<<20 {
		t.Errorf("%d bytes of log", len(r.Log))
	}
}

func TestP11_StderrTypeConfusion(t *testing.T) {
	_, r := lives(t, settle(t, "stderr_confusion"), "stderr_confusion", 20_000)
	contains(t, "log", r.Log, `{\"@message\":1}`, "structured", "fields.count=3", `\x00\x01\x02\xff\xfe`, "bytes)")
	for line := range strings.Lines(r.Log) {
		if len(line) > 200_000 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
}

// P11: no line can pretend to be the host's or another plugin's.
func TestP11_StderrForgery(t *testing.T) {
	_, r := lives(t, settle(t, "stderr_forgery"), "stderr_forgery", 20_000)
	without(t, "log", r.Log, "\x1b", "\x07", "\r", "\u202e")
	for line := range strings.Lines(r.Log) {
		if strings.HasPrefix(line, "level=") || strings.Contains(line, " plugin=healthy ") && strings.Contains(line, "forged") {
			t.Errorf("forged: %q", line)
		}
		if strings.Contains(line, "forged") && !strings.Contains(line, "plugin=stderr_forgery") {
			t.Errorf("not tagged: %q", line)
		}
	}
}

func TestP11_StdoutFlood(t *testing.T) {
	_, r := lives(t, settle(t, "stdout_flood"), "stdout_flood", 20_000)
	if r.PeakBytes > 200<<20 {
		t.Errorf("the host grew to %d MiB", r.PeakBytes>>20)
	}
}

func TestP14_HugeMessage(t *testing.T) {
	h := settle(t, "huge_message")
	h.limits["Memory"] = 16 << 30
	_, r := fails(t, h, "huge_message", "over the limit")
	if r.PeakBytes > 200<<20 {
		t.Errorf("the host grew to %d MiB", r.PeakBytes>>20)
	}
}

func TestP15_TinyMessages(t *testing.T) {
	o, r := fails(t, settle(t, "tiny_messages"), "tiny_messages", "messages")
	if o.Messages > 1_200_000 || r.PeakBytes > 200<<20 {
		t.Errorf("%d messages, the host grew to %d MiB", o.Messages, r.PeakBytes>>20)
	}
}

// P15, D2: what lies on the channel is not what the message says.
func TestP15_ChannelLength(t *testing.T) {
	o, _ := fails(t, settle(t, "channel_length"), "channel_length", "broke the protocol", "its channel holds")
	if o.Code != "bug" || o.Rows != 200 {
		t.Errorf("class %s, %d rows", o.Code, o.Rows)
	}
}

// P12: the channel closes in the middle of a batch while the process lives on.
func TestP12_ChannelClosed(t *testing.T) {
	o, _ := fails(t, settle(t, "channel_closed"), "channel_closed", "closed its channel before the end")
	if o.Code != "transient" || o.Rows != 200 {
		t.Errorf("class %s, %d rows", o.Code, o.Rows)
	}
}

// P14: bytes without end that no message has announced: they stay where they are, and the read fails.
func TestP14_ChannelFlood(t *testing.T) {
	_, r := fails(t, settle(t, "channel_flood"), "channel_flood", "bytes that no message has announced")
	if r.PeakBytes > 200<<20 {
		t.Errorf("the host grew to %d MiB", r.PeakBytes>>20)
	}
}

// P14: a body of many GiB is refused before anything is taken for it.
func TestP14_ChannelHugeBody(t *testing.T) {
	_, r := fails(t, settle(t, "channel_huge"), "channel_huge", "the limit is 67108864")
	if r.PeakBytes > 200<<20 {
		t.Errorf("the host grew to %d MiB", r.PeakBytes>>20)
	}
}

// P16: a body that is announced and does not come is a plugin that hangs.
func TestP16_ChannelSilent(t *testing.T) {
	h := settle(t, "channel_silent")
	h.limits["Stall"] = 1500 * time.Millisecond
	fails(t, h, "channel_silent", "was stopped while reading numbers: it sent nothing for 1.5s")
}

// P12: a process that ends in the middle of a body is told by its end.
func TestP12_ChannelCrash(t *testing.T) {
	o, _ := fails(t, settle(t, "channel_crash"), "channel_crash", "exited by itself with code 3 while reading numbers")
	if o.Code != "transient" || o.Rows != 200 {
		t.Errorf("class %s, %d rows", o.Code, o.Rows)
	}
}

// A plugin of another make, which writes plainly, is read over the channel like any other.
func TestChannelOfAnotherMake(t *testing.T) {
	lives(t, settle(t, "channel_plain"), "channel_plain", 20_000)
}

func TestD1_GarbageArrow(t *testing.T) {
	o, _ := fails(t, settle(t, "garbage_arrow"), "garbage_arrow")
	if o.Rows != 100 {
		t.Errorf("%d rows", o.Rows)
	}
}

// D1 to D4: a hundred batches with flipped bytes, cut ends and huge numbers: each is refused or read, none ends the host.
func TestD2_MutatedArrow(t *testing.T) {
	h := settle(t, "mutated_arrow")
	h.plan["Reads"] = 100
	r := h.try("mutated_arrow")
	refused := 0
	for _, err := range r.Tries[0].Errors {
		if err != "" {
			refused++
		}
	}
	if len(r.Tries[0].Errors) != 100 || refused < 30 || !strings.Contains(r.Tries[0].Exit, "in order") {
		t.Errorf("%d reads, %d refused, exit %q", len(r.Tries[0].Errors), refused, r.Tries[0].Exit)
	}
}

func TestD5_SchemaSwitch(t *testing.T) {
	fails(t, settle(t, "schema_switch"), "schema_switch", "epoch")
}
func TestD5_EpochBackwards(t *testing.T) {
	fails(t, settle(t, "epoch_back"), "epoch_back", "epoch")
}
func TestD9_BadSchema(t *testing.T) { fails(t, settle(t, "bad_schema"), "bad_schema", "column") }

func TestD14_CursorBackwards(t *testing.T) {
	fails(t, settle(t, "cursor_back"), "cursor_back", "checkpoint 1 came after checkpoint 2")
}

func TestD14_SequenceBackwards(t *testing.T) {
	fails(t, settle(t, "seq_back"), "seq_back", "message 1 came after message")
}

func TestP21_UnaskedStream(t *testing.T) {
	fails(t, settle(t, "other_stream"), "other_stream", "secrets")
}

func TestP24_HugeErrorText(t *testing.T) {
	o, _ := settle(t, "html_error").one("html_error")
	contains(t, "lend", o.Lend, "<html>", `\x1b[31m`)
	if len(o.Lend) > 1_500 {
		t.Errorf("%d bytes", len(o.Lend))
	}
}

// G14: a secret that a plugin tells is in no log and no error, in whatever form.
func TestG14_Gossip(t *testing.T) {
	h := settle(t, "gossip")
	secret := "canary+of/the plugin"
	h.plan["Settings"], h.plan["Secrets"] = map[string]any{"token": secret}, []string{secret}
	o, r := h.one("gossip")
	contains(t, "lend", o.Lend, "cannot log in with", "[redacted]")
	contains(t, "log", r.Log, "settings are", "[redacted]")
	for what, text := range map[string]string{"lend": o.Lend, "log": r.Log} {
		without(t, what, text, secret, "canary", base64.StdEncoding.EncodeToString([]byte(secret)), "63616e617279")
	}
}

// G9: a plugin is given nothing of the host's environment, descriptors or arguments.
func TestG9_Snooper(t *testing.T) {
	h := settle(t, "snooper")
	h.plan["Settings"], h.plan["Secrets"] = map[string]any{"token": "canary-of-the-plugin"}, []string{"canary-of-the-plugin"}
	o, _ := h.one("snooper")
	told := strings.Join(o.Names, "\n")
	contains(t, "what it sees", told, "TZ=UTC", "HOME="+h.state, "GOMEMLIMIT=")
	without(t, "what it sees", told, "canary", "TRIAL=", "ZOO=", "HOST_")
	for _, name := range o.Names {
		rest, ok := strings.CutPrefix(name, "fd ")
		if !ok {
			continue
		}
		fd, target, _ := strings.Cut(rest, " ")
		switch {
		case fd == "0" && target == "/dev/null":
		case strings.HasPrefix(target, "pipe:") && fd <= "4" && len(fd) == 1: // streams, lifeline, channel
		case strings.HasPrefix(target, "anon_inode:"), strings.HasPrefix(target, "socket:"), strings.HasPrefix(target, "/sys/fs/cgroup/"), target == "":
		default:
			t.Errorf("descriptor %s", rest)
		}
	}
}
