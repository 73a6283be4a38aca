package gate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/host/internal/gate"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

const version = "e.iLsfxCIvu" // as rsync 3.2.7 ends its letters

// What rsync's own client sends (3.2.7, recorded; and older and other clients).
func TestCommandsOfHonestClients(t *testing.T) {
	for _, c := range []struct {
		text       string
		push       bool
		generation int64
		path       string
	}{
		{"rsync --server --sender -logDtpr" + version + " . current/", false, 0, "current/"},
		{"rsync --server --sender -vlogDtprze.iLsfxCIvu . current", false, 0, "current"},
		{"rsync --server --sender -logDtprce.iLsfxCIvu --checksum-choice=md5 . gen/7/", false, 7, "gen/7/"},
		{"rsync --server --sender -nlogDtpre.iLsfxCIvu . gen/123456789012/shop.orders/0.parquet", false, 123456789012, "gen/123456789012/shop.orders/0.parquet"},
		{"rsync --server --sender -logDtpre.LsfxCIvu . current/docs/", false, 0, "current/docs/"},
		{"rsync --server --sender -lLogDtpre.iLsfxCIvu . current/", false, 0, "current/"}, // --copy-links: there are none
		{"rsync --server --sender -logDtpre.iLsfxCIvu --timeout=30 --bwlimit=100 . current/", false, 0, "current/"},
		{"rsync --server --sender -logDtprRe.iLsfxCIvu --inplace . current/", false, 0, "current/"},
		{"rsync --server --sender -logDtpre.iLsfxCIvu --compress-choice=zstd . current/", false, 0, "current/"},
		{"rsync --server --sender -logDtpr . current/", false, 0, "current/"},
		{"rsync --server --sender -re31.14iLs . current/", false, 0, "current/"}, // of a version before its release
		{"rsync --server --sender -logDtpre.iLsfxCIvu --list-only . current/", false, 0, "current/"},
		{"rsync --server -logDtpre.iLsfxCIvu . push/", true, 0, "./"},
		{"rsync --server -logDtpre.iLsfxCIvu . push", true, 0, "."},
		{"rsync --server -vlogDtprze.iLsfxCIvu --partial . push/", true, 0, "./"},
		{"rsync --server -logDtpre.iLsfxCIvu --log-format=%i . push/notes/2026/", true, 0, "./notes/2026/"},
		{"rsync --server -logDtpre.iLsfxCIvu -@-1 . push/", true, 0, "./"},
		{"rsync --server -lmogDtpre.iLsfxCIvu --mkpath --max-size=1048576 . push/a.b_c-d", true, 0, "./a.b_c-d"},
		{"rsync --server -lHogDtpre.iLsfxCIvu -B8192 --ignore-existing --stats . push/", true, 0, "./"},
	} {
		got, err := gate.ParseCommand(c.text)
		if err != nil || got.Push != c.push || got.Generation != c.generation || got.Path != c.path {
			t.Errorf("%q: %+v, %v", c.text, got, err)
		}
	}
}

