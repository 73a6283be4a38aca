package trust_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// P1: what the machine cannot run is named as such, and never tried.
func TestP1_NotAProgramForHere(t *testing.T) {
	elf := func(class, order byte, machine uint16) []byte {
		head := make([]byte, 64)
		copy(head, "\x7fELF")
		head[4], head[5] = class, order
		if order == 2 {
			binary.BigEndian.PutUint16(head[18:], machine)
		} else {
			binary.LittleEndian.PutUint16(head[18:], machine)
		}
		return head
	}
	foreign, machine := elf(2, 1, 183), "arm64"
	if runtime.GOARCH == "arm64" {
		foreign, machine = elf(2, 1, 62), "amd64"
	}
	dir := folder(t)
	path := filepath.Join(dir, "broker-connector-x")
	for _, tc := range []struct {
		name  string
		text  []byte
		mode  os.FileMode
		unfit string
	}{
		{"this machine's", program(t), 0o755, ""},
		{"a script", []byte("#!/bin/sh\n"), 0o755, ""},
		{"a script without its first line", []byte("echo hello\n"), 0o755, "neither a program"},
		{"empty", nil, 0o755, "empty"},
		{"one byte", []byte{0x7f}, 0o755, "neither a program"},
		{"truncated head", []byte("\x7fELF\x02\x01"), 0o755, "neither a program"},
		{"another machine", foreign, 0o755, "a program for " + machine},
		{"an unknown machine", elf(2, 1, 0xfffe), 0o755, "another machine"},
		{"big endian", elf(2, 2, 22), 0o755, "s390x"},
		{"windows", append([]byte("MZ"), make([]byte, 100)...), 0o755, "another operating system"},
		{"mac", append([]byte{0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1}, make([]byte, 100)...), 0o755, "another operating system"},
		{"not executable", program(t), 0o644, "chmod +x"},
	} {
		write(t, path, tc.text, tc.mode)
		if got := only(t, dir, "broker-connector-x").Unfit; (got == "") != (tc.unfit == "") || !strings.Contains(got, tc.unfit) {
			t.Errorf("%s: unfit %q, want %q", tc.name, got, tc.unfit)
		}
	}
}
