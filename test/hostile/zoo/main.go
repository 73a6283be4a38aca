//go:build unix

// Command zoo is every hostile plugin at once: the name of its file, or of the script that names it as its interpreter,
// says which (broker-connector-MODE). It speaks the wire by hand, as a program in any language could, so that it can
// break each rule of it.
package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
)

// animal is one plugin. What is nil behaves well.
type animal struct {
	begin    func()                             // before the handshake
	line     func(dir, address string) string   // the handshake, without the end of line
	running  func()                             // once it serves
	describe func(name string) ([]byte, error)  // encoded DescribeReply
	open     func(open message) ([]byte, error) // encoded OpenReply
	read     func(r *read) error
}

func main() {
	name, ok := strings.CutPrefix(filepath.Base(os.Args[len(os.Args)-1]), "broker-connector-")
	if !ok {
		helper(os.Args[len(os.Args)-1]) // a process that an animal has started
		return
	}
	a, ok := animals()[name]
	if !ok {
		print("no such animal: ", name, "\n")
		os.Exit(9)
	}
	go followHost()
	if a.begin != nil {
		a.begin()
	}
	dir := os.Getenv("PLUGIN_UNIX_SOCKET_DIR")
	address := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", address)
	if err != nil {
		print(err.Error(), "\n")
		os.Exit(8)
	}
	server := grpc.NewServer(
		grpc.ForceServerCodecV2(raw{}), grpc.UnknownServiceHandler(a.serve(name)),
		grpc.MaxSendMsgSize(1<<31-1), grpc.MaxRecvMsgSize(64<<20),
	)
	line := "1|1|unix|" + address + "|grpc|"
	if a.line != nil {
		line = a.line(dir, address)
	}
	os.Stdout.WriteString(line + "\n")
	if a.running != nil {
		go a.running()
	}
	_ = server.Serve(listener)
}

// followHost ends the plugin when its host has gone, as every plugin must.
func followHost() {
	fd, err := strconv.Atoi(os.Getenv("BROKER_PLUGIN_LIFELINE"))
	if err != nil {
		return
	}
	_, _ = os.NewFile(uintptr(fd), "lifeline").Read(make([]byte, 1))
	os.Exit(0)
}

// serve answers every call of every service.
func (a animal) serve(name string) grpc.StreamHandler {
	return func(_ any, stream grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(stream)
		switch method {
		case "/grpc.health.v1.Health/Check":
			return unary(stream, func(message) ([]byte, error) { return number(1, 1), nil })
		case "/broker.plugin.v1.Plugin/Describe":
			return unary(stream, func(message) ([]byte, error) {
				if a.describe != nil {
					return a.describe(name)
				}
				return description(name), nil
			})
		case "/broker.plugin.v1.Plugin/Open":
			return unary(stream, func(in message) ([]byte, error) {
				if a.open != nil {
					return a.open(in)
				}
				return text(1, "1"), nil
			})
		case "/broker.plugin.v1.Plugin/Health":
			return unary(stream, func(message) ([]byte, error) { return number(1, 1), nil })
		case "/broker.plugin.v1.Plugin/Check", "/broker.plugin.v1.Plugin/Close", "/broker.plugin.v1.Plugin/Drain",
			"/broker.plugin.v1.Plugin/Validate":
			return unary(stream, func(message) ([]byte, error) { return nil, nil })
		case "/broker.plugin.v1.Connector/Discover":
			return unary(stream, func(message) ([]byte, error) { return message(nil).with(1, numbersStream()), nil })
		case "/broker.plugin.v1.Connector/Read":
			return a.serveRead(stream)
		case "/plugin.GRPCController/Shutdown":
			time.AfterFunc(10*time.Millisecond, func() { os.Exit(0) })
			return unary(stream, func(message) ([]byte, error) { return nil, nil })
		default: // go-plugin's own services, which nobody needs
			<-stream.Context().Done()
			return stream.Context().Err()
		}
	}
}

func (a animal) serveRead(stream grpc.ServerStream) error {
	var start message
	if err := stream.RecvMsg(&start); err != nil {
		return err
	}
	r := &read{stream: stream, attempt: start.field(1).integer(4), number: start.field(1).integer(6)}
	if a.read != nil {
		return a.read(r)
	}
	return healthy(r)
}

func unary(stream grpc.ServerStream, answer func(in message) ([]byte, error)) error {
	var in message
	if err := stream.RecvMsg(&in); err != nil {
		return err
	}
	out, err := answer(in)
	if err != nil {
		return err
	}
	return stream.SendMsg(message(out))
}

// raw is a codec that passes encoded messages on as they are.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.(message))}, nil
}

func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	*(v.(*message)) = data.Materialize()
	return nil
}

// sleep waits until the call ends.
func sleep(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}
