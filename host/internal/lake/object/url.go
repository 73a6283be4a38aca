package object

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// address is a lake's URL, taken apart.
type address struct {
	bucket string
	prefix string     // of all keys, "" or with a slash at its end
	params url.Values // how to reach the bucket: no secret can be among them
}

// params are the query parameters that a URL may have; gocloud.dev/blob/s3blob and gocloud.dev/aws give them their
// meaning.
var params = []string{"region", "endpoint", "use_path_style", "disable_https", "hostname_immutable", "dualstack", "fips", "accelerate",
	"profile", "role", "ssetype", "kmskeyid", "request_checksum_calculation", "response_checksum_validation"}

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	prefixName = regexp.MustCompile(`^[A-Za-z0-9_=-][A-Za-z0-9._=-]*(/[A-Za-z0-9_=-][A-Za-z0-9._=-]*)*$`)
)

const example = `Write lake { url = "s3://bucket/prefix?region=…" }.`

// Check says what is wrong with a lake's URL.
func Check(lakeURL string) error {
	_, err := parse(lakeURL)
	return err
}

// parse reads a lake's URL. Its errors do not repeat it: there may be a secret in it.
func parse(text string) (address, error) {
	u, err := url.Parse(text)
	if err != nil {
		return address{}, fault.New(fault.Config, "lake.url is not a URL").WithHelp(example)
	}
	switch u.Scheme {
	case "s3":
	case "gs", "azblob":
		return address{}, fault.Newf(fault.Config, "lake.url: this broker keeps a lake in a folder or in S3; %s:// is not served", u.Scheme).
			WithHelp(`Use an S3 bucket, or a server that speaks S3 (url = "s3://bucket/prefix?endpoint=https://…"), or url = "file".`)
	default:
		return address{}, fault.New(fault.Config, "lake.url is neither file nor s3://…").WithHelp(example)
	}
	if u.User != nil {
		return address{}, fault.New(fault.Config, "lake.url holds a user or a password: credentials do not belong into it").WithHelp(credentials)
	}
	if !bucketName.MatchString(u.Host) {
		return address{}, fault.New(fault.Config, "lake.url has no bucket, or one with a name that S3 does not allow").WithHelp(example)
	}
	a := address{bucket: u.Host, prefix: strings.Trim(u.Path, "/"), params: u.Query()}
	if a.prefix != "" && !prefixName.MatchString(a.prefix) {
		return address{}, fault.New(fault.Config, "lake.url: the prefix may have letters, digits and . _ = - between single slashes").WithHelp(example)
	}
	if a.prefix != "" {
		a.prefix += "/"
	}
	if u.Fragment != "" {
		return address{}, fault.New(fault.Config, "lake.url has a #fragment").WithHelp(example)
	}
	for name, values := range a.params {
		if !slices.Contains(params, name) || len(values) != 1 {
			return address{}, fault.Newf(fault.Config, "lake.url: parameter %.40q is not known, or stands there twice", name).
				WithHelp("Known are " + strings.Join(params, ", ") + ". " + credentials)
		}
	}
	if endpoint := a.params.Get("endpoint"); endpoint != "" {
		e, err := url.Parse(endpoint)
		if err != nil || e.Scheme != "http" && e.Scheme != "https" || e.Host == "" || e.User != nil || e.RawQuery != "" {
			return address{}, fault.New(fault.Config, "lake.url: endpoint is not http://host:port or https://host:port").WithHelp(example)
		}
	}
	return a, nil
}
