package dburl

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Protection is what TLS does for the connections to a server.
type Protection int

// The levels of protection.
const (
	// Plain connections use no TLS.
	Plain Protection = iota
	// Opportunistic connections use TLS where the server offers it, whatever its certificate.
	Opportunistic
	// Encrypted connections use TLS, whatever the server's certificate.
	Encrypted
	// Trusted connections also demand a certificate that an authority to trust has issued, for any host.
	Trusted
	// Verified connections also demand that the certificate is the host's.
	Verified
)

// Protection returns what TLS does for the connections. A Unix socket needs none. Whoever names authorities wants the certificate checked:
// so ?ca=FILE has it checked with tls=on, and with tls=preferred, which then means on.
func (u URL) Protection() Protection {
	switch {
	case u.IsSocket(), u.TLS == TLSOff:
		return Plain
	case u.TLS == TLSVerify:
		return Verified
	case u.CA != "":
		return Trusted
	case u.TLS == TLSOn:
		return Encrypted
	}
	return Opportunistic
}

// Authorities returns the path of the file with the authorities to trust; "" for the system's. Only a PostgreSQL server whose certificate
// is to be verified is checked against libpq's own file, where there is one.
func (u URL) Authorities() string {
	if u.CA != "" || u.Engine != Postgres || u.Protection() != Verified {
		return u.CA
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	file := filepath.Join(home, ".postgresql", "root.crt")
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return file
}

// AuthoritiesError means that the file with the authorities to trust cannot be used.
type AuthoritiesError struct {
	Path string
	Err  error
}

func (e *AuthoritiesError) Error() string {
	return fmt.Sprintf("read the certificate authorities: %v", e.Err)
}

func (e *AuthoritiesError) Unwrap() error { return e.Err }

// TLSConfig returns the settings of TLS for the connections; nil for no TLS. It fails with *AuthoritiesError. Opportunistic connections may
// go without TLS where the server offers none; that is up to the caller.
func (u URL) TLSConfig() (*tls.Config, error) {
	protection := u.Protection()
	if protection == Plain {
		return nil, nil
	}
	config := &tls.Config{ServerName: u.Host}
	if protection < Verified {
		config.InsecureSkipVerify = true // asked for; the chain is checked below
	}
	if protection < Trusted {
		return config, nil
	}
	if file := u.Authorities(); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, &AuthoritiesError{Path: file, Err: err}
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &AuthoritiesError{Path: file, Err: fmt.Errorf("%s holds no PEM certificate", file)}
		}
	}
	if protection == Trusted {
		config.VerifyConnection = func(state tls.ConnectionState) error { return verifyChain(state.PeerCertificates, config.RootCAs) }
	}
	return config, nil
}

// verifyChain checks, as crypto/tls does, that an authority to trust has issued a certificate, but not for which host.
func verifyChain(chain []*x509.Certificate, roots *x509.CertPool) error {
	if len(chain) == 0 {
		return errors.New("tls: the server shows no certificate")
	}
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, certificate := range chain[1:] {
		options.Intermediates.AddCert(certificate)
	}
	if _, err := chain[0].Verify(options); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	}
	return nil
}
