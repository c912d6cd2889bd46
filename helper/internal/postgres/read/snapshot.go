package read

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/settings"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// snapshot is one moment of the database that several connections see.
type snapshot struct {
	postgres *Server
	id       string      // by which other sessions, including pg_dump's, share it
	time     time.Time   // by the server's clock, just before it was taken
	info     source.Info // what there was at that moment
	readers  []*pgx.Conn
	keeper   uint32 // the server's process behind the first of them, which took the snapshot
	refused  string // why there are no more readers, if the server wanted no more
	pieces   []pageRange
	read     readTables
	tables   map[relationName]madeOf // what they were
	catalog  string                  // a hash of the definitions
	moment   string                  // which transactions it sees, in the words of txid_current_snapshot
	defined  bool                    // the definitions have been read
	others   bool                    // there are large objects, or extensions with rows of their own, which pg_dump reads
	// largeObjects are read from their table, because pg_dump may not open them.
	largeObjects bool
	// sequences are those whose values are dumped, quoted, unless there are others.
	sequences []string
	// aside is one more connection, which sees the present state; nil if the server has none to spare.
	aside *pgx.Conn
	using sync.Mutex // guards aside
	// goodbye is the dump's context without its cancellation: connections are also closed properly after Ctrl-C.
	goodbye context.Context
	masking masking
	archive *archive // of the definitions; nil if there is no pg_restore
}

// snapshotTries is how often a snapshot is taken if tables are locked meanwhile.
const snapshotTries = 3

// takeSnapshot takes a snapshot and connects its readers. pg_dump begins to read at once, if it is told where.
func (p *Server) takeSnapshot(ctx context.Context, target *clientTarget) (*snapshot, error) {
	for try, gaveWay := 1, 0; ; try++ {
		s := &snapshot{postgres: p, goodbye: context.WithoutCancel(ctx)}
		err := s.take(ctx, target)
		if err == nil && p.disturbed && s.archive != nil {
			err = s.readDefinitions(ctx)
		}
		if err == nil {
			return s, nil
		}
		_ = s.Close()
		pause := definitionPause
		switch {
		case errors.Is(err, source.ErrGaveWay):
			if gaveWay++; gaveWay == snapshotTries {
				return nil, p.nameLock(ctx, err)
			}
			pause = source.LockPause
		case errors.Is(err, source.ErrDefinitionChanged):
			if p.disturbed = true; try >= definitionTries {
				return nil, err
			}
		default:
			return nil, err
		}
		if err := clock.Sleep(ctx, pause); err != nil {
			return nil, err
		}
		if _, err := p.Inspect(ctx); err != nil {
			return nil, err
		}
	}
}

func (s *snapshot) take(ctx context.Context, target *clientTarget) error {
	p := s.postgres
	keeper, err := s.connect(ctx, p.connectFirst)
	if err != nil {
		return p.classify(err)
	}
	s.readers = []*pgx.Conn{keeper}
	err = keeper.QueryRow(ctx, "SELECT statement_timestamp(), pg_export_snapshot(), pg_backend_pid()::bigint, txid_current_snapshot()::text").
		Scan(&s.time, &s.id, &s.keeper, &s.moment)
	if cause := refusedToShare(err); cause != nil {
		return &snapshotNotSharedError{cause}
	}
	if err != nil {
		return p.classifyDump("take a snapshot", err)
	}
	// Going back to this savepoint releases locks on tables.
	if _, err := keeper.Exec(ctx, source.SetSavepoint); err != nil {
		return p.classifyDump("take a snapshot", err)
	}
	limits, err := readLimits(ctx, keeper)
	if err != nil {
		return s.classifyList(err)
	}
	s.largeObjects = p.largeObjects
	bare, err := s.readOthers(ctx)
	if err != nil {
		return s.classifyList(err)
	}
	if target != nil {
		s.archive = s.startArchive(ctx, p.withRules(*target), bare)
	}
	s.info = p.about
	if _, _, err := p.inspectTables(ctx, keeper, &s.info); err != nil {
		return s.classifyList(err)
	}
	if s.archive != nil && !within(p.excluded, s.archive.excluded) { // pg_dump would read what has come since
		s.archive.close()
		s.archive = s.startArchive(ctx, p.withRules(*target), bare)
	}
	if now, err := p.inspectLargeObjects(ctx, keeper); err != nil {
		return s.classifyList(err)
	} else if now && !s.largeObjects { // since the archive's pg_dump was told to read them
		return source.Failure("list the large objects", source.ErrDefinitionChanged, errors.New("a large object has come"))
	}
	if s.masking, err = p.inspectMasks(ctx, keeper); errors.Is(err, rules.ErrCannotWork) {
		return err
	} else if err != nil {
		return s.classifyList(err)
	}
	s.info.Masked = s.masking.plan.Columns()
	if err := s.masking.sampleMasked(ctx, keeper, p.config.Leaks); err != nil {
		return s.classifyList(err)
	}
	tables, err := p.readTables(ctx, keeper)
	if err != nil {
		return s.classifyList(err)
	}
	p.newcomersFirst(tables)
	s.pieces = cutTables(tables, p.server)
	known, err := readAll(keeper.PgConn().Exec(ctx, filesQuery))
	if err != nil {
		return s.classifyList(err)
	}
	s.tables = readMadeOf(known)
	catalog, err := readAll(keeper.PgConn().Exec(ctx, catalogQuery(p.excluded, "")))
	if err != nil || len(catalog) != 1 {
		return s.classifyList(err)
	}
	s.catalog = catalog[0][0]
	if err := s.readSequences(ctx); err != nil {
		return s.classifyList(err)
	}
	if _, err := keeper.Exec(ctx, source.GiveBack); err != nil {
		return s.classifyList(err)
	}
	if limits.spareOne() {
		if s.aside, err = s.connectAside(ctx); err != nil {
			return p.classify(err)
		}
	}
	readers := min(limits.readers(p.config.Threads), len(s.pieces))
	if p.pooler != nil {
		readers = 1 // the site needs the pooler's sessions
	}
	return s.share(ctx, readers)
}

