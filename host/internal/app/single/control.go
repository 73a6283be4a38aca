package single

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// The socket is named socketName, in a folder whose name begins with folderPrefix.
const (
	folderPrefix = "broker-"
	socketName   = "s"
)

// Call is what a command sends to the serving process: one JSON line.
type Call struct {
	Verb    string          `json:"verb"`
	Request json.RawMessage `json:"request"`
}

// answer is one JSON line back: progress any number of times, then a report or an error.
type answer struct {
	Progress json.RawMessage `json:"progress,omitempty"`
	Report   json.RawMessage `json:"report,omitempty"`
	Error    *fault.Fault    `json:"error,omitempty"`
}

// Ask sends a verb to the process that holds the data folder, when held says that one does and it takes commands; else it
// returns held. progress gets what the holder says on the way, as JSON; it may be nil.
func Ask(ctx context.Context, stateDir string, held error, verb string, request, report any, progress func(json.RawMessage)) error {
	if !errors.Is(held, ErrHeld) {
		return held
	}
	who, err := readHolder(filepath.Join(stateDir, lockName))
	if err != nil || who.Socket == "" {
		return held
	}
	connection, err := (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "unix", who.Socket)
	if err != nil {
		return held
	}
	defer connection.Close()
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer stop()
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(connection).Encode(Call{Verb: verb, Request: body}); err != nil {
		return fault.Wrap(fault.Transient, err, "ask the serving broker")
	}
	return readAnswers(connection, who.PID, report, progress)
}

func readAnswers(connection net.Conn, pid int, report any, progress func(json.RawMessage)) error {
	lines := json.NewDecoder(bufio.NewReader(connection))
	for {
		var got answer
		if err := lines.Decode(&got); err != nil {
			return fault.Wrap(fault.Transient, err, fmt.Sprintf("read the answer of the serving broker (pid %d)", pid))
		}
		switch {
		case got.Progress != nil:
			if progress != nil {
				progress(got.Progress)
			}
		case got.Error != nil:
			return got.Error
		default:
			return json.Unmarshal(got.Report, report)
		}
	}
}

// Control takes commands of other processes of the same user on a socket in a private folder.
type Control struct {
	listener net.Listener
	folder   string
	do       func(ctx context.Context, c Call, progress func(any)) (any, error)
}

// NewControl opens the socket. do does what is asked, with a way to tell of progress.
func NewControl(do func(context.Context, Call, func(any)) (any, error)) (*Control, error) {
	folder, err := os.MkdirTemp("", folderPrefix) // 0700
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "make the folder of the command socket")
	}
	listener, err := net.Listen("unix", filepath.Join(folder, socketName))
	if err != nil {
		return nil, errors.Join(fault.Wrap(fault.Config, err, "listen on the command socket"), os.RemoveAll(folder))
	}
	return &Control{listener: listener, folder: folder, do: do}, nil
}

// Path is where the socket is.
func (c *Control) Path() string { return filepath.Join(c.folder, socketName) }

// Run answers until ctx ends, then waits for the commands under way.
func (c *Control) Run(ctx context.Context) error {
	defer os.RemoveAll(c.folder)
	stop := context.AfterFunc(ctx, func() { _ = c.listener.Close() })
	defer stop()
	var under sync.WaitGroup
	defer under.Wait()
	for {
		connection, err := c.listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("take a command: %w", err)
		}
		under.Go(func() { c.answer(ctx, connection) })
	}
}

// Bounds of one command: how long its request may take to come, and its answer to be taken.
const (
	requestTime = 10 * time.Second
	answerTime  = 10 * time.Second
)

// answer does one command. When the asking process goes away the command is cancelled: its person pressed Ctrl-C. One
// that does not read (Ctrl-Z) misses glances, and holds up nobody.
func (c *Control) answer(ctx context.Context, connection net.Conn) {
	defer connection.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := bufio.NewReader(connection)
	asked, err := readCall(connection, lines)
	if err != nil {
		return
	}
	go func() {
		_, _ = lines.ReadByte() // nothing more is said: this returns when the other side is gone
		cancel()
	}()
	out := json.NewEncoder(connection)
	glances, told := make(chan answer, 64), make(chan struct{})
	go func() {
		defer close(told)
		for a := range glances {
			if ctx.Err() == nil && out.Encode(a) != nil {
				cancel()
			}
		}
	}()
	report, err := c.do(ctx, asked, func(p any) {
		if body, err := json.Marshal(p); err == nil {
			select {
			case glances <- answer{Progress: body}:
			default:
			}
		}
	})
	_ = connection.SetWriteDeadline(time.Now().Add(answerTime)) // frees a glance that nobody takes
	close(glances)
	<-told
	_ = out.Encode(verdict(report, err)) // who is gone misses it; the journal has the outcome
}

func readCall(connection net.Conn, lines *bufio.Reader) (asked Call, err error) {
	if err := connection.SetReadDeadline(time.Now().Add(requestTime)); err != nil {
		return asked, err
	}
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return asked, err
	}
	if err := json.Unmarshal(line, &asked); err != nil {
		return asked, err
	}
	return asked, connection.SetReadDeadline(time.Time{})
}

// verdict is the last line of an answer.
func verdict(report any, err error) answer {
	if err != nil {
		return answer{Error: plain(err)}
	}
	body, err := json.Marshal(report)
	if err != nil {
		return answer{Error: plain(err)}
	}
	return answer{Report: body}
}

// plain is an error as it can be sent: its sentence, class and advice.
func plain(err error) *fault.Fault {
	return &fault.Fault{Code: fault.CodeOf(err), What: fault.TextOf(err), Help: fault.HelpOf(err)}
}
