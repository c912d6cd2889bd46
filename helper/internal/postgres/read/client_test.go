package read

import (
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

func TestChoosePostgresClient(t *testing.T) {
	var all []dumpClient
	for _, text := range []string{
		"pg_dump (PostgreSQL) 9.6.24", "pg_dump (PostgreSQL) 13.4 (Debian 13.4-1.pgdg110+1)", "pg_dump (PostgreSQL) 15.9",
		"pg_dump (PostgreSQL) 15.10 (Homebrew)", "pg_dump (PostgreSQL) 17beta1", "pg_dump (PostgreSQL) 16.4",
	} {
		client, ok := readClient(text + "\n")
		if !ok {
			t.Fatalf("%s is not understood", text)
		}
		all = append(all, client)
	}
	for _, test := range []struct {
		server string // server_version
		best   string
		tooOld string
	}{
		{"9.6.10", "9.6.24", ""}, {"9.5.1", "9.6.24", ""}, {"10.23", "13.4", "9.6.24"}, {"13.0", "13.4", "9.6.24"}, {"14.12 (Debian 14.12-1.pgdg120+1)", "15.10", "13.4"},
		{"15.12", "15.10", "13.4"}, {"16.1", "16.4", "15.10"}, {"17devel", "17beta1", "16.4"}, {"18.0", "", "17beta1"},
	} {
		server, _ := version.Parse(test.server)
		best, tooOld := chooseClient(all, server)
		if got := textOf(best); got != test.best {
			t.Errorf("server %s: %q, want %q", test.server, got, test.best)
		}
		if got := textOf(tooOld); got != test.tooOld {
			t.Errorf("server %s: too old %q, want %q", test.server, got, test.tooOld)
		}
	}
	if _, ok := readClient("pg_dumpall (PostgreSQL) 15.9"); ok {
		t.Error("pg_dumpall passes for pg_dump")
	}
}

func textOf(c *dumpClient) string {
	if c == nil {
		return ""
	}
	return c.text
}
