//go:build unix

package main

import (
	"os"
	"os/exec"
	"syscall"
	"time"
)

// helper is what a process started by an animal does.
func helper(mode string) {
	switch mode {
	case "sleep":
		time.Sleep(time.Hour)
	case "fork": // the middle of a double fork: its child falls to the next reaper
		spawn("sleep", len(os.Environ()) > 1)
	}
}

// spawn starts this program again in a session of its own; without an environment nothing tells where it came from.
func spawn(mode string, environment bool) {
	exe, err := os.Executable()
	if err != nil {
		print(err.Error(), "\n")
		return
	}
	cmd := exec.Command(exe, mode)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if !environment {
		cmd.Env = []string{"NOTHING=1"}
	}
	if err := cmd.Start(); err != nil {
		print(err.Error(), "\n")
		return
	}
	if mode == "fork" {
		_ = cmd.Wait()
	}
}
