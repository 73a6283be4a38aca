package gate_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/pem"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/ai-data-analyst/broker/host/internal/gate"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func public(t *testing.T, key any) string {
	t.Helper()
	p, err := ssh.NewPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(p)))
}

func rsaOf(t *testing.T, bits int) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return public(t, &key.PublicKey)
}

func ed(t *testing.T) (string, ed25519.PrivateKey) {
	t.Helper()
	p, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public(t, p), private
}

func wire(kind string, fields ...[]byte) string {
	blob := ssh.Marshal(struct{ Kind string }{kind})
	for _, f := range fields {
		blob = append(blob, ssh.Marshal(struct{ Field []byte }{f})...)
	}
	return kind + " " + base64.StdEncoding.EncodeToString(blob)
}

func TestKeysThatAreTaken(t *testing.T) {
	line, _ := ed(t)
	keys := []string{line, "  " + line + "  \n", line + " bob@laptop", rsaOf(t, 3072), wire("sk-ssh-ed25519@openssh.com", make([]byte, 32), []byte("ssh:"))}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, public(t, &key.PublicKey))
	}
	for _, text := range keys {
		k, err := gate.ParseKey(text)
		if err != nil {
			t.Errorf("%.30q: %v", text, err)
			continue
		}
		if !strings.HasPrefix(k.Fingerprint, "SHA256:") || k.Line != k.Type+" "+strings.Fields(text)[1] || strings.Contains(k.Line, "\n") {
			t.Errorf("%+v", k)
		}
	}
	k, err := gate.ParseKey(line + ` bob"s  laptop $(id) <b>` + "\x1b[31m\u202e " + strings.Repeat("x", 200))
	if err != nil || strings.ContainsAny(k.Comment, "\"$(<\x1b\u202e") || len(k.Comment) > 60 || !strings.HasPrefix(k.Comment, "bob s laptop id b") {
		t.Errorf("comment %q: %v", k.Comment, err)
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	line, private := ed(t)
	block, err := ssh.MarshalPrivateKey(private, "bob")
	if err != nil {
		t.Fatal(err)
	}
	openSSH := string(pem.EncodeToMemory(block))
	blob := strings.Fields(line)[1]
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate := &ssh.Certificate{Key: signer.PublicKey(), CertType: ssh.UserCert, ValidPrincipals: []string{"bob"}, ValidBefore: ssh.CertTimeInfinity}
	if err := certificate.SignCert(rand.Reader, signer); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty": "", "one word": "ssh-ed25519", "no base64": "ssh-ed25519 not!base64", "cut": line[:len(line)-9], "other type": "ssh-rsa " + blob,
		"options": `command="id" ` + line, "environment": `environment="A=b" ` + line, "restrict": "restrict " + line, "two lines": line + "\n" + line, "carriage return": line + "\rx",
		"dss": "ssh-dss " + blob, "rsa 1024": wire("ssh-rsa", []byte{1, 0, 1}, append([]byte{0, 0x80}, make([]byte, 127)...)), "rsa 2048": rsaOf(t, 2048),
		"certificate": string(ssh.MarshalAuthorizedKey(certificate)), "unknown": wire("ssh-ed448", make([]byte, 57)), "trailing bytes": line + "AAAA",
		"shell": "ssh-ed25519 $(id)", "path": "/home/bob/.ssh/id_ed25519.pub", "nul": line + "\x00", "rsa huge": wire("ssh-rsa", []byte{1, 0, 1}, append([]byte{0, 0xff}, make([]byte, 4095)...)),
	} {
		if k, err := gate.ParseKey(text); fault.CodeOf(err) != fault.Config {
			t.Errorf("%s is taken: %+v, %v", name, k, err)
		} else if strings.Contains(err.Error()+fault.HelpOf(err), blob) {
			t.Errorf("%s: the error repeats the key", name)
		}
	}
	body := strings.Join(strings.Split(openSSH, "\n")[1:4], "")
	for name, text := range map[string]string{
		"whole": openSSH, "one line": strings.ReplaceAll(openSSH, "\n", " "), "without its frame": body, "after a type": "ssh-ed25519 " + body, "pem": "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
		"pkcs8": "-----BEGIN ENCRYPTED PRIVATE KEY-----", "putty": "PuTTY-User-Key-File-3: ssh-ed25519", "lower case": strings.ToLower(openSSH),
	} {
		_, err := gate.ParseKey(text)
		if fault.CodeOf(err) != fault.Config || !strings.Contains(err.Error(), "private key") {
			t.Errorf("%s: %v", name, err)
		}
		for _, word := range strings.Fields(text) {
			if len(word) > 12 && err != nil && strings.Contains(err.Error()+fault.HelpOf(err), word) {
				t.Errorf("%s is echoed", name)
			}
		}
	}
}

// The command of a line reaches the program word for word, through sshd's reading of the line and through a shell.
func TestAuthorizedKeysSurviveAnyPath(t *testing.T) {
	for _, path := range []string{"/etc/broker/instance.hcl", "/with space/x", `/quote"x`, `/back\slash\`, `/both\"x`, "/apo'strophe", "/$(id)/`id`/$HOME", "/a;b&c|d>e", "/ünï/文", "/tab\tx", "/*?[a]", `/"`, "/-x", "/%h/%%u", "/a#b", `/\\"`} {
		text, err := gate.AuthorizedKeys([]gate.Entry{{Name: "bob", Key: "ssh-ed25519 AAAA"}}, path+"/broker", path)
		if err != nil {
			t.Fatal(err)
		}
		line := strings.Split(text, "\n")[1]
		command, rest := dequote(t, line)
		if rest != " ssh-ed25519 AAAA bob" {
			t.Errorf("%q leaves %q", path, rest)
		}
		words, err := exec.Command("sh", "-c", `f() { printf '%s\n' "$@"; }; f `+command).Output()
		if want := strings.Join([]string{path + "/broker", "gate", "bob", "--config", path, ""}, "\n"); err != nil || string(words) != want {
			t.Errorf("%q becomes %q: %v", path, words, err)
		}
	}
	for _, path := range []string{"/a\nb", "/a\rb", "/a\x00"} {
		if _, err := gate.AuthorizedKeys([]gate.Entry{{Name: "bob", Key: "k"}}, "/broker", path); fault.CodeOf(err) != fault.Config {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// dequote reads a line as sshd does (auth-options.c, opt_dequote: a backslash before a quote is the only escape).
func dequote(t *testing.T, line string) (command, rest string) {
	t.Helper()
	text, ok := strings.CutPrefix(line, `restrict,command="`)
	if !ok {
		t.Fatalf("the line begins otherwise: %s", line)
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == '"':
			b.WriteByte('"')
			i++
		case text[i] == '"':
			return b.String(), text[i+1:]
		default:
			b.WriteByte(text[i])
		}
	}
	t.Fatalf("the command does not end: %s", line)
	return "", ""
}
