// Package read reads a database of a PostgreSQL server in one snapshot, over a few connections or through pg_dump.
package read

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/settings"
	"github.com/jobiqo/dump-refresh/helper/internal/rowfilter"
	"github.com/jobiqo/dump-refresh/helper/internal/silence"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/command"
	"github.com/jobiqo/dump-refresh/helper/internal/source/dumpclient"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sshtunnel"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// Server is a database of a PostgreSQL server.
type Server struct {
	config source.Config
	url    dburl.URL
	tunnel *sshtunnel.Tunnel
	limits postgres.TimeLimits
	// silence watches all sessions.
	silence *silence.Watch
	// ours has the server's processes behind our own connections, those of pg_dump not among them.
	ours sync.Map

	// What inspect found.
	client        dumpClient
	server        version.Version
	version       string      // the same, as the server gives it
	encoding      string      // of the dump: UTF8, or SQL_ASCII if the database has bytes of no known encoding
	about         source.Info // all but the tables
	checked       bool        // whether a pooler was looked for
	pooler        *pooler     // nil if the server is reached directly
	settings      []settings.Setting
	password      string // the URL's, or that of a password file
	structureOnly []relationName
	excluded      []relationName
	lockable      []relationName                    // the tables that go into the dump
	copied        []relationName                    // those of them that have rows, and whose rows do
	filters       map[relationName]rowfilter.Filter // of those of which rules leave out rows
	called        [][]string                        // the names of each table that rules may use
	own           []ownSetting                      // of the database, which go along
	leftOut       []string                          // what belongs to the server rather than to the database
	broken        []brokenTable
	largeObjects  bool                  // are read from their table
	told          map[string]bool       // notes
	known         map[relationName]bool // the tables that were there when the database was looked at first
	disturbed     bool                  // something was altered while a dump was made
}

// New makes a source of a PostgreSQL server; tunnel is nil for a direct connection.
func New(config source.Config, tunnel *sshtunnel.Tunnel) *Server {
	return &Server{config: config, url: *config.URL, tunnel: tunnel, silence: silence.New(config.URL.Address(), config.URL.Silence).Impatient()}
}

// relationName is a relation's name with its schema.
type relationName struct{ schema, name string }

func (n relationName) String() string { return sqltext.JoinName([]string{n.schema, n.name}) }

// names are what dumps call relations.
func names(relations []relationName) []string {
	var all []string
	for _, one := range relations {
		all = append(all, one.String())
	}
	return all
}

// pattern is the name as pg_dump's options want it: quoted, nothing in it is a wildcard.
func (n relationName) pattern() string {
	return postgres.QuoteIdentifier(n.schema) + "." + postgres.QuoteIdentifier(n.name)
}

// Inspect connects and says what there is: see source.Server.
func (p *Server) Inspect(ctx context.Context) (source.Info, error) {
	for try := 1; ; try++ {
		info, err := p.inspect(ctx)
		if try < inspectTries && isVanished(err) {
			continue
		}
		if err == nil && p.known == nil {
			p.known = map[relationName]bool{}
			for _, table := range p.lockable {
				p.known[table] = true
			}
		}
		return info, err
	}
}

