// Package read reads a database of a MySQL or MariaDB server in one snapshot, over a few connections or through the official dump client.
package read

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/settings"
	"github.com/jobiqo/dump-refresh/helper/internal/oneserver"
	"github.com/jobiqo/dump-refresh/helper/internal/rowfilter"
	"github.com/jobiqo/dump-refresh/helper/internal/silence"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/command"
	"github.com/jobiqo/dump-refresh/helper/internal/source/dumpclient"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sshtunnel"
	"github.com/jobiqo/dump-refresh/helper/internal/wildcard"
)

// Server is a database of a MySQL or MariaDB server.
type Server struct {
	config   source.Config
	url      dburl.URL
	tunnel   *sshtunnel.Tunnel
	settings settings.Settings // those of all sessions
	identity oneserver.Check   // of the one server that all sessions are on
	silence  *silence.Watch    // of all sessions

	// What inspect found.
	release       mysql.Release
	tls           bool // the connection was protected
	client        dumpClient
	events        bool // the events may be read
	structureOnly []string
	excluded      []string
	elsewhere     []string        // tables whose rows are those of others
	remote        []string        // those of them whose definitions may have accounts of other servers
	tables        []string        // those that go into the dump
	broken        []source.Broken // left out, because nobody can read them
	versions      versions
	account       string // as GRANT statements name it
	latest        uint64 // the number of the latest session of ours, for a dump client's

	dumped bool // at least one dump was begun
}

// New makes a source of a MySQL or MariaDB server; tunnel is nil for a direct connection.
func New(config source.Config, tunnel *sshtunnel.Tunnel) *Server {
	return &Server{
		config: config, url: *config.URL, tunnel: tunnel, identity: oneserver.Check{Address: config.URL.Address()},
		silence: silence.New(config.URL.Address(), config.URL.Silence).Impatient(),
	}
}

// Inspect connects and says what there is: see source.Server.
func (m *Server) Inspect(ctx context.Context) (source.Info, error) {
	if m.url.TLS == dburl.TLSVerify && m.tunnel != nil && !m.url.IsSocket() {
		return source.Info{}, fmt.Errorf("source %s: %w", m.url, source.ErrTLSThroughSSH)
	}
	var info source.Info
	err := m.session(ctx, func(conn *sql.Conn) (err error) {
		if m.release, err = mysql.ReleaseOf(ctx, conn); err != nil {
			return err
		}
		info.Engine, info.Version = string(m.release.Flavour), m.release.Text
		if m.tls, err = usesTLS(ctx, conn); err != nil {
			return err
		}
		if !m.config.Client {
			info.Client = nativeClient
			return m.inspectTables(ctx, conn, &info)
		}
		m.client, err = findClient(ctx, m.release.Flavour)
		if err != nil {
			return err
		}
		if m.client.flavour != m.release.Flavour {
			m.config.Note(fmt.Sprintf("%s dumps a %s server, whose own client is not installed", m.client.name(), m.release.Flavour.Product()))
		}
		info.Client = m.client.name()
		if err := conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&m.latest); err != nil {
			return err
		}
		if !m.client.knows(initCommand) {
			if err := m.checkClientSettings(ctx, conn); err != nil {
				return err
			}
		}
		return m.inspectTables(ctx, conn, &info)
	})
	var needed *source.NeededError
	if errors.Is(err, rules.ErrCannotWork) || errors.Is(err, rowfilter.ErrCannotWork) || errors.As(err, &needed) { // it is about our file, not about the server
		return source.Info{}, err
	}
	if err != nil {
		return source.Info{}, m.classify(err)
	}
	info.Server = m.identity.First()
	return info, nil
}