// Every one of these would run a program, reach outside, write where nothing may be written, or delete.
func TestHostileCommands(t *testing.T) {
	const pull, push = "rsync --server --sender -logDtpr" + version + " ", "rsync --server -logDtpr" + version + " "
	commands := []string{
		"", " ", "ls", "ls /", "sh", "bash -i", "rsync", "rsync --server", "rsync --server .", "rsync --daemon", "rsync --server --daemon .",
		"rsync --server --daemon --config=/etc/rsyncd.conf .", "scp -f /etc/passwd", "scp -t push/", "internal-sftp", "/usr/lib/openssh/sftp-server", "git-upload-pack x",
		"RSYNC --server --sender -r . current/", "/usr/bin/rsync --server --sender -r . current/", "rsync  --server --sender -r . current/", "rsync --sender --server -r . current/",
		"rsync -e sh --server --sender -r . current/", "rsync --server --sender -e sh . current/", "rsync --server --sender -esh . current/", "rsync --server --sender --rsh=sh . current/",
		"rsync --server --sender --rsh sh . current/", pull + ". current/;id", pull + ". current/ ; id", pull + ". $(id)", pull + ". `id`", pull + ". current/&id", pull + ". current/|id",
		pull + ". current/\nid", pull + ". current/\x00", pull + ". current/>x", pull + ". 'current/'", pull + ". \"current/\"", pull + ". current\\/", pull + ". current/*", pull + ". current/?",
		pull + ". current/[a]", pull + ". ~root/", pull + ". {current,gen}/", pull + ". current/\t", pull + ". current/\u00a0", pull + ". cürrent/",
		pull + ". /", pull + ". /etc/passwd", pull + ". .", pull + ". ./", pull + ". ..", pull + ". ../", pull + ". current/..", pull + ". current/../..", pull + ". current/../../x",
		pull + ". gen/../current", pull + ". gen/", pull + ". gen", pull + ". gen/0/", pull + ". gen/-1/", pull + ". gen/01/", pull + ". gen/1x/", pull + ". gen/99999999999999999999/",
		pull + ". current//", pull + ". currentx/", pull + ". push/", pull + ". current/.hidden", pull + ". current/ gen/1/", pull + ". current/ current/", pull + "current/", pull + ".", pull + ". ",
		pull + ". . current/", pull + ". -- current/", pull + ". --daemon", pull + "-- . current/", pull + ". current/ --daemon",
		pull + "--remove-source-files . current/", pull + "--remove-sent-files . current/", pull + "--files-from=- --from0 . current/", pull + "--files-from=/etc/passwd . current/", pull + "--files-from /etc/passwd . current/",
		pull + "--log-file=/tmp/x . current/", pull + "--log-file /tmp/x . current/", pull + "--log-file-format=x . current/", pull + "--config=x . current/", pull + "--dparam=x . current/",
		pull + "--write-batch=x . current/", pull + "--read-batch=x . current/", pull + "--only-write-batch=x . current/", pull + "--iconv=utf8 . current/", pull + "--rsync-path=sh . current/",
		pull + "--copy-devices . current/", pull + "--write-devices . current/", pull + "--keep-dirlinks . current/", pull + "--copy-dirlinks . current/", pull + "-k . current/", pull + "-K . current/",
		pull + "--copy-unsafe-links . current/", pull + "--no-munge-links . current/", pull + "--munge-links . current/", pull + "--sender . current/", pull + "--server . current/", pull + "--protect-args . current/",
		pull + "--secluded-args . current/", pull + "-s . current/", "rsync --server --sender -slogDtpre.iLsfxCIvu . current/", "rsync --server --sender -slogDtpre.iLsfxCIvu",
		pull + "--old-args . current/", pull + "--usermap=*:root . current/", pull + "--fake-super . current/", pull + "--super . current/", pull + "--block-size=x . current/", pull + "--bwlimit . current/",
		pull + "--bwlimit=1;id . current/", pull + "--bwlimit=-1 . current/", pull + "--numeric-ids=1 . current/", pull + "--compress-choice=../x . current/", pull + "--partial . current/",
		pull + "--unknown . current/", pull + "--= . current/", pull + "-- . current/", pull + "- . current/", pull + "--backup-dir=/x . current/", pull + "--max-alloc=0 . current/", pull + "-M--daemon . current/",
		pull + "--remote-option=--daemon . current/", pull + "-AX . current/", pull + "--early-input=/etc/passwd . current/", pull + "--password-file=/x . current/", pull + "--exclude-from=/etc/passwd . current/",
		pull + "--filter=x . current/", pull + "-F . current/", pull + "--include-from=/etc/passwd . current/", pull + strings.Repeat("-r ", 41) + ". current/", pull + strings.Repeat("-r ", 900) + ". current/",

		push + ". current/", push + ". gen/1/", push + ". /", push + ". ../", push + ". push/../", push + ". push/../../x", push + ". push/..", push + ". pushx/", push + ". push/.ssh/", push + ". push//x",
		push + ". push/ push/", push + ".", push + ". push/x y", push + ". push/$HOME", push + ". docs/", push + ". manifest.json",
		push + "--delete . push/", push + "--delete-before . push/", push + "--delete-during . push/", push + "--delete-after . push/", push + "--delete-delay . push/", push + "--delete-excluded . push/",
		push + "--delete-missing-args . push/", push + "--force . push/", push + "--max-delete=1 . push/", push + "--ignore-errors . push/", push + "--temp-dir=/tmp . push/", push + "--temp-dir /tmp . push/",
		push + "-T/tmp . push/", push + "--partial-dir=/ . push/", push + "--partial-dir / . push/", push + "--partial-dir .p . push/", push + "--delay-updates . push/", push + "--backup . push/", push + "-b . push/",
		push + "--backup-dir=/etc . push/", push + "--suffix=x . push/", push + "--compare-dest=/etc . push/", push + "--copy-dest=/etc . push/", push + "--link-dest=/etc . push/", push + "--fuzzy . push/",
		push + "-y . push/", push + "-K . push/", push + "-L . push/", push + "-k . push/", push + "--keep-dirlinks . push/", push + "--no-munge-links . push/", push + "--write-devices . push/", push + "--super . push/",
		push + "--fake-super . push/", push + "--append . push/", push + "--append-verify . push/", push + "--inplace . push/", push + "--preallocate . push/", push + "-S . push/", push + "-AX . push/", push + "-U . push/",
		push + "--chmod=777 . push/", push + "--chown=root . push/", push + "--usermap=x . push/", push + "--groupmap=x . push/", push + "--log-format=%x . push/", push + "--log-file=push/x . push/", push + "-s . push/",
		push + "--files-from=x . push/", push + "--sender . push/", push + "--rsh=sh . push/", push + "--daemon . push/", push + "--iconv=x . push/", push + "--read-batch=x . push/",
	}
	if len(commands) < 150 {
		t.Fatalf("only %d commands", len(commands))
	}
	for _, text := range commands {
		if c, err := gate.ParseCommand(text); fault.CodeOf(err) != fault.Permission {
			t.Errorf("%q is taken: %+v, %v", text, c, err)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%q is refused in more than a line", text)
		}
	}
}

