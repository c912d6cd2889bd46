package export

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

func TestMySQLSurvives(t *testing.T) {
	server, err := testserver.Mysqld(t.TempDir())
	targettest.Must(t, err)
	defer server.Stop()
	url := targettest.ParseURL(t, server.URL("crash"))
	crashes := 0
	again := func(context.Context) error {
		crashes++
		server.Kill()
		return server.Restart()
	}
	targettest.Must(t, Survives(t.Context(), url, again))
	if crashes != 2 {
		t.Errorf("it crashed %d times", crashes)
	}
	left, err := server.Query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'crash%'")
	targettest.Must(t, err)
	if len(left) > 0 {
		t.Errorf("left are %v", left)
	}

	down := errors.New("two files have the same number")
	var refused *target.FilesError
	err = Survives(t.Context(), url, func(context.Context) error { return down })
	const want = "a server of this version that dies while files wait to be imported does not start again"
	if !errors.As(err, &refused) || err.Error() != want || !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
	targettest.Must(t, server.Exec("ALTER TABLE crash__dump_incoming.t IMPORT TABLESPACE", "DROP DATABASE crash__dump_incoming", "DROP DATABASE crash"))

	// A server that loses rows.
	err = Survives(t.Context(), url, func(ctx context.Context) error {
		if crashes++; crashes > 3 {
			targettest.Must(t, server.Exec("DELETE FROM crash__dump_incoming.t LIMIT 1"))
		}
		return again(ctx)
	})
	if !errors.As(err, &refused) || !strings.HasPrefix(err.Error(), "tables that came as files do not survive it when a server of this version dies") {
		t.Errorf("got %v", err)
	}
}