// inspectTables lists the tables, applies the rules and checks that what is to be dumped can be read.
func (m *Server) inspectTables(ctx context.Context, conn *sql.Conn, info *source.Info) error {
	rows, err := conn.QueryContext(ctx, "SELECT TABLE_NAME, TABLE_TYPE, COALESCE(ENGINE, ''), COALESCE(TABLE_ROWS, 0),"+
		" COALESCE(DATA_LENGTH, 0) + COALESCE(INDEX_LENGTH, 0) FROM information_schema.TABLES"+
		" WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME")
	if err != nil {
		return err
	}
	defer rows.Close()
	m.structureOnly, m.excluded, m.elsewhere, m.remote, m.tables = nil, nil, nil, nil, nil
	var read, loose []string // tables to be read, and those of them that know no snapshot
	var quarantined []string
	for rows.Next() {
		var table source.Table
		var kind, storage string
		if err := rows.Scan(&table.Name, &kind, &storage, &table.Rows, &table.Bytes); err != nil {
			return err
		}
		switch {
		case wildcard.MatchAny(m.config.Exclude, table.Name):
			m.excluded = append(m.excluded, table.Name)
		case mysql.ReachesServers(storage) && m.config.Client:
			m.excluded, m.remote = append(m.excluded, table.Name), append(m.remote, table.Name)
		case strings.Contains(kind, "VIEW"):
			info.Views = append(info.Views, table.Name)
		case kind == "SEQUENCE":
		default:
			info.Tables = append(info.Tables, table)
			m.tables = append(m.tables, table.Name)
			if mysql.ReachesServers(storage) {
				m.remote = append(m.remote, table.Name)
				info.LeftOut = append(info.LeftOut, "the way of table "+table.Name+" to another server")
			}
			if wildcard.MatchAny(m.config.StructureOnly, table.Name) {
				m.structureOnly = append(m.structureOnly, table.Name)
				continue
			}
			if m.config.Masks.QuarantinesTable(table.Name) {
				m.structureOnly, quarantined = append(m.structureOnly, table.Name), append(quarantined, table.Name)
				continue
			}
			if mysql.RowsElsewhere(storage) {
				m.elsewhere = append(m.elsewhere, table.Name)
				continue
			}
			read = append(read, table.Name)
			if !transactional[strings.ToLower(storage)] {
				loose = append(loose, table.Name)
			}
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	info.StructureOnly, info.Excluded = m.structureOnly, m.excluded
	var pageSize int64
	if err := conn.QueryRowContext(ctx, "SELECT @@innodb_page_size").Scan(&pageSize); err == nil { // the server may have no InnoDB
		info.Needs = &dump.Needs{PageSize: pageSize}
	}
	m.noteRemote()
	if len(quarantined) > 0 {
		m.config.Note(source.Quarantined + source.Enumerate(quarantined))
	}
	if len(loose) > 0 {
		m.config.Note("not in the snapshot, since they are not InnoDB: " + source.Enumerate(loose))
	}
	if err := m.inspectVersions(ctx, conn, read); err != nil {
		return err
	}
	if err := conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE())"+
		" OR EXISTS (SELECT 1 FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE())").Scan(&info.Others); err != nil {
		return err
	}
	if err := m.inspectFilters(ctx, conn, info, read); err != nil {
		return err
	}
	plan, err := m.inspectMasks(ctx, conn, read)
	if err != nil {
		return err
	}
	if info.Masked = plan.Columns(); plan != nil {
		for _, line := range plan.Warnings() {
			m.config.Note(line)
		}
	}
	m.broken = nil
	if m.config.SkipBroken {
		if read, err = m.leaveOutBroken(ctx, conn, info, read); err != nil {
			return err
		}
	}
	if err = m.inspectPrivileges(ctx, conn, read, info.Views); isBroken(err) {
		_, all := m.leaveOutBroken(ctx, conn, info, read)
		err = cmp.Or(all, err)
	}
	return err
}