// Whatever a client sends: what is taken names one path within the three folders, and nothing that a shell would see.
func FuzzCommand(f *testing.F) {
	f.Add("rsync --server --sender -logDtpre.iLsfxCIvu . current/")
	f.Add("rsync --server -logDtpre.iLsfxCIvu --partial . push/x/")
	f.Add("rsync --server --sender -e.x . gen/1/../../x")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := gate.ParseCommand(text)
		if err != nil {
			return
		}
		if slices.Contains(strings.Split(c.Path, "/"), "..") || strings.HasPrefix(c.Path, "/") || strings.HasPrefix(c.Path, "-") || strings.ContainsAny(text, "\n\x00;&|<>$`\\\"'(){}[]*?~#!\t") {
			t.Errorf("%q is taken: %+v", text, c)
		}
		for _, o := range c.Options {
			if !strings.HasPrefix(o, "-") || strings.Contains(o, "delete") || strings.Contains(o, "remove") || strings.Contains(o, "..") {
				t.Errorf("%q is taken with %q", text, o)
			}
		}
	})
}

func TestNames(t *testing.T) {
	for _, name := range []string{"a", "bob", "bob-2", "a" + strings.Repeat("b", 31)} {
		if err := gate.CheckName(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", "Bob", "1a", "-a", "a_b", "a.b", "a/b", "..", "a b", "ä", "a\n", "a;id", "a'", "a\x00", "a" + strings.Repeat("b", 32), "--force", "root\r"} {
		if err := gate.CheckName(name); fault.CodeOf(err) != fault.Config {
			t.Errorf("%q: %v", name, err)
		}
	}
}
