package read

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// pg_dump opens each large object, which takes a privilege on each of them, or the server's lo_compat_privileges. An account that may read the
// table which holds them all, such as a member of pg_read_all_data, may open none. For that account they are read from the table.

// lockedQuery lists the large objects that the account may not open, and says whether it may read their table.
const lockedQuery = `
SELECT l.oid::text, has_table_privilege('pg_catalog.pg_largeobject', 'SELECT')::text FROM pg_largeobject_metadata l
WHERE current_setting('lo_compat_privileges') = 'off' AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
  AND NOT pg_has_role(l.lomowner, 'USAGE')
  AND NOT EXISTS (SELECT FROM aclexplode(l.lomacl) a WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))
ORDER BY l.oid`

// inspectLargeObjects says whether pg_dump may not open all large objects, but their table can be read. It fails with
// *source.PrivilegeError where neither is so.
func (p *Server) inspectLargeObjects(ctx context.Context, tx querier) (fromTable bool, err error) {
	rows, err := p.texts(ctx, tx, lockedQuery)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	role := postgres.QuoteIdentifier(p.url.User)
	grant := "GRANT SELECT ON pg_catalog.pg_largeobject TO " + role
	if p.config.Client {
		grant = ""
	} else if rows[0][1] == "true" {
		return true, nil
	}
	var numbers, names []string
	for _, row := range rows {
		numbers, names = append(numbers, row[0]), append(names, "large object "+row[0])
	}
	if grant == "" {
		grant = "GRANT SELECT ON LARGE OBJECT " + strings.Join(numbers, ", ") + " TO " + role
	}
	return false, &source.PrivilegeError{User: p.url.User, Missing: []string{"SELECT"}, On: names, Grant: grant}
}

const (
	// largeObjectsQuery lists the large objects with their comments.
	largeObjectsQuery = `SELECT l.oid::text, coalesce(obj_description(l.oid, 'pg_largeobject'), '') FROM pg_largeobject_metadata l ORDER BY l.oid`

	// pagesQuery reads their pages. A page that is missing, or shorter than others, stands for zeros.
	pagesQuery = `COPY (SELECT loid, pageno * (current_setting('block_size')::bigint / 4), encode(data, 'hex')
  FROM pg_catalog.pg_largeobject ORDER BY loid, pageno) TO STDOUT`
)

// emitLargeObjects emits statements that restore all large objects. It reads them over the connection that took the snapshot, which must have
// nothing else to read.
func (s *snapshot) emitLargeObjects(ctx context.Context, emit dump.Emit) error {
	const doing = "read the large objects"
	keeper := s.readers[0]
	known, err := s.postgres.texts(ctx, keeper, largeObjectsQuery)
	if err != nil {
		return s.postgres.classifyDump(doing, err)
	}
	pages := &largeObjectPages{emit: emit}
	for _, row := range known {
		pages.line("SELECT pg_catalog.lo_create('" + row[0] + "');\n")
		if row[1] != "" {
			pages.line("COMMENT ON LARGE OBJECT " + row[0] + " IS " + postgres.QuoteText(row[1]) + ";\n")
		}
	}
	_, err = keeper.PgConn().CopyTo(ctx, pages, pagesQuery)
	switch {
	case pages.failed != nil:
		return pages.failed
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return s.postgres.classifyDump(doing, err)
	}
	pages.line("\n")
	pages.flush()
	return pages.failed
}

// largeObjectPages turns pages, as COPY sends them, into statements.
type largeObjectPages struct {
	emit   dump.Emit
	row    []byte // what has come of it
	buffer []byte
	failed error
}

// Write takes rows, or parts of them: the number of an object, where its page begins, and the page.
func (l *largeObjectPages) Write(data []byte) (int, error) {
	l.row = append(l.row, data...)
	for {
		end := bytes.IndexByte(l.row, '\n')
		if end < 0 {
			return len(data), l.failed
		}
		fields := strings.Split(string(l.row[:end]), "\t")
		if len(fields) != 3 {
			l.failed = fmt.Errorf("a page of a large object has %d columns", len(fields))
			return 0, l.failed
		}
		l.line(fmt.Sprintf(`SELECT pg_catalog.lo_put('%s', %s, '\x%s');`+"\n", fields[0], fields[1], fields[2]))
		l.row = append(l.row[:0], l.row[end+1:]...)
	}
}

func (l *largeObjectPages) line(text string) {
	if l.buffer = append(l.buffer, text...); len(l.buffer) >= dump.ChunkBytes {
		l.flush()
	}
}

func (l *largeObjectPages) flush() {
	if l.failed == nil {
		var spare []byte
		spare, l.failed = l.emit(dump.Chunk{Section: dump.Tail, SQL: l.buffer})
		l.buffer = spare[:0]
	}
}
