package engine

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
)

// An account may have a single connection, and a server takes a moment to notice that the last one is closed.
func TestOnlyConnectionOfAccount(t *testing.T) {
	const closing = 300 * time.Millisecond
	defer func(usual time.Duration) { source.ClosingTime = usual }(source.ClosingTime)
	source.ClosingTime = time.Minute
	t.Run("mariadb", func(t *testing.T) {
		server := sourcetest.MariaDB(t)
		sourcetest.Account(t, "lonely", "x", "ALL ON shop.*", "SELECT ON mysql.proc")
		targettest.Must(t, server.Exec("ALTER USER lonely WITH MAX_USER_CONNECTIONS 1"))
		pool, err := sql.Open("mysql", fmt.Sprintf("lonely:x@tcp(127.0.0.1:%d)/", server.Port))
		targettest.Must(t, err)
		targettest.Must(t, pool.PingContext(t.Context()))
		time.AfterFunc(closing, func() { _ = pool.Close() })
		opensWithOne(t, server.URLAs("lonely", "x", "shop"))
	})
	t.Run("postgres", func(t *testing.T) {
		server := sourcetest.PostgreSQL(t)
		targettest.Must(t, server.Exec("shop", "CREATE ROLE lonely LOGIN PASSWORD 'x' CONNECTION LIMIT 1", "GRANT pg_read_all_data TO lonely"))
		t.Cleanup(func() { _ = server.Exec("shop", "DROP OWNED BY lonely", "DROP ROLE lonely") })
		url := server.URLAs("lonely", "x", "shop")
		conn, err := pgx.Connect(t.Context(), url)
		targettest.Must(t, err)
		time.AfterFunc(closing, func() { _ = conn.Close(context.Background()) })
		opensWithOne(t, url)
	})
}

func opensWithOne(t *testing.T, url string) {
	t.Helper()
	src, err := OpenSource(t.Context(), source.Config{URL: sourcetest.ParseURL(t, url)})
	targettest.Must(t, err)
	targettest.Must(t, src.Close())
}

// A pull waits until somebody lets go of a connection to the local server, and says so.
func TestLocalServerWithoutConnection(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		server := sourcetest.MariaDB(t)
		sourcetest.Account(t, "lonely", "x", "ALL ON shop.*")
		targettest.Must(t, server.Exec("ALTER USER lonely WITH MAX_USER_CONNECTIONS 1"))
		pool, err := sql.Open("mysql", fmt.Sprintf("lonely:x@tcp(127.0.0.1:%d)/", server.Port))
		targettest.Must(t, err)
		targettest.Must(t, pool.PingContext(t.Context()))
		waits(t, server.URLAs("lonely", "x", "shop"), func() { _ = pool.Close() })
	})
	t.Run("postgres", func(t *testing.T) {
		server := sourcetest.PostgreSQL(t)
		targettest.Must(t, server.Exec("shop", "CREATE ROLE lonely LOGIN PASSWORD 'x' CONNECTION LIMIT 1"))
		t.Cleanup(func() { _ = server.Exec("shop", "DROP OWNED BY lonely", "DROP ROLE lonely") })
		url := server.URLAs("lonely", "x", "shop")
		conn, err := pgx.Connect(t.Context(), url)
		targettest.Must(t, err)
		waits(t, url, func() { _ = conn.Close(context.Background()) })
	})
}

func waits(t *testing.T, url string, letGo func()) {
	t.Helper()
	said := &targettest.Notes{}
	db, err := OpenTarget(t.Context(), target.Config{URL: targettest.ParseURL(t, url), Note: func(text string) {
		said.Add(text)
		letGo()
	}})
	targettest.Must(t, err)
	targettest.Must(t, db.Close())
	said.Want(t, "the local server has no connection left; waiting for one")
}