func (p *Server) inspect(ctx context.Context) (source.Info, error) {
	info := source.Info{Engine: "postgres"}
	err := p.session(ctx, func(tx pgx.Tx) (err error) {
		if err := tx.QueryRow(ctx, "SELECT current_setting('server_version')").Scan(&info.Version); err != nil {
			return err
		}
		if info.Server, err = systemIdentifier(ctx, tx); err != nil {
			return err
		}
		p.version = info.Version
		if err := tx.QueryRow(ctx, "SELECT CASE current_setting('server_encoding') WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END").Scan(&p.encoding); err != nil {
			return err
		}
		p.server, _ = version.Parse(info.Version)
		if p.client, err = findClient(ctx, p.server, info.Version); err != nil {
			return err
		}
		info.Client = p.client.name()
		if !p.config.Client {
			info.Client = "dump-helper with " + info.Client
		}
		if err := p.inspectOwn(ctx, tx); err != nil {
			return err
		}
		info.LeftOut = p.leftOut
		p.about = info
		p.broken = nil
		excluded, structureOnly, err := p.inspectTables(ctx, tx, &info)
		if err == nil && p.config.SkipBroken {
			if p.broken, err = p.findBroken(ctx, tx); err == nil && len(p.broken) > 0 {
				info = p.about
				excluded, structureOnly, err = p.inspectTables(ctx, tx, &info)
			}
		}
		if err != nil {
			return err
		}
		if info.Needs, err = p.readRequirements(ctx, tx, info.Tables); err != nil {
			return err
		}
		p.about.Needs = info.Needs
		masks, err := p.inspectMasks(ctx, tx)
		if err != nil {
			return err
		}
		if info.Masked = masks.plan.Columns(); masks.plan != nil {
			for _, line := range masks.plan.Warnings() {
				p.tell(line)
			}
		}
		if p.largeObjects, err = p.inspectLargeObjects(ctx, tx); err != nil {
			return err
		}
		if err := p.checkNeeds(ctx, tx, excluded, structureOnly, masks); err != nil {
			return err
		}
		return p.checkFilters(ctx, tx)
	})
	var needed *source.NeededError
	if errors.As(err, &needed) {
		return source.Info{}, needed
	}
	if errors.Is(err, rules.ErrCannotWork) || errors.Is(err, rowfilter.ErrCannotWork) { // it is about our file, not about the server
		return source.Info{}, err
	}
	if err != nil {
		return source.Info{}, p.classify(err)
	}
	for _, table := range p.broken {
		p.tell("left out, since nobody can read it: " + table.broken().String())
	}
	if len(p.leftOut) > 0 {
		p.tell("left out, since it is staging's own: " + strings.Join(p.leftOut, "; "))
	}
	return info, nil
}

// tell passes a note on, once.
func (p *Server) tell(note string) {
	if p.told == nil {
		p.told = map[string]bool{}
	}
	if !p.told[note] && p.config.Note != nil {
		p.config.Note(note)
	}
	p.told[note] = true
}

// relations lists what pg_dump takes, but for what belongs to extensions, with what the user may do
// there. A partition goes by its own name and by that of the table that it is part of.
const relations = `
SELECT n.nspname, c.relname, c.relkind::text, coalesce(rn.nspname, ''), coalesce(r.relname, ''),
  greatest(c.reltuples, 0)::bigint,
  (c.relpages::bigint + coalesce(t.relpages, 0)) * current_setting('block_size')::bigint,
  has_schema_privilege(n.oid, 'USAGE') AND
    CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'SELECT') ELSE has_table_privilege(c.oid, 'SELECT') END,
  row_security_active(c.oid), c.relpersistence = 'u' AND pg_is_in_recovery()
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
LEFT JOIN LATERAL (
  WITH RECURSIVE up(oid) AS (
    SELECT i.inhparent FROM pg_inherits i JOIN pg_class parent ON parent.oid = i.inhparent AND parent.relkind = 'p'
    WHERE i.inhrelid = c.oid
    UNION SELECT i.inhparent FROM up JOIN pg_inherits i ON i.inhrelid = up.oid
  )
  SELECT u.oid FROM up u WHERE NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = u.oid) LIMIT 1
) root ON true
LEFT JOIN pg_class r ON r.oid = root.oid
LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND c.relpersistence <> 't'
  AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2`

