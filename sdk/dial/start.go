package dial

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/wire"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/auths"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/services"
)

// commandSpec is how go-plugin hands over environment variables; nothing else of it is used.
type commandSpec = exec.Cmd

// seat is go-plugin's for whatever contract the plugin serves.
type seat struct {
	plugin.NetRPCUnsupportedPlugin
}

// GRPCServer implements plugin.GRPCPlugin; the host serves nothing.
func (seat) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error {
	return errors.New("the host serves nothing")
}

// GRPCClient implements plugin.GRPCPlugin.
func (seat) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	plugin := wire.NewClient(conn)
	return &contracts{plugin: plugin, service: services.NewClient(plugin, conn), auth: auths.NewClient(plugin, conn)}, nil
}

// contracts are the host's ends of every contract over one connection; which one holds is the plugin's kind.
type contracts struct {
	plugin  *wire.Client
	service *services.Client
	auth    *auths.Client
}

// starter is go-plugin's runner over Options.Launch. It reads and checks the handshake line before go-plugin sees it.
type starter struct {
	ctx     context.Context
	options Options
	env     []string
	dir     string // this plugin's own, below Options.SocketDir

	process Process
	channel *wire.Channel
	line    string
	address string
}

// Start implements runner.Runner.
func (s *starter) Start(context.Context) error {
	process, err := s.launch()
	if err != nil {
		return err
	}
	s.process = process
	if s.line, err = s.handshake(); err == nil {
		s.address, err = checkLine(s.line, s.dir, s.options.MTLS)
	}
	if err != nil {
		return errors.Join(err, process.Kill())
	}
	return nil
}

// launch starts the process; a connector gets a channel of its own.
func (s *starter) launch() (Process, error) {
	if s.options.Kind != KindConnector {
		return s.options.Launch(s.ctx, s.env, nil)
	}
	channel, theirs, err := wire.NewChannel()
	if err != nil {
		return nil, err
	}
	s.channel = channel
	process, err := s.options.Launch(s.ctx, s.env, theirs)
	if theirs != nil {
		_ = theirs.Close() // nothing was written to it here
	}
	return process, err
}

// clear removes what there is of a plugin that never got as far as its own end: the folder that go-plugin made, the
// channel.
func (s *starter) clear() error {
	err := s.channel.Close()
	if s.dir == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

const maxLine = 64 << 10

// handshake waits for the first line of stdout. The rest is read and dropped until the process ends, so that a plugin
// that prints does not block.
func (s *starter) handshake() (string, error) {
	type answer struct {
		line string
		err  error
	}
	first := make(chan answer, 1)
	go func() {
		stdout := bufio.NewReaderSize(s.process.Stdout(), maxLine)
		line, err := stdout.ReadSlice('\n')
		first <- answer{string(line), err}
		if err == nil || errors.Is(err, bufio.ErrBufferFull) {
			_, _ = io.Copy(io.Discard, stdout)
		}
	}()
	select {
	case <-s.ctx.Done():
		if errors.Is(s.ctx.Err(), context.Canceled) {
			return "", &fault.Fault{Code: fault.Cancelled, What: "cancelled while it started", Err: s.ctx.Err()}
		}
		return "", fault.Newf(fault.Transient, "it printed no handshake within %s", s.options.StartTimeout)
	case a := <-first:
		switch {
		case errors.Is(a.err, bufio.ErrBufferFull):
			return "", fault.Newf(fault.Bug, "the handshake line is too long (over %d KiB): %s", maxLine>>10, quote(a.line)).WithHelp(helpStdout)
		case a.err != nil:
			return "", s.ended(a.line)
		}
		return strings.TrimRight(a.line, "\r\n"), nil
	}
}

const helpStdout = "A plugin must write logs to stderr: stdout belongs to the handshake."

// ended says how a process ended that never shook hands.
func (s *starter) ended(printed string) error {
	ctx, cancel := context.WithTimeout(s.ctx, politeTime)
	defer cancel()
	what := "it ended before the handshake"
	if err := s.process.Wait(ctx); err != nil {
		what += fmt.Sprintf(" (%.200v)", err)
	}
	if printed != "" {
		return fault.New(fault.Bug, what+" and printed "+quote(printed)).WithHelp(helpStdout)
	}
	return fault.New(fault.Bug, what)
}

// quote shows at most 200 bytes, escaped.
func quote(text string) string {
	const most = 200
	if len(text) > most {
		return strconv.QuoteToASCII(text[:most]) + "…"
	}
	return strconv.QuoteToASCII(text)
}

// checkLine checks "1|1|unix|<address>|grpc|<certificate>" and returns the address.
func checkLine(line, dir string, mtls bool) (string, error) {
	parts := strings.Split(line, "|")
	core, err := strconv.Atoi(parts[0])
	if err != nil || len(parts) < 5 {
		return "", fault.Newf(fault.Bug, "it did not start with a handshake but printed %s", quote(line)).WithHelp(helpStdout)
	}
	if core != plugin.CoreProtocolVersion {
		return "", fault.Newf(fault.Config, "it speaks go-plugin's core protocol %d, broker speaks %d", core, plugin.CoreProtocolVersion).WithHelp(helpVersion)
	}
	if parts[1] != strconv.Itoa(wire.ProtocolVersion) {
		return "", fault.Newf(fault.Config, "it speaks broker's protocol %s, this broker speaks %d", quote(parts[1]), wire.ProtocolVersion).WithHelp(helpVersion)
	}
	if parts[4] != string(plugin.ProtocolGRPC) {
		return "", fault.Newf(fault.Config, "it serves %s, broker speaks grpc only", quote(parts[4])).WithHelp(helpVersion)
	}
	if parts[2] != "unix" {
		return "", fault.Newf(fault.Permission, "it listens on %s %s; only a unix socket in its own folder is allowed", quote(parts[2]), quote(parts[3]))
	}
	if err := checkCertificate(parts, mtls); err != nil {
		return "", err
	}
	return parts[3], checkAddress(parts[3], dir)
}

const helpVersion = "Build the plugin with the SDK of this broker's version."

// Stdout implements runner.Runner: go-plugin reads the line that was checked, and no more.
func (s *starter) Stdout() io.ReadCloser { return io.NopCloser(strings.NewReader(s.line + "\n")) }

// Stderr implements runner.Runner: go-plugin's parser of stderr can be crashed by its input and gets none.
func (s *starter) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name implements runner.Runner.
func (s *starter) Name() string { return s.options.Name }

// Diagnose implements runner.Runner.
func (s *starter) Diagnose(context.Context) string { return "" }

// Wait implements runner.AttachedRunner.
func (s *starter) Wait(ctx context.Context) error { return s.process.Wait(ctx) }

// Kill implements runner.AttachedRunner.
func (s *starter) Kill(context.Context) error { return s.process.Kill() }

// ID implements runner.AttachedRunner.
func (s *starter) ID() string { return strconv.Itoa(s.process.PID()) }

// PluginToHost implements runner.AddrTranslator.
func (s *starter) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin implements runner.AddrTranslator.
func (s *starter) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// dialer connects to the checked address alone, and only if the process that listens there is the one we started.
func (s *starter) dialer() grpc.DialOption {
	return grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", s.address)
		if err != nil {
			return nil, err
		}
		if err := wire.CheckPlugin(conn, s.process.PID()); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return conn, nil
	})
}
