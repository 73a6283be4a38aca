package gate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// graceTime is how long rsync may clean up after itself before it is killed.
const graceTime = 2 * time.Second

// run runs rsync until it has ended: by itself, or because ctx ended or watch failed. Nothing of it is left then.
func run(ctx context.Context, j job) error {
	rsync, err := findRsync()
	if err != nil {
		return err
	}
	cmd := &exec.Cmd{Path: rsync, Args: append([]string{"rsync"}, j.args...), Dir: j.dir, Env: []string{"PATH=/usr/bin:/bin", "LC_ALL=C"},
		Stdin: j.streams.In, Stdout: j.streams.Out, Stderr: j.streams.Err,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}} // it does not outlive us
	started, ended := make(chan error, 1), make(chan outcome, 1)
	go confined(cmd, j, started, ended)
	if err := <-started; err != nil {
		return err
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case o := <-ended:
			return verdict(o.err)
		case <-ctx.Done():
			kill(cmd.Process.Pid, ended)
			return fault.Wrap(fault.Cancelled, ctx.Err(), "serve rsync")
		case <-tick.C:
			if err := j.watch(ctx); err != nil {
				kill(cmd.Process.Pid, ended)
				return err
			}
		}
	}
}

// outcome is how rsync ended.
type outcome struct{ err error }

func findRsync() (string, error) {
	for _, path := range [...]string{"/usr/local/bin/rsync", "/usr/bin/rsync", "/bin/rsync"} {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", fault.New(fault.Config, "this server has no rsync")
}

// confined starts cmd on a thread that gives up everything but the job's folder, and waits for it there: the thread is
// never used again, and its end would end the process that it started (prctl(2), PR_SET_PDEATHSIG).
func confined(cmd *exec.Cmd, j job, started chan<- error, ended chan<- outcome) {
	runtime.LockOSThread()
	err := unix.Unshare(unix.CLONE_FS) // the mask below is this thread's alone
	if err == nil {
		unix.Umask(0o077)
		err = confine(j.dir, j.writes)
	}
	if err == nil {
		if err = cmd.Start(); err != nil {
			err = fault.Wrap(fault.Transient, err, "start rsync")
		}
	}
	started <- err
	if err == nil {
		ended <- outcome{cmd.Wait()}
	}
}

// kill ends the process group and waits for its leader.
func kill(pid int, ended <-chan outcome) {
	_ = syscall.Kill(-pid, syscall.SIGTERM) // it may have ended just now
	select {
	case <-ended:
	case <-time.After(graceTime):
		_ = syscall.Kill(-pid, syscall.SIGKILL)
		<-ended
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL) // whatever it left
}

func verdict(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("rsync: %w: %w", exit, ErrTransfer)
	}
	return err
}

// confine takes from this thread, and from what it starts, every right on files but to run programs of the system, and to
// read dir, and to write there when the job writes. Without it a client could have rsync read any file of ours as a list
// of filters, and tell its lines.
func confine(dir string, writes bool) error {
	version, _, code := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if code != 0 || version < 1 {
		return fault.New(fault.Config, "rsync cannot be kept inside one folder here: that needs Linux 5.13 or newer with Landlock enabled")
	}
	rules := &ruleset{handled: rightsOf(version)}
	if err := rules.create(); err != nil {
		return err
	}
	defer rules.close()
	const read = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	for _, place := range [...]string{"/usr", "/lib", "/lib32", "/lib64", "/bin"} {
		rules.allow(place, read|unix.LANDLOCK_ACCESS_FS_EXECUTE)
	}
	rules.allow("/etc/ld.so.cache", unix.LANDLOCK_ACCESS_FS_READ_FILE)
	rules.allow("/dev/null", unix.LANDLOCK_ACCESS_FS_READ_FILE|unix.LANDLOCK_ACCESS_FS_WRITE_FILE)
	rights := uint64(read)
	if writes {
		// files, folders, links; neither devices nor sockets nor pipes, for somebody will read what is here
		rights |= rules.handled &^ (unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK |
			unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV)
	}
	rules.allow(dir, rights)
	return rules.enforce()
}

// rightsOf are the rights that a version of Landlock knows of (landlock(7)).
func rightsOf(version uintptr) uint64 {
	rights := uint64(unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1)
	if version >= 2 {
		rights |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= 3 {
		rights |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= 5 {
		rights |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	return rights
}

// ruleset is a set of Landlock rules that is being made. It remembers the first error.
type ruleset struct {
	handled uint64
	fd      int
	err     error
}

func (r *ruleset) create() error {
	attr := unix.LandlockRulesetAttr{Handled_access_fs: r.handled}
	fd, _, code := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), 8, 0) // the first field alone: every version knows it
	if code != 0 {
		return fault.Wrap(fault.Config, code, "keep rsync inside one folder")
	}
	r.fd = int(fd)
	return nil
}

func (r *ruleset) close() { _ = unix.Close(r.fd) }

// allow grants rights below a path; one that is not there needs none.
func (r *ruleset) allow(path string, rights uint64) {
	if r.err != nil {
		return
	}
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		r.err = err
		return
	}
	defer unix.Close(fd)
	attr := unix.LandlockPathBeneathAttr{Allowed_access: rights & r.handled, Parent_fd: int32(fd)}
	if _, _, code := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r.fd), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&attr)), 0, 0, 0); code != 0 {
		r.err = fmt.Errorf("%s: %w", path, code)
	}
}

func (r *ruleset) enforce() error {
	err := r.err
	if err == nil {
		err = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	if err == nil {
		if _, _, code := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(r.fd), 0, 0); code != 0 {
			err = code
		}
	}
	return fault.Wrap(fault.Config, err, "keep rsync inside one folder")
}

// flush waits until what was pushed is on disk (G3).
func flush(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(folder.Fd())), folder.Close())
}

// lonely says that a file has one name only.
func lonely(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink == 1
}

// changed is when a file, or the number of its names, was last changed.
func changed(info fs.FileInfo) time.Time {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(stat.Ctim.Unix())
	}
	return info.ModTime()
}
