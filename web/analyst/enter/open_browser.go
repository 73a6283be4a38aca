package enter

import (
	"errors"
	"os/exec"
	"runtime"
)

// openBrowser opens an address in the person's browser. The address holds a challenge, no secret.
func openBrowser(url string) error {
	program, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		program = "open"
	case "windows":
		program, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return errors.New("there is no " + program)
	}
	cmd := exec.Command(path, args...)
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait() //nolint:errcheck // how the browser ends is its own affair
	return nil
}