// within reports whether all names are among others.
func within(names, others []relationName) bool {
	return !slices.ContainsFunc(names, func(name relationName) bool { return !slices.Contains(others, name) })
}

// connectAside opens the connection that sees the present state.
func (s *snapshot) connectAside(ctx context.Context) (*pgx.Conn, error) {
	config, err := s.postgres.connection()
	if err != nil {
		return nil, err
	}
	return s.postgres.limits.Connect(ctx, config, func(*pgx.Conn) error { return nil })
}

func (s *snapshot) classifyList(err error) error {
	var missing *source.PrivilegeError
	switch {
	case errors.As(err, &missing):
		return s.postgres.classify(err)
	case errors.Is(err, errVanished):
		return source.Failure("list the tables", source.ErrDefinitionChanged, err)
	}
	return s.postgres.classifyDump("list the tables", err)
}

// refusedToShare returns the server's reason for not exporting or importing a snapshot. That the server is about to end
// or has no room is no such reason.
func refusedToShare(err error) *pgconn.PgError {
	var server *pgconn.PgError
	if !errors.As(err, &server) || strings.HasPrefix(server.Code, "57") || strings.HasPrefix(server.Code, "53") {
		return nil
	}
	return server
}

// opener opens a connection, and has begin make it ready.
type opener func(ctx context.Context, config *pgx.ConnConfig, begin func(*pgx.Conn) error) (*pgx.Conn, error)

// connect opens a connection with a transaction that sees one moment of the database, under the settings with which
// pg_dump reads. All settings end with the transaction: behind a pooler, the connection then goes to somebody else.
func (s *snapshot) connect(ctx context.Context, open opener, more ...string) (*pgx.Conn, error) {
	config, err := s.postgres.connection()
	if err != nil {
		return nil, err
	}
	statements := append([]string{"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"}, settings.Again(s.postgres.settings)...)
	if s.postgres.encoding != "" {
		statements = append(statements, "SET LOCAL client_encoding = "+s.postgres.encoding)
	}
	statements = append(statements, more...)
	return open(ctx, config, func(conn *pgx.Conn) error {
		_, err := conn.PgConn().Exec(ctx, strings.Join(statements, "; ")).ReadAll()
		return err
	})
}

// share connects more readers, until there are n. It is no error if the server allows fewer.
func (s *snapshot) share(ctx context.Context, n int) error {
	within, cancel := context.WithTimeout(ctx, source.ConnectTimeout)
	defer cancel()
	type joined struct {
		conn *pgx.Conn
		err  error
	}
	all := make([]joined, max(n-1, 0))
	var group sync.WaitGroup
	for i := range all {
		group.Go(func() {
			all[i].conn, all[i].err = s.connect(within, s.postgres.limits.Connect, "SET TRANSACTION SNAPSHOT "+postgres.QuoteText(s.id), source.SetSavepoint)
		})
	}
	group.Wait()
	var alone *snapshotNotSharedError
	for _, one := range all {
		var server *pgconn.PgError
		switch {
		case one.err == nil:
			s.readers = append(s.readers, one.conn)
		case errors.As(one.err, &server) && (server.Code == postgres.InvalidParameterValue || server.Code == postgres.NotInPrerequisiteState):
			// Behind a balancing pooler, the next connection may lead to another server.
			alone = &snapshotNotSharedError{server}
		default:
			s.refused = postgres.Plain(one.err).Error()
			if errors.As(one.err, &server) {
				s.refused = server.Message
			}
		}
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case alone != nil:
		return alone
	}
	return nil
}

// Close closes all connections, and waits until the server knows.
func (s *snapshot) Close() error {
	s.archive.close()
	var group sync.WaitGroup
	for _, conn := range s.readers {
		group.Go(func() { s.close(conn) })
	}
	if s.aside != nil {
		group.Go(func() { s.close(s.aside) })
	}
	group.Wait()
	s.readers, s.aside = nil, nil
	return nil
}

// close closes a connection. If a query was interrupted, the driver cancels it on the server.
func (s *snapshot) close(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(s.goodbye, goodbyePatience)
	defer cancel()
	_ = conn.Close(ctx)
	select {
	case <-conn.PgConn().CleanupDone():
	case <-ctx.Done():
	}
}

// goodbyePatience is how long closing a connection may take.
const goodbyePatience = 5 * time.Second
