package portal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web"
)

// brand is how the instance calls itself, as the configuration says now.
func (p *Portal) brand() web.Brand {
	in := p.options.Config().Instance
	brand := web.Brand{Name: in.Name, Subtitle: in.Subtitle, Copyright: in.Copyright}
	if in.Logo != "" {
		brand.Logo = web.LogoPath
	}
	return brand
}

// logoKinds are the pictures that may be a logo, by extension.
var logoKinds = map[string]string{".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}

// mostLogo is how many bytes a logo may have: it is on every page.
const mostLogo = 256 << 10

// logo reads the picture that the configuration names; fault.NotFound when it names none.
func (p *Portal) logo() (content []byte, kind string, err error) {
	path := p.options.Config().Instance.Logo
	if path == "" {
		return nil, "", fault.New(fault.NotFound, "there is no logo")
	}
	kind, ok := logoKinds[strings.ToLower(filepath.Ext(path))]
	if !ok {
		return nil, "", fmt.Errorf("the logo %s is no svg, png, jpg or webp", path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, "", fmt.Errorf("read the logo: %w", err)
	}
	if info.Size() > mostLogo || !info.Mode().IsRegular() {
		return nil, "", fmt.Errorf("the logo %s is no file of at most %d bytes", path, mostLogo)
	}
	if content, err = os.ReadFile(path); err != nil {
		return nil, "", fmt.Errorf("read the logo: %w", err)
	}
	return content, kind, nil
}
