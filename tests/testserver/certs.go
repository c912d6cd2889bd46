package testserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certs are the paths of a certificate authority and of its server certificate for localhost and 127.0.0.1, all in PEM.
type Certs struct {
	CA   string
	Cert string
	Key  string

	dir          string
	authority    *x509.Certificate
	authorityKey *ecdsa.PrivateKey
}

// NewCerts makes an authority and a server certificate in dir, valid for a day.
func NewCerts(dir string) (*Certs, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	c := &Certs{
		CA:   filepath.Join(dir, "ca.pem"),
		Cert: filepath.Join(dir, "server.pem"),
		Key:  filepath.Join(dir, "server-key.pem"),
		dir:  dir,
	}
	authority := certificate("dump-refresh test authority")
	authority.IsCA, authority.BasicConstraintsValid = true, true
	authority.KeyUsage = x509.KeyUsageCertSign
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if err := writeCertificate(c.CA, authority, authority, &authorityKey.PublicKey, authorityKey); err != nil {
		return nil, err
	}

	server := certificate("localhost")
	server.DNSNames, server.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	server.KeyUsage = x509.KeyUsageDigitalSignature
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if err := writeCertificate(c.Cert, server, authority, &serverKey.PublicKey, authorityKey); err != nil {
		return nil, err
	}
	c.authority, c.authorityKey = authority, authorityKey
	return c, c.writeKey(serverKey)
}

// Client makes a certificate for a client, and gives the paths of it and its key.
func (c *Certs) Client(name string) (cert, key string, err error) {
	cert, key = filepath.Join(c.dir, name+".pem"), filepath.Join(c.dir, name+"-key.pem")
	client := certificate(name)
	client.KeyUsage = x509.KeyUsageDigitalSignature
	client.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	clientKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	if err := writeCertificate(cert, client, c.authority, &clientKey.PublicKey, c.authorityKey); err != nil {
		return "", "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(clientKey)
	if err != nil {
		return "", "", err
	}
	return cert, key, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

// MariaDBOptions are the flags that make MariaDB use TLS with this certificate.
func (c *Certs) MariaDBOptions() []string {
	return []string{"--ssl-ca=" + c.CA, "--ssl-cert=" + c.Cert, "--ssl-key=" + c.Key}
}

// PostgresOptions are the settings that make PostgreSQL use TLS with this certificate.
func (c *Certs) PostgresOptions() []string {
	return []string{"ssl=on", "ssl_ca_file=" + c.CA, "ssl_cert_file=" + c.Cert, "ssl_key_file=" + c.Key}
}

// writeKey writes the private key with the owner and permissions that PostgreSQL requires.
func (c *Certs) writeKey(key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return err
	}
	as, err := postgresOwner()
	if err != nil || as == nil {
		return err
	}
	if err := openPath(filepath.Dir(c.Key)); err != nil {
		return err
	}
	return os.Chown(c.Key, int(as.uid), int(as.gid))
}

func certificate(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
}

func writeCertificate(path string, subject, issuer *x509.Certificate, key *ecdsa.PublicKey, by *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, subject, issuer, key, by)
	if err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
}
