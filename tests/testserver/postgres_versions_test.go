package testserver

import (
	"fmt"
	"strings"
	"testing"
)

func TestPostgresVersions(t *testing.T) {
	for major := OldestPostgres; major <= NewestPostgres; major++ {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			server, err := PostgresVersion(t.TempDir(), major)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Stop()
			rows, err := server.Query("postgres", "SELECT version(), current_setting('server_encoding')")
			if err != nil || !strings.HasPrefix(rows[0][0], fmt.Sprintf("PostgreSQL %d.", major)) || rows[0][1] != "UTF8" {
				t.Errorf("%v, error %v", rows, err)
			}
		})
	}
}
