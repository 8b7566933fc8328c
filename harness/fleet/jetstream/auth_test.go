package jetstream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// certificate is one for 127.0.0.1, signed by itself, in files.
func certificate(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		file(t, name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text}))
}

func file(t *testing.T, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// pair is a key pair that was made, with its public key.
func pair(kp nkeys.KeyPair, err error) func(*testing.T) (nkeys.KeyPair, string) {
	return func(t *testing.T) (nkeys.KeyPair, string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		public, err := kp.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		return kp, public
	}
}

// serving starts a server.
func serving(t *testing.T, o *server.Options) string {
	t.Helper()
	o.Host, o.Port, o.NoSigs, o.StoreDir = "127.0.0.1", server.RANDOM_PORT, true, t.TempDir()
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s.Addr().String()
}

// TestCredentials: a server of accounts is entered with the file that nsc writes, and with no other.
func TestCredentials(t *testing.T) {
	t.Parallel()
	operator, operatorID := pair(nkeys.CreateOperator())(t)
	oc := jwt.NewOperatorClaims(operatorID)
	signed, err := oc.Encode(operator)
	if err != nil {
		t.Fatal(err)
	}
	if oc, err = jwt.DecodeOperatorClaims(signed); err != nil {
		t.Fatal(err)
	}
	resolver := &server.MemAccResolver{}
	account := func(id string, js bool) {
		ac := jwt.NewAccountClaims(id)
		if js {
			ac.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
		}
		text, err := ac.Encode(operator)
		if err != nil {
			t.Fatal(err)
		}
		if err := resolver.Store(id, text); err != nil {
			t.Fatal(err)
		}
	}
	mine, mineID := pair(nkeys.CreateAccount())(t)
	_, systemID := pair(nkeys.CreateAccount())(t)
	account(mineID, true)
	account(systemID, false)
	creds := func(name string, signer nkeys.KeyPair) string {
		user, userID := pair(nkeys.CreateUser())(t)
		text, err := jwt.NewUserClaims(userID).Encode(signer)
		if err != nil {
			t.Fatal(err)
		}
		secret, err := user.Seed()
		if err != nil {
			t.Fatal(err)
		}
		both, err := jwt.FormatUserConfig(text, secret)
		if err != nil {
			t.Fatal(err)
		}
		return file(t, name, both)
	}
	at := "nats://" + serving(t, &server.Options{
		JetStream: true, TrustedOperators: []*jwt.OperatorClaims{oc}, AccountResolver: resolver, SystemAccount: systemID,
	})
	stranger, _ := pair(nkeys.CreateAccount())(t)
	q := reopen(t, Options{Where: at, Creds: creds("me.creds", mine)})
	ask(t, q, task(1), true)
	for creds, want := range map[string]string{
		"":                                "the server wants a user: NATS_CREDS",
		creds("stranger.creds", stranger): "the server wants a user: NATS_CREDS",
		filepath.Join(t.TempDir(), "no"):  "no such file",
	} {
		if _, err := Open(t.Context(), Options{Where: at, Creds: creds}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with %q: %v", creds, err)
		}
	}
}

// TestTLS: a server's certificate is checked, and one's own is shown; a password is not told to anybody.
func TestTLS(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t, "server")
	mine, mineKey := certificate(t, "worker")
	shown, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(mine)
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(text)
	addr := serving(t, &server.Options{
		JetStream: true, Username: "me", Password: "secret",
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{shown}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert},
		TLS:       true, TLSVerify: true,
	})
	q := reopen(t, Options{Where: "tls://me:secret@" + addr, CA: cert, Cert: mine, Key: mineKey})
	ask(t, q, task(1), true)
	if s, err := q.Status(t.Context()); err != nil || strings.Contains(fmt.Sprint(s), "secret") {
		t.Errorf("status %+v, %v", s, err)
	}
	other, otherKey := certificate(t, "other")
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"unknown server":     {Options{Where: "tls://me:secret@" + addr, Cert: mine, Key: mineKey}, "NATS_CA"},
		"another server":     {Options{Where: "tls://me:secret@" + addr, CA: other, Cert: mine, Key: mineKey}, "NATS_CA"},
		"no certificate":     {Options{Where: "tls://me:secret@" + addr, CA: cert}, "NATS_CERT"},
		"unknown cert":       {Options{Where: "tls://me:secret@" + addr, CA: cert, Cert: other, Key: otherKey}, "NATS_CERT"},
		"no such file":       {Options{Where: "tls://me:secret@" + addr, CA: cert + ".no"}, "no such file"},
		"the wrong password": {Options{Where: "tls://me:secret2@" + addr, CA: cert, Cert: mine, Key: mineKey}, "the server wants a user"},
	} {
		_, err := Open(t.Context(), c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
