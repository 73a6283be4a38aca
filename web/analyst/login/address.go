package login

import (
	"net/url"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// ServerURL makes an address what it is kept as: scheme and host, no path, no user.
func ServerURL(address string, insecure bool) (string, error) {
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" {
		return "", fault.New(fault.Config, "this is no address of a server").WithHelp("Give it as https://data.acme.com")
	}
	host := u.Hostname()
	if u.Scheme == "http" && !insecure && host != "localhost" && !strings.HasPrefix(host, "127.") && host != "::1" {
		return "", fault.Newf(fault.Config, "http://%s would send your token readably over the network", host).WithHelp("Use https://, or --insecure-http if you know why.")
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}
