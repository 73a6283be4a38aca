package dial

import (
	"crypto/x509"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// private says whether only the owner may enter a folder. Windows has no such bits: the folder's place decides.
func private(info os.FileInfo) bool {
	return runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0
}

// checkAddress wants a socket that lies in dir, however its path is written.
func checkAddress(address, dir string) error {
	outside := fault.Newf(fault.Permission, "its socket %s lies outside its own folder", quote(address))
	if !filepath.IsAbs(address) || filepath.Clean(address) != address {
		return outside
	}
	realDir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return fault.Wrap(fault.Permission, err, "look at the plugin's socket folder")
	}
	info, err := os.Lstat(address)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return fault.Newf(fault.Permission, "its address %s is no socket", quote(address))
	}
	realAddress, err := filepath.EvalSymlinks(address)
	if err != nil || !strings.HasPrefix(realAddress, realDir+string(filepath.Separator)) {
		return outside
	}
	return nil
}

// checkCertificate refuses a certificate that was not asked for or that is none: go-plugin would fall over both.
func checkCertificate(parts []string, mtls bool) error {
	certificate := ""
	if len(parts) > 5 {
		certificate = parts[5]
	}
	if !mtls {
		if certificate != "" {
			return fault.New(fault.Permission, "it sent a certificate although none was asked for")
		}
		return nil
	}
	der, err := base64.RawStdEncoding.DecodeString(certificate)
	if err == nil {
		_, err = x509.ParseCertificate(der)
	}
	if err != nil {
		return fault.Newf(fault.Permission, "its certificate cannot be read: %.200v", err)
	}
	return nil
}
