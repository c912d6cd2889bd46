package read

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/rowfilter"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// readTable is a table whose rows are dumped.
type readTable struct {
	from, to quotedRelation // to is the table into which the rows are restored: the table itself, except for a few kinds of partitions
	columns  string         // without generated columns; empty if there are no others
	pages    int64          // of the table itself
	bytes    int64          // including what is stored outside of the table
	heap     bool           // whether it has pages at all
	left     atomic.Int64   // pieces that are still to be read
	filter   rowfilter.Filter
	newest   string // the primary key from its greatest value on, for ORDER BY; empty if there is none
}

// quotedRelation is the name of a relation, plain and quoted by the server.
type quotedRelation struct {
	relationName
	quoted string
}

// pageRange is a range of a table's pages that one connection reads.
type pageRange struct {
	table    *readTable
	from, to int64 // pages; 0 at the beginning of the first piece and at the end of the last one
}

// pieceBytes is about how much of a table is read at a time. The table is locked meanwhile. So the rows are kept in
// memory and handed on afterwards, which may take long. Tests make it smaller.
var pieceBytes int64 = dump.ChunkBytes

// ctidRanges is the first version that can read a range of pages without reading the whole table.
var ctidRanges = version.Version{Major: 14}

// tablesQuery describes tables by their schemas and names. The caller adds the condition for columns.
const tablesQuery = `
SELECT n.nspname, c.relname, quote_ident(n.nspname) || '.' || quote_ident(c.relname),
  tn.nspname, tc.relname, quote_ident(tn.nspname) || '.' || quote_ident(tc.relname),
  coalesce((SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND %s), ''),
  coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::bigint, coalesce(pg_relation_size(c.oid), 0) + coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0),
  coalesce(m.amname = 'heap', false),
  coalesce((SELECT string_agg(quote_ident(a.attname) || ' DESC', ', ' ORDER BY key.n) FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS key (number, n)
    JOIN pg_attribute a ON a.attnum = key.number WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid), '')
FROM unnest($1::text[], $2::text[]) AS wanted (schema, name)
JOIN pg_namespace n ON n.nspname = wanted.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
JOIN pg_class tc ON tc.oid = %s JOIN pg_namespace tn ON tn.oid = tc.relnamespace
LEFT JOIN pg_am m ON m.oid = c.relam`

// restoredTo is the table into which rows are restored. The hash of an enum's value differs from one database to
// another, so only the restoring server can tell to which partition such a row belongs. pg_dump does the same.
const restoredTo = `CASE WHEN c.relispartition AND EXISTS (SELECT FROM pg_partition_ancestors(c.oid) up
    JOIN pg_partitioned_table p ON p.partrelid = up.relid JOIN pg_opclass o ON o.oid = ANY (p.partclass)
    JOIN pg_am a ON a.oid = o.opcmethod WHERE o.opcname = 'enum_ops' AND a.amname = 'hash' AND p.partstrat = 'h')
  THEN pg_partition_root(c.oid) ELSE c.oid END`

// readTables describes the tables whose rows are dumped, the largest first.
func (p *Server) readTables(ctx context.Context, conn querier) ([]*readTable, error) {
	var schemas, names []string
	for _, table := range p.copied {
		schemas, names = append(schemas, table.schema), append(names, table.name)
	}
	// Generated columns are left out, as in pg_dump.
	kept, to := "true", "c.oid"
	if !p.server.Less(version.Version{Major: 12}) {
		kept, to = "a.attgenerated = ''", restoredTo
	}
	rows, err := conn.Query(ctx, fmt.Sprintf(tablesQuery, kept, to), schemas, names)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var tables []*readTable
	for rows.Next() {
		t := &readTable{}
		err := rows.Scan(&t.from.schema, &t.from.name, &t.from.quoted, &t.to.schema, &t.to.name, &t.to.quoted,
			&t.columns, &t.pages, &t.bytes, &t.heap, &t.newest)
		if err != nil {
			return nil, err
		}
		t.filter = p.filters[t.from.relationName]
		tables = append(tables, t)
	}
	slices.SortStableFunc(tables, func(a, b *readTable) int { return cmp.Compare(b.bytes, a.bytes) })
	return tables, rows.Err()
}

