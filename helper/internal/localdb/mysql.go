package localdb

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/mysqlsession"
	"github.com/jobiqo/dump-refresh/helper/internal/oneserver"
)

// mysqlServer is a MySQL or MariaDB server on which a database is replaced.
type mysqlServer struct {
	config Config
	pool   *sql.DB
	// settings are those of all sessions.
	settings *mysqlsession.Settings
	names    names
	info     Info
	// account is who we are to the server: user@host as it is granted.
	account string
}

func openMySQL(ctx context.Context, config Config) (Database, error) {
	pool, err := mysqlPool(config.URL)
	if err != nil {
		return nil, err
	}
	db := &mysqlDatabase{newMySQLServer(config, pool)}
	err = db.inspect(ctx)
	if err == nil {
		err = db.checkPart(ctx)
	}
	if err != nil {
		_ = pool.Close()
		return nil, err
	}
	return db, nil
}

// mysqlDatabase is a live database on a MySQL or MariaDB server.
type mysqlDatabase struct{ *mysqlServer }

func (db *mysqlDatabase) TakesFiles(ctx context.Context) (FileServer, error) {
	return db.takesFiles(ctx)
}

// checkPart refuses a part that foreign keys of the live database tie to the rest.
func (db *mysqlDatabase) checkPart(ctx context.Context) error {
	if db.config.Part.isAll() {
		return nil
	}
	s, err := db.connect(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	return db.checkLive(ctx, s, db.config.Part)
}

func newMySQLServer(config Config, pool *sql.DB) *mysqlServer {
	return &mysqlServer{config: config, pool: pool, settings: mysqlsession.For(mysqlsession.Writing)}
}

// mysqlPool opens connections to no database in particular: the live one may not exist yet.
func mysqlPool(u dburl.URL) (*sql.DB, error) {
	config := mysql.NewConfig()
	config.User, config.Passwd = u.User, u.Password.Reveal()
	config.Net, config.Addr = "tcp", u.Address()
	if u.IsSocket() {
		config.Net = "unix"
	}
	config.DialFunc = dialMySQL
	if u.Server != nil && len(u.Server.Addresses) > 0 {
		config.DialFunc = dialOneOf(u.Server.Addresses, dialMySQL)
	}
	config.Timeout = 10 * time.Second
	// The driver would ask the server before it has settings of ours. Who sends what may be long asks, see mysqlLoad.packet.
	config.MaxAllowedPacket = longestPacket
	config.Logger = &mysql.NopLogger{}
	config.ConnectionAttributes = "program_name:dump-helper"
	if u.TLS != dburl.TLSOff && !u.IsSocket() {
		//nolint:gosec // unverified TLS is what tls=on and tls=preferred ask for; tls=verify checks
		config.TLS = &tls.Config{ServerName: u.Host, InsecureSkipVerify: u.TLS != dburl.TLSVerify}
		config.AllowFallbackToPlaintext = u.TLS == dburl.TLSPreferred
		if u.CA != "" {
			pem, err := os.ReadFile(u.CA)
			if err != nil {
				return nil, fmt.Errorf("read the authorities to trust: %w", err)
			}
			config.TLS.RootCAs = x509.NewCertPool()
			if !config.TLS.RootCAs.AppendCertsFromPEM(pem) {
				return nil, fmt.Errorf("%s holds no certificate", u.CA)
			}
		}
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", u.Address(), err)
	}
	pool := sql.OpenDB(&oneserver.Connector{Connector: connector, Check: &oneserver.Check{Address: u.Address(), Wanted: u.Server}})
	pool.SetMaxIdleConns(0) // sessions have settings and locks: none is used twice
	return pool, nil
}

// longestPacket is what servers allow at most, in bytes.
const longestPacket = 1 << 30

func (db *mysqlServer) inspect(ctx context.Context) error {
	s, err := db.connect(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	var version, comment string
	var foldNames int
	err = s.conn.QueryRowContext(ctx, "SELECT VERSION(), @@version_comment, @@lower_case_table_names, CURRENT_USER()").
		Scan(&version, &comment, &foldNames, &db.account)
	if err != nil {
		return db.explain("ask for the server's version", err)
	}
	live := db.config.URL.Name
	if foldNames == 1 {
		live = strings.ToLower(live)
	}
	db.names = namesFor(live, 64, utf8.RuneCountInString)
	db.info = Info{Engine: "mysql", Name: live, FoldsNames: foldNames != 0}
	if part := &db.config.Part; db.info.FoldsNames && part.Folded != nil {
		part.Has = part.Folded
	}
	db.info.Version, _, _ = strings.Cut(version, "-")
	if strings.Contains(strings.ToLower(version+comment), "mariadb") {
		db.info.Engine = "mariadb"
	}
	db.info.Exists, err = s.exists(ctx, live)
	return db.explain("look for database "+live, err)
}

func (db *mysqlServer) Info() Info { return db.info }

func (db *mysqlServer) Close() error { return db.pool.Close() }

func (db *mysqlServer) FreeBytes(ctx context.Context) (int64, bool) {
	if !db.config.URL.IsLocal() {
		return 0, false
	}
	s, err := db.connect(ctx)
	if err != nil {
		return 0, false
	}
	defer s.close()
	var folder string
	if err := s.conn.QueryRowContext(ctx, "SELECT @@datadir").Scan(&folder); err != nil {
		return 0, false
	}
	return freeBytes(folder, filepath.Join(folder, db.names.live))
}

// grant is the statement that allows the account what a pull does.
func (db *mysqlServer) grant() string {
	user, host := db.userHost()
	escape := strings.NewReplacer("_", `\_`, "%", `\%`)
	return fmt.Sprintf("GRANT ALL PRIVILEGES ON %s.* TO %s@%s; GRANT ALL PRIVILEGES ON %s.* TO %s@%s",
		quoteName(escape.Replace(db.names.live)), quoteText(user), quoteText(host),
		quoteName(escape.Replace(db.names.base+"__dump_")+"%"), quoteText(user), quoteText(host))
}

// grantee is the account as a GRANT names it.
func (db *mysqlServer) grantee() string {
	user, host := db.userHost()
	return quoteText(user) + "@" + quoteText(host)
}

// userHost gives the two parts of the account; a user's name may have an @ in it.
func (db *mysqlServer) userHost() (user, host string) {
	at := strings.LastIndex(db.account, "@")
	return db.account[:max(at, 0)], db.account[at+1:]
}

// quoteName writes a name for MySQL.
func quoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// quoteText writes a text for MySQL, whatever its sql_mode says about backslashes, as long as there are
// none in text.
func quoteText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