// noteRemote says what becomes of tables that reach other servers.
func (m *Server) noteRemote() {
	switch {
	case len(m.remote) == 0:
	case m.config.Client:
		m.config.Note("left out, since a dump client would print accounts of other servers with them: " + source.Enumerate(m.remote))
	default:
		m.config.Note("published as empty tables, without their ways to other servers: " + source.Enumerate(m.remote))
	}
}

// transactional are the storage engines that know snapshots.
var transactional = map[string]bool{"innodb": true, "rocksdb": true, "tokudb": true}

// Dump starts a dump of what Inspect found.
func (m *Server) Dump(ctx context.Context) (*source.Dump, error) { return m.DumpSince(ctx, nil) }

// DumpSince starts a dump without the rows of tables that have not changed since their earlier states.
func (m *Server) DumpSince(ctx context.Context, earlier source.TableStates) (*source.Dump, error) {
	if m.config.Client {
		return m.clientDump(ctx)
	}
	return m.nativeDump(ctx, earlier)
}

// clientDump runs the client. Where it knows no way to leave the rows of single tables behind, a first run
// prints the structure of those, which has no rows and so needs no snapshot, and the second run,
// which is one snapshot, prints all the rest: views come at its end and so find every table.
func (m *Server) clientDump(ctx context.Context) (_ *source.Dump, err error) {
	d := &source.Dump{}
	defer func() {
		if err != nil {
			_ = d.Close()
		}
	}()
	target := clientTarget{url: m.url, tls: m.tls, events: m.events, serverFlavour: m.release.Flavour, excluded: m.excluded, settings: m.settings.Statement() + ", lock_wait_timeout = 1"}
	if m.tunnel != nil {
		forward, err := m.tunnel.Forward(ctx, sshtunnel.RemoteAddress(m.url))
		if err != nil {
			return nil, err
		}
		d.Closers = append(d.Closers, forward)
		target.host, target.port = forward.Host, forward.Port
	}
	target.structureOnly = m.structureOnly
	if len(m.structureOnly) > 0 && !m.client.knows("ignore-table-data") {
		structure, err := m.structure(ctx, target)
		if err != nil {
			return nil, err
		}
		d.Text = structure
		target.excluded = append(target.excluded[:len(target.excluded):len(target.excluded)], m.structureOnly...)
		target.structureOnly = nil
	}
	w, err := m.beforeClient(ctx, &d.SnapshotTime)
	if err != nil {
		return nil, m.classify(err)
	}
	d.Closers = append([]io.Closer{w}, d.Closers...)
	ctx, stop := dumpclient.Watched(ctx, w.watch)
	client, err := m.startClient(ctx, dumpclient.InBlocks(ctx, m.client.program(target.arguments(m.client), target)))
	if err != nil {
		_ = stop.Close()
		return nil, err
	}
	// The client goes before its tunnel, or it would say that the connection was lost.
	d.Closers = append([]io.Closer{client, stop}, d.Closers...)
	rows := m.tunnel.Reader(client)
	if d.Text == nil {
		d.Text = rows
	} else {
		d.Text = io.MultiReader(d.Text, rows)
	}
	return d, nil
}

// startClient starts the client, with a watch for silence.
func (m *Server) startClient(ctx context.Context, program command.Program) (*dumpclient.Output, error) {
	return dumpclient.Start(ctx, program, m.silence, &clientSession{m, m.latest}, m.classify)
}

// structure runs the client for the structure of the structure-only tables and gives its text
// without the closing comment, which is to stand at the end of the whole only.
func (m *Server) structure(ctx context.Context, target clientTarget) (io.Reader, error) {
	client, err := m.startClient(ctx, m.client.program(target.structureArguments(m.client, m.structureOnly), target))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	const most = 32 << 20 // far more than any schema has
	text, err := io.ReadAll(io.LimitReader(client, most+1))
	if err != nil {
		return nil, err
	}
	if len(text) > most {
		return nil, fmt.Errorf("the structure of %d tables is larger than %d MiB", len(m.structureOnly), most>>20)
	}
	whole, ok := cutTrailer(string(text))
	if !ok {
		return nil, fmt.Errorf("%s ended without the line %q", m.client.name(), trailer)
	}
	return strings.NewReader(whole), nil
}

