package account

import (
	_ "embed"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxBytes is how long a password may be: enough for any sentence, and no work for the hash (L11).
const maxBytes = 256

//go:embed known.txt
var knownText string

// rules are what a new password must keep. There are none about its letters: they make people choose worse ones (NIST SP
// 800-63B §3.1.1.2).
type rules struct{ fewest int }

// broken says which rule a new password of an address breaks, for the person; "" = none.
func (r rules) broken(password, again, email string) string {
	folded := strings.ToLower(password)
	mailbox, _, _ := strings.Cut(email, "@")
	switch {
	case strings.ContainsRune(password, 0) || !utf8.ValidString(password) || strings.ContainsRune(password, utf8.RuneError):
		return "That password has a character that cannot be typed everywhere."
	case utf8.RuneCountInString(password) < r.fewest:
		return fmt.Sprintf("That password is shorter than %d characters.", r.fewest)
	case len(password) > maxBytes:
		return fmt.Sprintf("That password is longer than %d bytes.", maxBytes)
	case password != again:
		return "The two are not the same."
	case folded == email || folded == mailbox || strings.TrimSpace(folded) == email:
		return "Your address is no password."
	case common(folded):
		return "That password is one of those that are tried first. Choose another one."
	}
	return ""
}

// runs are what fingers do by themselves.
var runs = []string{"abcdefghijklmnopqrstuvwxyz", "0123456789", "1234567890", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0"}

// common says whether a password, in lower case, is in lists of stolen ones, is a short thing repeated, or a run of keys.
func common(folded string) bool {
	for line := range strings.Lines(knownText) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") && line == folded {
			return true
		}
	}
	for size := 1; size <= 4 && size < len(folded); size++ {
		if strings.Repeat(folded[:size], len(folded)/size+1)[:len(folded)] == folded {
			return true
		}
	}
	for _, run := range runs {
		twice := strings.Repeat(run, len(folded)/len(run)+2)
		if strings.Contains(twice, folded) || strings.Contains(reversed(twice), folded) {
			return true
		}
	}
	half := len(folded) / 2
	return len(folded) >= 8 && len(folded)%2 == 0 && folded[:half] == folded[half:] && common(folded[:half])
}

// reversed turns ASCII text round.
func reversed(text string) string {
	b := []byte(text)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}
