package project

import (
	"errors"
	"testing"
)

func TestTargetIsTheProjectsOwnDatabase(t *testing.T) {
	const (
		inDDEV   = "IS_DDEV_PROJECT=true"
		postgres = "database: {type: postgres, version: \"17\"}\n"
	)
	for name, test := range map[string]struct {
		files   map[string]string
		environ []string
		flags   map[string]string
		want    string // as `dump-helper settings` shows it
		reveal  string // the password
	}{
		"MariaDB, in a container":    {map[string]string{}, []string{inDDEV}, nil, "mysql://root:***@ddev-museum-shop-db:3306/db?tls=off (DDEV)", "root"},
		"MySQL":                      {map[string]string{"config.yaml": "mysql_version: \"8.0\"\n"}, []string{inDDEV}, nil, "mysql://root:***@ddev-museum-shop-db:3306/db (DDEV)", "root"},
		"PostgreSQL":                 {map[string]string{"config.yaml": postgres}, []string{inDDEV}, nil, "postgres://db:***@ddev-museum-shop-db:5432/db (DDEV)", "db"},
		"the type of another file":   {map[string]string{"config.local.yaml": postgres}, []string{inDDEV}, nil, "postgres://db:***@ddev-museum-shop-db:5432/db (DDEV)", "db"},
		"MariaDB, on the machine":    {map[string]string{}, []string{inDDEV, "DDEV_HOST_DB_PORT=32771"}, nil, "mysql://root:***@127.0.0.1:32771/db?tls=off (DDEV)", "root"},
		"PostgreSQL, on the machine": {map[string]string{"config.yaml": postgres}, []string{inDDEV, "DDEV_HOST_DB_PORT=32771"}, nil, "postgres://db:***@127.0.0.1:32771/db (DDEV)", "db"},
		"a port that is empty":       {map[string]string{}, []string{inDDEV, "DDEV_HOST_DB_PORT="}, nil, "mysql://root:***@ddev-museum-shop-db:3306/db?tls=off (DDEV)", "root"},
		"a file comes first": {map[string]string{"config.yaml": "web_environment: [DUMP_TARGET=mysql://a@b/c]\n"}, []string{inDDEV}, nil,
			"mysql://a@b/c (.ddev/config.yaml:1)", ""},
		"the environment comes first": {map[string]string{}, []string{inDDEV, "DUMP_TARGET=mysql://a@b/c"}, nil, "mysql://a@b/c (environment)", ""},
		"a flag comes first":          {map[string]string{}, []string{inDDEV}, map[string]string{"DUMP_TARGET": "mysql://a@b/c"}, "mysql://a@b/c (flag --target)", ""},
		"taken back": {map[string]string{"config.yaml": "web_environment: [DUMP_TARGET=mysql://a@b/c]\n", ".env": "DUMP_TARGET=\n"}, []string{inDDEV}, nil,
			"mysql://root:***@ddev-museum-shop-db:3306/db?tls=off (DDEV)", "root"},
	} {
		t.Run(name, func(t *testing.T) {
			p := load(t, Options{Dir: write(t, test.files), Environ: test.environ, Flags: test.flags})
			if got := value(p, "DUMP_TARGET"); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if got := p.Target.Password.Reveal(); got != test.reveal {
				t.Errorf("password %q, want %q", got, test.reveal)
			}
			if err := p.RequireTarget(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNoTargetOutsideDDEV(t *testing.T) {
	for _, environ := range [][]string{nil, {"IS_DDEV_PROJECT="}, {"IS_DDEV_PROJECT=false", "DDEV_HOST_DB_PORT=32771"}} {
		p := load(t, Options{Dir: write(t, map[string]string{}), Environ: environ})
		err := p.RequireTarget()
		if want := "DUMP_TARGET: not set for project museum-shop"; err == nil || err.Error() != want || p.Target != nil {
			t.Errorf("%v: got %v and target %v, want %s", environ, err, p.Target, want)
		}
	}
}

func TestOwnDatabaseAtAPortThatIsNone(t *testing.T) {
	_, err := Load(t.Context(), Options{Dir: write(t, map[string]string{}), Environ: []string{"IS_DDEV_PROJECT=true", "DDEV_HOST_DB_PORT=99999"}})
	want := `DDEV: DUMP_TARGET: port "99999" is not a number from 1 to 65535`
	if err == nil || err.Error() != want || !errors.Is(err, ErrInvalidValue) {
		t.Errorf("got %v, want %s", err, want)
	}
}