// inspectTables lists the tables, applies the rules and checks that what is to be dumped can be read. It returns the relations to which
// rules apply.
func (p *Server) inspectTables(ctx context.Context, tx querier, info *source.Info) (excluded, structureOnly []ruled, err error) {
	rows, err := tx.Query(ctx, relations)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	p.structureOnly, p.excluded, p.lockable, p.copied, p.called = nil, nil, nil, nil, nil
	p.filters = map[relationName]rowfilter.Filter{}
	var guarded, unlogged, quarantined []string
	var denied []relationName
	for rows.Next() {
		var name, root relationName
		var kind string
		var table source.Table
		var readable *bool // nil if it was dropped meanwhile
		var rowSecurity, rowless bool
		err := rows.Scan(&name.schema, &name.name, &kind, &root.schema, &root.name, &table.Rows, &table.Bytes, &readable, &rowSecurity, &rowless)
		if err != nil {
			return nil, nil, err
		}
		if readable == nil {
			return nil, nil, fmt.Errorf("%w: %s", errVanished, name)
		}
		table.Name = name.String()
		called := []string{name.name, name.String()}
		if root.name != "" {
			called = append(called, root.name, root.String())
		}
		if rule := ruleFor(p.config.Exclude, called); rule != "" {
			excluded = append(excluded, ruled{name, rule})
			p.excluded = append(p.excluded, name)
			info.Excluded = append(info.Excluded, table.Name)
			continue
		}
		// pg_dump locks every table that it dumps, the structure-only ones too, and that takes SELECT.
		if !*readable && kind != "v" && kind != "m" {
			denied = append(denied, name)
		}
		switch kind {
		case "S":
			if rowless {
				unlogged = append(unlogged, table.Name)
			}
		case "v", "m":
			info.Views = append(info.Views, table.Name)
		case "r", "p":
			info.Tables = append(info.Tables, table)
			p.called = append(p.called, called)
			p.lockable = append(p.lockable, name)
			if rule := ruleFor(p.config.StructureOnly, called); rule != "" {
				structureOnly = append(structureOnly, ruled{name, rule})
				p.structureOnly = append(p.structureOnly, name)
				info.StructureOnly = append(info.StructureOnly, table.Name)
				continue
			}
			if p.config.Masks.QuarantinesTable(called...) {
				quarantined = append(quarantined, table.Name)
				structureOnly = append(structureOnly, ruled{name, ""})
				p.structureOnly = append(p.structureOnly, name)
				info.StructureOnly = append(info.StructureOnly, table.Name)
				continue
			}
			if broken, is := p.isBroken(name); is {
				p.structureOnly = append(p.structureOnly, name)
				info.Broken = append(info.Broken, broken.broken().String())
				continue
			}
			if rowless && kind == "r" {
				unlogged = append(unlogged, table.Name)
				p.structureOnly = append(p.structureOnly, name)
				info.StructureOnly = append(info.StructureOnly, table.Name)
				continue
			}
			if rowSecurity {
				guarded = append(guarded, table.Name)
			}
			if kind == "r" {
				p.copied = append(p.copied, name)
				if filter := rowfilter.For(p.config.Rows, called...); !filter.All() {
					p.filters[name] = filter
					info.Filtered = append(info.Filtered, table.Name)
				}
			}
		}
	}
	if err := rows.Err(); err != nil {
		return nil, nil, err
	}
	if len(quarantined) > 0 {
		p.tell(source.Quarantined + source.Enumerate(quarantined))
	}
	role := postgres.QuoteIdentifier(p.url.User)
	if len(denied) > 0 {
		return nil, nil, &source.PrivilegeError{User: p.url.User, Missing: []string{"SELECT"}, On: names(denied), Grant: grantSelect(denied, role)}
	}
	if len(guarded) > 0 {
		return nil, nil, &source.PrivilegeError{User: p.url.User, Missing: []string{"BYPASSRLS"}, On: guarded, Grant: "ALTER ROLE " + role + " BYPASSRLS"}
	}
	if len(unlogged) > 0 {
		p.tell("without rows and values, since the server is a standby, which has none of what is unlogged: " + strings.Join(unlogged, ", "))
	}
	return excluded, structureOnly, nil
}

// grantSelect are the statements that let a role read the schemas of the given tables.
func grantSelect(tables []relationName, role string) string {
	var statements []string
	seen := map[string]bool{}
	for _, table := range tables {
		if seen[table.schema] {
			continue
		}
		seen[table.schema] = true
		schema := postgres.QuoteIdentifier(table.schema)
		statements = append(statements,
			"GRANT USAGE ON SCHEMA "+schema+" TO "+role,
			"GRANT SELECT ON ALL TABLES IN SCHEMA "+schema+" TO "+role,
			"GRANT SELECT ON ALL SEQUENCES IN SCHEMA "+schema+" TO "+role)
	}
	return strings.Join(statements, "; ")
}