const trailer = "-- Dump completed"

func cutTrailer(text string) (string, bool) {
	at := strings.LastIndex(text, "\n"+trailer)
	if at < 0 || strings.Count(strings.TrimSpace(text[at:]), "\n") > 0 {
		return text, false
	}
	return text[:at+1], true
}

// session gives do a connection of its own, read-only, that ends with it.
func (m *Server) session(ctx context.Context, do func(*sql.Conn) error) error {
	pool, conn, err := m.connectFirst(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	defer conn.Close()
	return do(conn)
}

// connectFirst is connect for a session that is our only one.
func (m *Server) connectFirst(ctx context.Context) (pool *sql.DB, conn *sql.Conn, err error) {
	err = source.ConnectFirst(ctx, mysql.Is, func() error {
		pool, conn, err = m.connect(ctx)
		return err
	})
	return pool, conn, err
}

// shortly has a session wait for locks for a second at most: who wants a table waits behind us while we wait for it.
var shortly = map[string]string{"lock_wait_timeout": "1"}

// connect opens a read-only session, whose settings are ours. Both are to be closed, the pool last.
func (m *Server) connect(ctx context.Context) (*sql.DB, *sql.Conn, error) {
	options := mysql.Options{
		Database: m.url.Name, Timeout: source.ConnectTimeout, Check: &m.identity, Tries: source.ConnectTries, Silence: m.silence,
	}
	if m.tunnel != nil {
		options.Dial = m.tunnel.Dial
	}
	db, err := mysql.Open(m.url, options)
	if err != nil {
		return nil, nil, err
	}
	conn, err := db.Conn(ctx)
	if err == nil {
		err = m.prepare(ctx, conn, shortly)
	}
	if err != nil {
		_ = db.Close()
		return nil, nil, err
	}
	return db, conn, nil
}

// prepare gives a connection its settings.
func (m *Server) prepare(ctx context.Context, conn *sql.Conn, own map[string]string) error {
	if err := m.settings.Apply(ctx, conn, own); err != nil {
		return err
	}
	if m.settings.InitConnect() == "" {
		return nil
	}
	// It may have led to another database.
	_, err := conn.ExecContext(ctx, "USE "+mysql.QuoteName(m.url.Name))
	return err
}

func usesTLS(ctx context.Context, conn *sql.Conn) (bool, error) {
	var name, cipher string
	err := conn.QueryRowContext(ctx, "SHOW SESSION STATUS LIKE 'Ssl_cipher'").Scan(&name, &cipher)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return cipher != "", err
}

// classify turns an error of the driver into one of package source.
func (m *Server) classify(err error) error {
	doing := "source " + m.url.String()
	var setting *settings.Error
	if errors.As(err, &setting) {
		return fmt.Errorf("%s: %w", doing, &source.SettingError{Name: setting.Name, Value: setting.Value, Err: setting})
	}
	var wrong *oneserver.WrongServerError
	if errors.As(err, &wrong) {
		return source.Failure(doing, source.ErrSeveralServers, err)
	}
	switch mysql.Errno(err) {
	case mysql.ErrnoDatabaseDenied: // either it does not exist or the user may do nothing there
		return source.Failure(doing, &source.PrivilegeError{User: m.url.User, Missing: []string{"SELECT"}, Grant: grantAll(m.url)}, err)
	case mysql.ErrnoTooManyPrepared:
		limit, _ := mysql.SettingBehind(err)
		return fmt.Errorf("%s: %w", doing, &source.SettingError{Name: limit.Name, Needs: limit.Needs, Err: err})
	}
	kind := mysql.Classify(err)
	if kind == fault.Lost {
		err = m.silence.Explain(err)
	}
	return source.Faulty(doing, kind, err)
}
