package read

import "testing"

func TestChoosePostgresClient(t *testing.T) {
	var all []dumpClient
	for _, text := range []string{
		"pg_dump (PostgreSQL) 9.6.24", "pg_dump (PostgreSQL) 13.4 (Debian 13.4-1.pgdg110+1)", "pg_dump (PostgreSQL) 15.9",
		"pg_dump (PostgreSQL) 15.10 (Homebrew)", "pg_dump (PostgreSQL) 17beta1", "pg_dump (PostgreSQL) 16.4",
	} {
		client, ok := readPostgresClient(text + "\n")
		if !ok {
			t.Fatalf("%s is not understood", text)
		}
		all = append(all, client)
	}
	for _, test := range []struct {
		server int // server_version_num
		best   string
		tooOld string
	}{
		{90610, "9.6.24", ""}, {90501, "9.6.24", ""}, {100023, "13.4", "9.6.24"}, {130000, "13.4", "9.6.24"}, {140012, "15.10", "13.4"},
		{150012, "15.10", "13.4"}, {160001, "16.4", "15.10"}, {170000, "17beta1", "16.4"}, {180000, "", "17beta1"},
	} {
		best, tooOld := choosePostgresClient(all, versionOfNumber(test.server))
		if got := textOf(best); got != test.best {
			t.Errorf("server %d: %q, want %q", test.server, got, test.best)
		}
		if got := textOf(tooOld); got != test.tooOld {
			t.Errorf("server %d: too old %q, want %q", test.server, got, test.tooOld)
		}
	}
	if _, ok := readPostgresClient("pg_dumpall (PostgreSQL) 15.9"); ok {
		t.Error("pg_dumpall passes for pg_dump")
	}
}

func textOf(c *dumpClient) string {
	if c == nil {
		return ""
	}
	return c.text
}