// querier is a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error)
}

// Dump starts a dump of what Inspect found.
func (p *Server) Dump(ctx context.Context) (*source.Dump, error) { return p.DumpSince(ctx, nil) }

// DumpSince starts a dump without the rows of tables that have not changed since their earlier states.
func (p *Server) DumpSince(ctx context.Context, earlier source.TableStates) (*source.Dump, error) {
	if p.config.Client {
		return p.clientDump(ctx)
	}
	return p.nativeDump(ctx, earlier)
}

// clientDump has pg_dump make the whole dump.
func (p *Server) clientDump(ctx context.Context) (_ *source.Dump, err error) {
	if p.config.Masks.Mask() {
		return nil, source.ErrRowsUnseen
	}
	d := &source.Dump{}
	defer func() {
		if err != nil {
			_ = d.Close()
		}
	}()
	target, forward, err := p.clientTarget(ctx)
	if err != nil {
		return nil, err
	}
	if forward != nil {
		d.Closers = append(d.Closers, forward)
	}
	s := &snapshot{postgres: p, goodbye: context.WithoutCancel(ctx)}
	d.Closers = append([]io.Closer{s}, d.Closers...)
	err = p.session(ctx, func(tx pgx.Tx) error {
		// The watcher connects while this connection is open: a server or an account with a single one then refuses the watcher, and not pg_dump.
		s.aside, _ = s.connectAside(ctx)
		return tx.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&d.SnapshotTime)
	})
	if err != nil {
		return nil, p.classify(err)
	}
	d.SnapshotTime = d.SnapshotTime.UTC()
	ctx, stop := dumpclient.Watched(ctx, s.watch)
	client, err := s.startClient(ctx, dumpclient.InBlocks(ctx, p.client.program(target)), d.SnapshotTime)
	if err != nil {
		_ = stop.Close()
		return nil, err
	}
	d.Text = p.namingLocks(ctx, newOwnText(p.tunnel.Reader(client)))
	d.Closers = append([]io.Closer{client, stop}, d.Closers...)
	return d, nil
}

// startClient starts pg_dump, with a watch for silence; since is a time of the server's before that.
func (s *snapshot) startClient(ctx context.Context, program command.Program, since time.Time) (*dumpclient.Output, error) {
	return dumpclient.Start(ctx, program, s.postgres.silence, &clientSession{s, since}, s.postgres.classify)
}

// clientTarget says what pg_dump is to dump and how it reaches the server: where that takes a listener on this
// machine, it is to be closed afterwards.
func (p *Server) clientTarget(ctx context.Context) (clientTarget, io.Closer, error) {
	target := p.withRules(clientTarget{url: p.url})
	if p.pooler != nil && target.options != "" {
		made := slices.Concat(p.settings, p.lifted())
		return target, nil, p.classify(&source.PoolerError{Pooler: p.pooler.name, Settings: settings.Given(made), Server: p.pooler.server})
	}
	if p.tunnel == nil {
		return target, nil, nil
	}
	forward, err := p.tunnel.Forward(ctx, sshtunnel.RemoteAddress(p.url))
	if err != nil {
		return target, nil, err
	}
	target.address, target.port = forward.Host, forward.Port
	return target, forward, nil
}

// withRules adds what is known by now: how our own connections got in, and what is left out.
func (p *Server) withRules(target clientTarget) clientTarget {
	target.encoding = p.encoding
	target.password, target.options = p.password, settings.Options(slices.Concat(p.settings, p.lifted()))
	target.structureOnly, target.excluded, target.withoutLarge = p.structureOnly, p.excluded, p.largeObjects
	return target
}

