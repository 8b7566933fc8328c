package sandbox

import (
	"cmp"
	"os"
	"strings"
)

// CertificateFile is where a command with Network finds the certificates of authorities that the machine trusts.
const CertificateFile = "/etc/ssl/certs/ca-certificates.crt"

// certificateFiles are where distributions keep them, as crypto/x509 has it.
var certificateFiles = []string{CertificateFile, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/pki/tls/cacert.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem"}

// network are the files of the machine that a command with Network sees, as far as there are such files, and the proxies
// that it is to use. $SSL_CERT_FILE names the certificates before the usual places do.
func network(getenv func(string) string) (files []Mount, proxies []string) {
	lend := func(source, target string) bool {
		info, err := os.Stat(source)
		if err != nil || !info.Mode().IsRegular() {
			return false
		}
		files = append(files, Mount{Source: source, Target: target, ReadOnly: true})
		return true
	}
	for _, f := range []string{"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"} {
		lend(f, f)
	}
	for _, f := range append([]string{getenv("SSL_CERT_FILE")}, certificateFiles...) {
		if lend(f, CertificateFile) {
			break
		}
	}
	for _, name := range []string{"http_proxy", "https_proxy", "no_proxy"} {
		if v := cmp.Or(getenv(name), getenv(strings.ToUpper(name))); v != "" {
			proxies = append(proxies, name+"="+v)
		}
	}
	return files, proxies
}
