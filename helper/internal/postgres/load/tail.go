package load

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Tail executes what comes after the rows. Most of its time goes into indexes. Several sessions build consecutive
// indexes at once, and likewise foreign keys. Statements about an index that pg_dump writes between two indexes wait
// until the indexes are built. Any other statement ends the group: everything before it is finished first.
type Tail struct {
	Load      *Load
	builds    []*buildStatement
	followers []Statement
}

// Piece executes a piece of the tail. Its keys wait for Flush.
func (t *Tail) Piece(ctx context.Context, script *Script, piece sqltext.Piece) error {
	switch piece.Kind {
	case sqltext.Filler:
		return nil
	case sqltext.Statement:
		// Other sessions do not see what a transaction of the dump has done so far.
		if t.Load.Main.Conn.TxStatus() != 'I' {
			break
		}
		if build := readBuild(piece.Text); build != nil {
			if t.Load.early.has(piece.Text) {
				t.Load.statements++
				return nil
			}
			if len(t.builds) > 0 && t.builds[0].foreign != build.foreign {
				if err := t.Flush(ctx); err != nil {
					return err
				}
			}
			build.Statement = t.keep(piece)
			t.builds = append(t.builds, build)
			return nil
		}
		if len(t.builds) > 0 && follows(piece.Text) {
			t.followers = append(t.followers, t.keep(piece))
			return nil
		}
	}
	if err := t.Flush(ctx); err != nil {
		return err
	}
	return t.Load.Piece(ctx, script, piece)
}

// keep numbers a statement that is executed later.
func (t *Tail) keep(piece sqltext.Piece) Statement {
	piece.Text = bytes.Clone(piece.Text)
	piece.Raw = nil
	return t.Load.Count(piece)
}

// Flush executes what has been put off.
func (t *Tail) Flush(ctx context.Context) error {
	if len(t.builds) == 0 {
		return nil
	}
	l := t.Load
	if err := l.flush(ctx); err != nil {
		return err
	}
	if err := l.measure(ctx, t.builds); err != nil {
		return l.Server.Classify("ask for the sizes of the tables", err)
	}
	// The slowest first, so that all sessions end at about the same time.
	slices.SortStableFunc(t.builds, func(a, b *buildStatement) int { return cmp.Compare(b.size, a.size) })
	builds := together(t.builds)
	queue := newBuildQueue(builds)
	err := l.together(ctx, len(builds), func(ctx context.Context, s *session.Session) error {
		for {
			build := queue.take(ctx)
			if build == nil {
				return l.Failed(ctx, Statement{}, ctx.Err())
			}
			err := l.build(ctx, s, build)
			queue.done(build)
			if err != nil {
				return err
			}
		}
	})
	if err != nil {
		return err
	}
	for _, follower := range t.followers {
		if err := l.statement(ctx, follower); err != nil {
			return err
		}
	}
	t.builds, t.followers = nil, nil
	return l.flush(ctx)
}

// build executes a build. It needs little of the care of statement: a build names no role and no extension.
func (l *Load) build(ctx context.Context, s *session.Session, build *buildStatement) error {
	if len(build.parts) > 0 {
		return l.buildParts(ctx, s, build.parts)
	}
	var err error
	for range target.DeadlockTries {
		if err = s.Exec(ctx, string(build.Text)); postgres.SQLState(err) != postgres.DeadlockDetected {
			break
		}
	}
	return l.withoutIt(ctx, s, build.Statement, build.Text, err)
}

// buildParts executes the builds of small tables in one transaction, or one after the other if one of them fails.
func (l *Load) buildParts(ctx context.Context, s *session.Session, parts []*buildStatement) error {
	if readsAsWe(s) {
		texts := make([]string, len(parts))
		for i, part := range parts {
			texts[i] = string(part.Text)
		}
		if inOne(ctx, s, texts) {
			return nil
		}
	}
	for _, part := range parts {
		if err := l.build(ctx, s, part); err != nil {
			return err
		}
	}
	return nil
}

// measure notes the sizes of tables.
func (l *Load) measure(ctx context.Context, builds []*buildStatement) error {
	rows, err := l.Main.Query(ctx, "SELECT "+postgres.TableName("n.nspname", "c.relname")+", pg_table_size(c.oid) FROM pg_class c"+
		" JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') AND n.nspname <> 'pg_catalog'")
	if err != nil {
		return err
	}
	sizes := make(map[string]int64, len(rows))
	for _, row := range rows {
		if sizes[row[0]], err = strconv.ParseInt(row[1], 10, 64); err != nil {
			return err
		}
	}
	for _, build := range builds {
		for _, table := range build.tables {
			build.size = max(build.size, sizes[table])
		}
	}
	return nil
}

// followers are statements about an existing index or constraint that no later statement needs.
var followers = []string{
	"COMMENT ON INDEX *", "COMMENT ON CONSTRAINT * ON *",
	"ALTER INDEX * ATTACH PARTITION *", "ALTER INDEX * ALTER COLUMN",
	"ALTER TABLE * CLUSTER ON *", "ALTER TABLE ONLY * REPLICA IDENTITY", "ALTER TABLE * REPLICA IDENTITY",
}

func follows(text []byte) bool {
	return slices.ContainsFunc(followers, func(form string) bool {
		_, _, is := Match(text, form)
		return is
	})
}
