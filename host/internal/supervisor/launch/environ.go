package launch

import (
	"runtime"
	"strconv"
	"strings"
)

// passedOn are the host's variables that a plugin gets. Everything else, secrets of the host above all, stays here (G9).
var passedOn = map[string]bool{
	"PATH": true, "LANG": true, "GOMAXPROCS": true, "GOCOVERDIR": true, "SSL_CERT_FILE": true, "SSL_CERT_DIR": true,
	"HTTP_PROXY": true, "HTTPS_PROXY": true, "ALL_PROXY": true, "NO_PROXY": true,
	"http_proxy": true, "https_proxy": true, "all_proxy": true, "no_proxy": true,
}

// Environ is the environment of a plugin, but for what the handshake adds.
func Environ(host []string, folder Folder, memory int64) []string {
	var env []string
	for _, variable := range host {
		name, _, _ := strings.Cut(variable, "=")
		if passedOn[name] || runtime.GOOS == "windows" && strings.EqualFold(name, "SYSTEMROOT") {
			env = append(env, variable)
		}
	}
	return append(env,
		"HOME="+folder.Home, "TMPDIR="+folder.Temp, "TMP="+folder.Temp, "TEMP="+folder.Temp,
		"TZ=UTC", "GOMEMLIMIT="+strconv.FormatInt(memory/5*4, 10))
}