// cutTables cuts tables into pieces. A server that cannot read ranges of pages would read the whole table for each
// piece.
func cutTables(tables []*readTable, server version.Version) []pageRange {
	var pieces []pageRange
	add := func(piece pageRange) {
		piece.table.left.Add(1)
		pieces = append(pieces, piece)
	}
	for _, table := range tables {
		n := min(table.bytes/pieceBytes, table.pages)
		if server.Less(ctidRanges) || !table.heap || table.columns == "" || n < 2 || table.filter.Limit.Limit > 0 {
			add(pageRange{table: table})
			continue
		}
		// Pieces begin at the same pages while a table grows: at multiples of a power of two.
		size := int64(1) << (bits.Len64(uint64(table.pages/n)) - 1)
		for from := int64(0); from < table.pages; from += size {
			piece := pageRange{table: table, from: from}
			if from+size < table.pages {
				piece.to = from + size
			}
			add(piece)
		}
	}
	return pieces
}

// copyOut returns the statement that reads the piece.
func (p pageRange) copyOut() string {
	t := p.table
	if p.from == 0 && p.to == 0 && t.filter.All() {
		return "COPY " + t.from.quoted + t.columnList() + " TO STDOUT"
	}
	var pages []string
	if p.from > 0 {
		pages = append(pages, fmt.Sprintf("ctid >= '(%d,0)'", p.from))
	}
	if p.to > 0 {
		pages = append(pages, fmt.Sprintf("ctid < '(%d,0)'", p.to))
	}
	return "COPY (" + t.filtered(t.columns, pages...) + ") TO STDOUT"
}

// filtered is the query for columns of the rows that the rules let through and for which other conditions hold.
func (t *readTable) filtered(columns string, conditions ...string) string {
	query := "SELECT " + columns + " FROM ONLY " + t.from.quoted
	if rules := t.filter.Where(); rules != "" {
		conditions = append(conditions, rules)
	}
	if len(conditions) > 0 {
		query += " WHERE " + strings.Join(conditions, " AND ")
	}
	if limit := t.filter.Limit.Limit; limit > 0 {
		if t.newest != "" {
			query += " ORDER BY " + t.newest
		}
		query += fmt.Sprintf(" LIMIT %d", limit)
	}
	return query
}

func (t *readTable) columnList() string {
	if t.columns == "" {
		return ""
	}
	return " (" + t.columns + ")"
}

