package gate

import (
	"crypto/rsa"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Key is a public key that may be let in.
type Key struct {
	Line        string // "<type> <base64>" as authorized_keys has it
	Type        string
	Fingerprint string // "SHA256:…" as ssh-keygen -l prints it
	Comment     string // cleaned; for people
}

// keyTypes are the kinds of key that are taken.
var keyTypes = [...]string{ssh.KeyAlgoED25519, ssh.KeyAlgoRSA, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256}

// Bounds of RSA keys, in bits: below, a key is too weak (NIST SP 800-57 part 1, 128 bits of strength); above, checking one
// costs us more than it costs them.
const (
	minRSA = 3072
	maxRSA = 16384
)

// IsPrivateKey says whether a text looks like a private key, or a piece of one, in any of the usual forms.
func IsPrivateKey(text string) bool {
	const openSSH = "b3BlbnNzaC1rZXktdjE" // base64 of "openssh-key-v1"
	upper := strings.ToUpper(text)
	return strings.Contains(upper, "PRIVATE KEY") || strings.Contains(upper, "PRIVATE-LINES:") || strings.Contains(upper, "PUTTY-USER-KEY-FILE") || strings.Contains(text, openSSH)
}

// ParseKey reads one public key as it stands in a .pub file. No error repeats any of the text: it may be a secret.
func ParseKey(text string) (Key, error) {
	text = strings.TrimSpace(text)
	if IsPrivateKey(text) {
		return Key{}, badKey("that is a private key; it was not used, and should be replaced now that it was shown", `Give the public one: the line of the file that ends with ".pub".`)
	}
	if strings.ContainsAny(text, "\r\n\x00") {
		return Key{}, badKey("a key is one line", "")
	}
	fields := strings.Fields(text)
	if len(fields) < 2 {
		return Key{}, badKey("that is no public key", `It is one line, in quotes: "ssh-ed25519 AAAA… ada@laptop".`)
	}
	if err := checkType(fields[0]); err != nil {
		return Key{}, err
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(fields[1])
	if err != nil {
		return Key{}, badKey("the key is damaged: its second word is not base64", "Copy the whole line of the .pub file.")
	}
	key, err := ssh.ParsePublicKey(blob)
	if err != nil || key.Type() != fields[0] {
		return Key{}, badKey("the key is damaged: its two words do not fit", "Copy the whole line of the .pub file.")
	}
	if err := checkStrength(key); err != nil {
		return Key{}, err
	}
	return Key{Line: key.Type() + " " + base64.StdEncoding.EncodeToString(key.Marshal()), Type: key.Type(),
		Fingerprint: ssh.FingerprintSHA256(key), Comment: cleanComment(strings.Join(fields[2:], " "))}, nil
}

func badKey(what, help string) error {
	f := fault.New(fault.Config, what)
	f.Path = "key"
	return f.WithHelp(help)
}

func checkType(kind string) error {
	switch {
	case slices.Contains(keyTypes[:], kind):
		return nil
	case kind == "ssh-dss":
		return badKey("DSA keys are not taken: they can be broken", "Make another one: ssh-keygen -t ed25519")
	case strings.Contains(kind, "-cert-v01@"):
		return badKey("certificates are not taken", "Give the public key itself.")
	}
	return badKey("the line does not begin with a kind of key that is taken; options before the key are not taken either",
		"Kinds are ssh-ed25519, ecdsa-sha2-nistp256, -384, -521, ssh-rsa from 3072 bits on, and the sk- kinds of security keys.")
}

func checkStrength(key ssh.PublicKey) error {
	held, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return nil // keys on security devices; their kinds have one strength
	}
	rsaKey, ok := held.CryptoPublicKey().(*rsa.PublicKey)
	if !ok {
		return nil
	}
	if bits := rsaKey.N.BitLen(); bits < minRSA || bits > maxRSA {
		return fault.Newf(fault.Config, "RSA keys must have %d to %d bits; this one has %d", minRSA, maxRSA, bits).WithHelp("Make another one: ssh-keygen -t ed25519")
	}
	return nil
}

var unclean = regexp.MustCompile(`[^A-Za-z0-9@._+ -]+`)

// cleanComment keeps what a person can recognise of a comment.
func cleanComment(text string) string {
	text = strings.Join(strings.Fields(unclean.ReplaceAllString(text, " ")), " ")
	if len(text) > 60 {
		text = strings.TrimSpace(text[:60])
	}
	return text
}
