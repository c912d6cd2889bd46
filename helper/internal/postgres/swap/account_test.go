package swap

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// TestPostgresAccountIsNotLetIn pulls into a server whose pg_hba.conf names the roles that may connect.
func TestPostgresAccountIsNotLetIn(t *testing.T) {
	dir := t.TempDir()
	server, err := testserver.Postgres(dir)
	targettest.Must(t, err)
	t.Cleanup(server.Kill)
	targettest.Must(t, os.WriteFile(filepath.Join(dir, "data", "pg_hba.conf"), []byte("host all postgres 127.0.0.1/32 trust\n"), 0o600))
	targettest.Must(t, server.Exec("postgres", "SELECT pg_reload_conf()"))
	said := &targettest.Notes{}
	db, err := targettest.TryOpen(t, target.Config{URL: targettest.ParseURL(t, server.URL("closed")), Note: said.Add})
	targettest.Must(t, err)
	targettest.Must(t, targettest.Pull(t, db, "CREATE TABLE public.t (id integer);\nINSERT INTO public.t VALUES (1);\n-- PostgreSQL database dump complete\n"))
	said.Want(t, "the server does not let an account for loading in (pg_hba.conf): a list of statements alone keeps the dump in its database")
	roles, err := server.Query("postgres", "SELECT count(*) FROM pg_roles WHERE rolname LIKE '%dump_incoming%'")
	targettest.Must(t, err)
	if roles[0][0] != "0" {
		t.Errorf("%s roles are left", roles[0][0])
	}
}