// rows emits the rows of all tables, over all readers of the snapshot.
func (s *snapshot) rows(ctx context.Context, emit dump.Emit) error {
	inTurn, outer := dump.InTurn(emit), ctx
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for _, reader := range s.readers {
		group.Go(func() error {
			chunks := &chunkWriter{Queue: dump.NewQueue(inTurn(ctx)), masking: s.masking}
			for {
				i := int(next.Add(1)) - 1
				if i >= len(s.pieces) {
					return chunks.finish()
				}
				if err := s.readPiece(ctx, reader, s.pieces[i], chunks); err != nil {
					return err
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return s.sameTables(outer, s.read.rest())
}

func (s *snapshot) readPiece(ctx context.Context, reader *pgx.Conn, piece pageRange, chunks *chunkWriter) error {
	if err := chunks.begin(piece.table); err != nil {
		return err
	}
	doing := "read " + piece.table.from.String()
	tag, err := reader.PgConn().CopyTo(ctx, chunks, piece.copyOut())
	switch {
	case chunks.failed != nil:
		return chunks.failed
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case isUnreadable(err):
		return &unreadableError{s.postgres.classifyDump(doing, err)}
	case err != nil:
		return s.postgres.classifyDump(doing, err)
	case tag.RowsAffected() != chunks.read:
		return source.Failure(doing, source.ErrConnectionLost, fmt.Errorf("the server sent %d rows, %d came", tag.RowsAffected(), chunks.read))
	}
	// While the table is locked, functions see it as it is now.
	file, err := readAll(reader.PgConn().Exec(ctx, "SELECT t.oid::oid || ' ' || pg_relation_filenode(t.oid) FROM to_regclass("+
		postgres.QuoteText(piece.table.from.quoted)+") t (oid); "+source.GiveBack))
	switch {
	case err != nil:
		return s.postgres.classifyDump(doing, err)
	case len(file) != 1 || file[0][0] != s.tables[piece.table.from.relationName].file:
		return source.Failure(doing, source.ErrDefinitionChanged, errAltered)
	}
	if piece.table.left.Add(-1) == 0 && s.aside != nil {
		if err := s.sameTables(ctx, s.read.add(piece.table.from.relationName)); err != nil {
			return err
		}
	}
	if piece.from > 0 || piece.to > 0 { // which piece of its table a connection reads next differs from dump to dump
		return chunks.finish()
	}
	return chunks.Emit()
}

// chunkWriter turns rows, as COPY sends them, into chunks.
type chunkWriter struct {
	*dump.Queue
	masking masking
	masker  *rowMasker // of the table; nil if nothing is masked

	table  *readTable
	buffer []byte
	rows   int64 // in the buffer
	read   int64 // of the piece
	open   bool  // a part of a row has been handed on
	failed error // of emit
}

// begin says to which piece the next rows belong.
func (c *chunkWriter) begin(table *readTable) error {
	c.read = 0
	if table == c.table {
		return nil
	}
	if err := c.finish(); err != nil {
		return err
	}
	c.table = table
	masker, err := c.masking.newRowMasker(table.from.relationName)
	c.masker = masker
	return err
}

// longRow is the length from which on a row is handed on in parts, in bytes.
const longRow = 3 * dump.ChunkBytes

// keyPart is how much of a row decides whether it begins a chunk, in bytes: its first columns are those of the key as a rule, and an
// UPDATE of others leaves the border where it is.
const keyPart = 32

// Write takes a part of the data: a row, or a part of a long one.
func (c *chunkWriter) Write(data []byte) (int, error) {
	if c.masker == nil {
		return c.write(data, data)
	}
	row, masked, err := c.masker.add(data)
	for err == nil && len(masked) > 0 {
		part := masked[:min(len(masked), longestCopyData)]
		masked = masked[len(part):]
		_, err = c.write(part, row)
	}
	if err != nil {
		c.failed = err
		return 0, err
	}
	return len(data), nil
}

// write adds a row, or a part of one. key is what decides whether the row begins a chunk: the row as the server has it.
func (c *chunkWriter) write(data, key []byte) (int, error) {
	if len(c.buffer) >= dump.LeastChunk && !c.open && bytes.HasSuffix(c.buffer, []byte{'\n'}) &&
		dump.NewKeyHash().Add(key[:min(len(key), keyPart)]).BeginsChunk(len(data), len(c.buffer)) {
		c.endChunk()
	}
	if len(c.buffer) == 0 && !c.open {
		c.buffer = c.Buffer(int(min(dump.ChunkBytes/2, c.table.bytes+firstRow)))
		c.buffer = append(c.buffer, "COPY "+c.table.to.quoted+c.table.columnList()+" FROM stdin;\n"...)
	}
	c.buffer = append(c.buffer, data...)
	// Line feeds in values are escaped.
	rows := int64(bytes.Count(data, []byte{'\n'}))
	c.rows += rows
	c.read += rows
	whole := bytes.HasSuffix(data, []byte{'\n'})
	switch {
	case whole && (c.open || len(c.buffer) >= 2*dump.ChunkBytes):
		c.failed = c.finish()
	case c.IsLong():
		// The piece is about to end. What a page becomes as text may be several times as long.
		c.failed = c.Emit()
	case !whole && len(c.buffer) >= longRow:
		c.add(true)
		c.failed = c.Emit()
	}
	if c.failed != nil {
		return 0, c.failed
	}
	return len(data), nil
}

// endChunk completes a chunk. It is handed on later: the table is locked.
func (c *chunkWriter) endChunk() {
	c.buffer = append(c.buffer, "\\.\n"...)
	c.add(false)
}

// add adds what is in the buffer as a chunk. With open, it ends inside a row.
func (c *chunkWriter) add(open bool) {
	chunk := dump.Chunk{Section: dump.Rows, Table: c.table.to.String(), SQL: c.buffer, Open: open, Continued: c.open}
	if !open {
		chunk.Rows, c.rows = c.rows, 0
	}
	c.Add(chunk)
	c.buffer, c.open = nil, open
}

// finish emits all that is left.
func (c *chunkWriter) finish() error {
	if len(c.buffer) > 0 {
		c.endChunk()
	}
	return c.Emit()
}

// firstRow is the least room for rows, in bytes.
const firstRow = 256 << 10
