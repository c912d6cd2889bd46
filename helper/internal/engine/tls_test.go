package engine

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// What a URL says of TLS means the same for each engine, in both directions, and for the dump clients.
func TestTLS(t *testing.T) {
	folder := t.TempDir()
	right, err := testserver.NewCerts(filepath.Join(folder, "right"))
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := testserver.NewCerts(filepath.Join(folder, "wrong"))
	if err != nil {
		t.Fatal(err)
	}
	notPEM := filepath.Join(folder, "empty.pem")
	if err := os.WriteFile(notPEM, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	authorities := map[string]string{
		"": "", "right ca": right.CA, "wrong ca": wrong.CA, "missing ca": filepath.Join(folder, "none.pem"), "empty ca": notPEM,
	}
	type want struct {
		ca, host string
		fails    string // a part of the error; "" for none
	}
	const unknown = "certificate signed by unknown authority"
	const other = "other.invalid"
	protected := map[string][]want{
		"off":       {{}, {ca: "right ca"}, {ca: "wrong ca"}, {ca: "missing ca"}},
		"preferred": {{}, {host: other}, {ca: "right ca"}, {ca: "right ca", host: other}, {ca: "wrong ca", fails: unknown}, {ca: "missing ca", fails: "no such file"}, {ca: "empty ca", fails: "holds no PEM certificate"}},
		"on":        {{}, {host: other}, {ca: "right ca"}, {ca: "right ca", host: other}, {ca: "wrong ca", fails: unknown}, {ca: "missing ca", fails: "no such file"}, {ca: "empty ca", fails: "holds no PEM certificate"}},
		"verify":    {{fails: unknown}, {ca: "right ca"}, {ca: "right ca", host: other, fails: "certificate is"}, {ca: "wrong ca", fails: unknown}, {ca: "missing ca", fails: "no such file"}},
	}
	plain := map[string][]want{
		"off":       {{}, {ca: "wrong ca"}},
		"preferred": {{}, {ca: "right ca", fails: "TLS"}},
		"on":        {{fails: "TLS"}, {ca: "right ca", fails: "TLS"}},
		"verify":    {{ca: "right ca", fails: "TLS"}},
	}
	hostname, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	// Libpq's own file is for verify alone.
	home := filepath.Join(folder, "home")
	root := filepath.Join(home, ".postgresql", "root.crt")
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}

	try := func(t *testing.T, url string, want want, mode string) {
		u, err := dburl.Parse(url)
		if err != nil {
			t.Fatal(err)
		}
		u.TLS, u.CA = dburl.TLS(mode), authorities[want.ca]
		if want.host != "" {
			u.Host, u.Server = want.host, &dburl.Server{Hostname: hostname, Addresses: []string{"127.0.0.1"}}
		}
		directions := map[string]func() error{
			"source": func() error {
				src, err := OpenSource(t.Context(), source.Config{URL: &u, Note: func(string) {}})
				if err != nil {
					return err
				}
				return src.Close()
			},
			"target": func() error {
				db, err := OpenTarget(t.Context(), target.Config{URL: u})
				if err != nil {
					return err
				}
				return db.Close()
			},
		}
		if want.fails == "" && want.host == "" { // which a client would look up; and where we fail, none is called
			directions["client"] = func() error { return dumpWith(t, source.Config{URL: &u, Client: true}) }
		}
		for direction, open := range directions {
			switch err := open(); {
			case want.fails == "" && err != nil:
				t.Errorf("%s: %v", direction, err)
			case want.fails != "" && (err == nil || !strings.Contains(err.Error(), want.fails)):
				t.Errorf("%s: got %v, want an error with %q", direction, err, want.fails)
			case want.fails != "" && !strings.Contains(err.Error(), "no protected connection"):
				t.Errorf("%s: %v is not of the right kind", direction, err)
			}
		}
	}
	for name, start := range tlsServers {
		t.Run(name, func(t *testing.T) {
			for protection, cases := range map[string]map[string][]want{"with TLS": protected, "without TLS": plain} {
				certs := right
				if protection == "without TLS" {
					certs = nil
				}
				url := start(t, certs)
				for mode, wants := range cases {
					for _, want := range wants {
						t.Run(fmt.Sprintf("%s, %s %s %s", protection, mode, want.ca, want.host), func(t *testing.T) { try(t, url, want, mode) })
					}
				}
				if name != "postgres" || certs == nil {
					continue
				}
				for _, test := range []struct {
					ca   string
					want want
					mode string
				}{
					{wrong.CA, want{}, "preferred"}, {wrong.CA, want{}, "on"}, {wrong.CA, want{ca: "right ca"}, "verify"}, {wrong.CA, want{fails: unknown}, "verify"}, {right.CA, want{}, "verify"},
				} {
					t.Run(fmt.Sprintf("root.crt, %s %s", test.mode, test.want.ca), func(t *testing.T) {
						pem, err := os.ReadFile(test.ca)
						if err == nil {
							err = os.WriteFile(root, pem, 0o600)
						}
						if err != nil {
							t.Fatal(err)
						}
						t.Setenv("HOME", home)
						defer os.Remove(root)
						try(t, url, test.want, test.mode)
					})
				}
			}
		})
	}
}

// tlsServers start a server with a certificate, or without any, and give the URL of a database.
var tlsServers = map[string]func(*testing.T, *testserver.Certs) string{
	"mariadb": func(t *testing.T, certs *testserver.Certs) string {
		options := []string{"--skip-ssl"}
		if certs != nil {
			options = certs.MariaDBOptions()
		}
		return mysqlWithTLS(t, testserver.MariaDB, options...)
	},
	"mysql": func(t *testing.T, certs *testserver.Certs) string {
		options := []string{"--tls-version="}
		if certs != nil {
			options = certs.MariaDBOptions()
		}
		return mysqlWithTLS(t, testserver.Mysqld, options...)
	},
	"postgres": func(t *testing.T, certs *testserver.Certs) string {
		var options []string
		if certs != nil {
			options = certs.PostgresOptions()
		}
		server, err := testserver.Postgres(t.TempDir(), options...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Kill)
		if err := server.Exec("postgres", "CREATE DATABASE shop"); err != nil {
			t.Fatal(err)
		}
		return server.URL("shop")
	},
}

func mysqlWithTLS(t *testing.T, start func(string, ...string) (*testserver.MySQL, error), options ...string) string {
	server, err := start(t.TempDir(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	if err := server.Exec("CREATE DATABASE shop"); err != nil {
		t.Fatal(err)
	}
	return server.URL("shop")
}

// dumpWith opens a source and reads it to the end.
func dumpWith(t *testing.T, config source.Config) error {
	config.Note = func(string) {}
	src, err := OpenSource(t.Context(), config)
	if err != nil {
		return err
	}
	defer src.Close()
	read, err := src.Dump(t.Context())
	if err != nil {
		return err
	}
	defer read.Close()
	if read.Chunks != nil {
		return read.Chunks(t.Context(), func(dump.Chunk) ([]byte, error) { return nil, nil })
	}
	_, err = io.Copy(io.Discard, read)
	return err
}
