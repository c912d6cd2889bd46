// Package session manages the local MySQL or MariaDB server: its sessions, a pool of them, its lock, and the names of the
// databases beside the live one.
package session

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/protocol"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/settings"
	"github.com/jobiqo/dump-refresh/helper/internal/oneserver"
	"github.com/jobiqo/dump-refresh/helper/internal/silence"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Server is a MySQL or MariaDB server on which a database is replaced.
type Server struct {
	Config target.Config
	Pool   *Connections
	// settings apply to all sessions.
	settings *settings.Settings
	Names    target.Names
	About    target.Info
	Release  mysql.Release
	// Account is user@host as the server matched it, and as a GRANT names it.
	Account string
	// PageSize is InnoDB's on this server, in bytes; 0 if it has no InnoDB. DumpPageSize is that of the dump's server; 0 if unknown.
	PageSize, DumpPageSize int64
}

// New returns a server that uses a pool of connections. Call Inspect first.
func New(config target.Config, pool *Connections) *Server {
	return &Server{Config: config.Complete(), Pool: pool, settings: settings.For(settings.Writing)}
}

// Connect returns a pool of connections. They begin in no database, because the live one may not exist yet.
func Connect(u dburl.URL) (*Connections, error) {
	c := &Connections{watch: silence.New(u.Address(), u.Silence), check: &oneserver.Check{Address: u.Address(), Wanted: u.Server}}
	return c.as(u)
}

// as returns connections to the same server, for another account if the URL says so.
func (c *Connections) as(u dburl.URL) (*Connections, error) {
	pool, err := mysql.Open(u, mysql.Options{
		Timeout: 10 * time.Second,
		Wrap:    protocol.Wrap,
		Silence: c.watch,
		// Otherwise the driver asks the server for its limit before the session has our settings. Load.Packet asks for it
		// afterwards.
		LongestPacket: longestPacket,
		Check:         c.check,
	})
	if err != nil {
		return nil, target.Attempt{URL: u, Action: "connect"}.Faulty(mysql.Classify(err), err)
	}
	pool.SetMaxIdleConns(0) // sessions have settings and locks, so none is used twice
	return &Connections{DB: pool, watch: c.watch, check: c.check}, nil
}

// Connections are a pool of connections to a server, watched for silence.
type Connections struct {
	*sql.DB
	watch *silence.Watch
	check *oneserver.Check
}

// longestPacket is the largest max_allowed_packet of any server, in bytes.
const longestPacket = 1 << 30

// Inspect asks the server which release it runs, and whether it has the database.
func (db *Server) Inspect(ctx context.Context) error {
	s, err := db.connectFirst(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	var foldNames int
	if db.Release, err = mysql.ReleaseOf(ctx, s.Conn); err == nil {
		err = s.Conn.QueryRowContext(ctx, "SELECT @@lower_case_table_names, CURRENT_USER()").Scan(&foldNames, &db.Account)
	}
	if err != nil {
		return db.Classify("ask for the server's version", err)
	}
	// A server may have no InnoDB.
	_ = s.Conn.QueryRowContext(ctx, "SELECT @@innodb_page_size").Scan(&db.PageSize)
	live := db.Config.URL.Name
	if foldNames == 1 {
		live = strings.ToLower(live)
	}
	db.Names = target.NamesFor(live, 64, utf8.RuneCountInString)
	db.About = target.Info{Engine: string(db.Release.Flavour), Name: live, FoldsNames: foldNames != 0}
	if part := &db.Config.Part; db.About.FoldsNames && part.Folded != nil {
		part.Has = part.Folded
	}
	db.About.Version, _, _ = strings.Cut(db.Release.Text, "-")
	db.About.Exists, err = s.Exists(ctx, live)
	return db.Classify("look for database "+live, err)
}

// Info returns what Inspect found.
func (db *Server) Info() target.Info { return db.About }

// Close ends the connections.
func (db *Server) Close() error { return db.Pool.Close() }

// FreeBytes returns how many bytes are free where the server keeps its data; see target.Database.
func (db *Server) FreeBytes(ctx context.Context) (int64, bool) {
	if !db.Config.URL.IsLocal() {
		return 0, false
	}
	s, err := db.Connect(ctx)
	if err != nil {
		return 0, false
	}
	defer s.Close()
	var folder string
	if err := s.Conn.QueryRowContext(ctx, "SELECT @@datadir").Scan(&folder); err != nil {
		return 0, false
	}
	return target.FreeBytes(folder, filepath.Join(folder, db.Names.Live))
}

// grant returns the statement that gives the account the privileges that a pull needs.
func (db *Server) grant() string {
	user, host := db.UserHost()
	escape := strings.NewReplacer("_", `\_`, "%", `\%`)
	return fmt.Sprintf("GRANT ALL PRIVILEGES ON %s.* TO %s@%s; GRANT ALL PRIVILEGES ON %s.* TO %s@%s",
		mysql.QuoteName(escape.Replace(db.Names.Live)), mysql.QuoteText(user), mysql.QuoteText(host),
		mysql.QuoteName(escape.Replace(db.Names.Base+"__dump_")+"%"), mysql.QuoteText(user), mysql.QuoteText(host))
}

// Grantee returns the account as a GRANT names it.
func (db *Server) Grantee() string {
	user, host := db.UserHost()
	return mysql.QuoteText(user) + "@" + mysql.QuoteText(host)
}

// UserHost returns the two parts of the account. A user's name may contain an @.
func (db *Server) UserHost() (user, host string) {
	at := strings.LastIndex(db.Account, "@")
	return db.Account[:max(at, 0)], db.Account[at+1:]
}
