// Command evil shakes hands badly, in the way that EVIL names.
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	dir := os.Getenv("PLUGIN_UNIX_SOCKET_DIR")
	socket := filepath.Join(dir, "s.sock")
	good := "1|1|unix|" + socket + "|grpc|"
	switch os.Getenv("EVIL") {
	case "banner":
		say("Welcome to \x1b[31mevil 1.0\x1b[0m! " + strings.Repeat("=", 500))
	case "long":
		fmt.Print(strings.Repeat("x", 200_000))
	case "silent":
	case "exit":
		fmt.Fprintln(os.Stderr, "no such library")
		os.Exit(3)
	case "exit after words":
		fmt.Print("half a line")
		return
	case "core":
		say("2|1|unix|" + socket + "|grpc|")
	case "version":
		say("1|7|unix|" + socket + "|grpc|")
	case "netrpc":
		say("1|1|unix|" + socket + "|netrpc|")
	case "old":
		say("1|1|unix|" + socket)
	case "tcp":
		say("1|1|tcp|127.0.0.1:22|grpc|")
	case "outside":
		say("1|1|unix|/var/run/docker.sock|grpc|")
	case "unclean":
		say("1|1|unix|" + dir + "/../x.sock|grpc|")
	case "absent":
		say(good)
	case "file":
		check(os.WriteFile(socket, nil, 0o600))
		say(good)
	case "symlink":
		check(os.Symlink(os.Getenv("FOREIGN"), socket))
		say(good)
	case "linked folder":
		check(os.Symlink(filepath.Dir(os.Getenv("FOREIGN")), filepath.Join(dir, "d")))
		say("1|1|unix|" + filepath.Join(dir, "d", filepath.Base(os.Getenv("FOREIGN"))) + "|grpc|")
	case "moved": // another process's socket, moved in by a hard link
		check(os.Link(os.Getenv("FOREIGN"), socket))
		say(good)
	case "certificate":
		listen(socket)
		say(good + strings.Repeat("QUJD", 30))
	case "mute": // a socket that never speaks HTTP/2
		listen(socket)
		say(good)
	case "children":
		check(exec.Command("sleep", "1000").Start())
		listen(socket)
		say(good)
	case "chatter":
		listen(socket)
		say(good)
		for {
			say(strings.Repeat("y", 1000))
		}
	}
	time.Sleep(time.Hour)
}

func say(line string) { fmt.Println(line) }

// listen keeps the socket open as long as the process lives.
func listen(path string) {
	listener, err := net.Listen("unix", path)
	check(err)
	go func() {
		time.Sleep(time.Hour)
		check(listener.Close())
	}()
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(9)
	}
}