// lifted are the time limits that are too short for pg_dump, too.
func (p *Server) lifted() []settings.Setting {
	var lifted []settings.Setting
	for _, name := range p.limits.Short() {
		lifted = append(lifted, settings.Setting{Name: name, Value: "0", Changed: true, Source: "client"})
	}
	return lifted
}

// session gives do a read-only transaction on a connection of its own, which ends with it.
func (p *Server) session(ctx context.Context, do func(pgx.Tx) error) error {
	config, err := p.connection()
	if err != nil {
		return err
	}
	p.password = config.Password
	var tx pgx.Tx
	conn, err := p.connectFirst(ctx, config, func(conn *pgx.Conn) (err error) {
		if !p.checked {
			if err := p.checkPooler(ctx, conn); err != nil {
				return err
			}
			p.checked = true
		}
		if tx, err = conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadOnly}); err != nil {
			return err
		}
		p.settings, err = settings.Apply(ctx, conn.PgConn(), settings.Reading)
		return err
	})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	return do(tx)
}

// connectFirst opens a connection that is our only one.
func (p *Server) connectFirst(ctx context.Context, config *pgx.ConnConfig, begin func(*pgx.Conn) error) (conn *pgx.Conn, err error) {
	err = source.ConnectFirst(ctx, postgres.Is, func() error {
		conn, err = p.limits.Connect(ctx, config, begin)
		return err
	})
	return conn, err
}

// connection returns the configuration of connections to the database.
func (p *Server) connection() (*pgx.ConnConfig, error) {
	options := postgres.Options{Timeout: source.ConnectTimeout, Silence: p.silence}
	if p.tunnel != nil {
		// The name means something at the other end of the tunnel only. To cancel a query the driver would go to where the connection leads,
		// which through a tunnel it cannot see.
		to := sshtunnel.RemoteAddress(p.url)
		options.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return p.tunnel.Dial(ctx, to.Network, to.Address)
		}
	}
	config, err := postgres.Config(p.url, p.url.Name, options)
	if err != nil {
		return nil, err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // poolers know no prepared statements
	// From the first statement on. Poolers know this setting, since every client makes it.
	config.RuntimeParams["client_encoding"] = "UTF8"
	inParts(&config.Config)
	connected := config.AfterConnect
	config.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		p.ours.Store(conn.PID(), true)
		if connected == nil {
			return nil
		}
		return connected(ctx, conn)
	}
	return config, nil
}

// sqlASCII is the encoding of databases that take and give bytes as they are.
const sqlASCII = "SQL_ASCII"

// classify turns an error of the driver into one of package source.
func (p *Server) classify(err error) error {
	doing := "source " + p.url.String()
	var setting *settings.Error
	if errors.As(err, &setting) {
		return fmt.Errorf("%s: %w", doing, &source.SettingError{Name: setting.Name, Value: setting.Value, Err: setting})
	}
	var pooled *source.PoolerError
	if errors.As(err, &pooled) {
		return fmt.Errorf("%s: %w", doing, pooled)
	}
	var limit *postgres.TimeLimitError
	if errors.As(err, &limit) {
		return fmt.Errorf("%s: %w", doing, &source.SettingError{Name: limit.Name, Needs: "0", Err: limit})
	}
	kind := postgres.Classify(err)
	if kind == fault.Lost || kind == fault.Unreachable {
		err = p.silence.Explain(err)
	}
	if kind != fault.None {
		err = postgres.Plain(err)
	}
	if postgres.SQLState(err) == postgres.NotInEncoding && p.encoding == sqlASCII {
		return source.Failure(doing, source.ErrNotUTF8, err)
	}
	if postgres.SQLState(err) == postgres.InsufficientPrivilege {
		return source.Failure(doing, &source.PrivilegeError{
			User: p.url.User, Missing: []string{"CONNECT"},
			Grant: "GRANT CONNECT ON DATABASE " + postgres.QuoteIdentifier(p.url.Name) + " TO " + postgres.QuoteIdentifier(p.url.User),
		}, err)
	}
	return source.Faulty(doing, kind, err)
}
