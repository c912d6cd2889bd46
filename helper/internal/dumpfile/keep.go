package dumpfile

import "github.com/jobiqo/dump-refresh/helper/internal/dump"

// Kept is all rows of a table in an earlier dump.
type Kept struct {
	Rows     int64
	RawBytes int64 // of SQL
	chunks   []int
}

// Keepable returns the tables all of whose rows the next dump can take over without their SQL, by their names. No statement of theirs may take
// more than one chunk, nor be outside of the chunks of rows.
func (e Earlier) Keepable() map[string]Kept {
	tables := make(map[string]Kept, len(e.Index.Tables))
	for _, table := range e.Index.Tables {
		if _, outside := e.Index.TextRows[table.Name]; !outside {
			tables[table.Name] = Kept{Rows: table.Rows}
		}
	}
	for i, chunk := range e.Index.Chunks {
		kept, can := tables[chunk.Table]
		switch {
		case chunk.Section != dump.Rows || !can:
		case chunk.RawSHA256 == nil || chunk.Partial:
			delete(tables, chunk.Table) // and what continues it, which is of the same table
		default:
			kept.RawBytes += chunk.RawSize
			kept.chunks = append(kept.chunks, i)
			tables[chunk.Table] = kept
		}
	}
	return tables
}

// Keep takes over all rows of tables from the earlier dump. It must be called after Reuse and before the first Add, and nothing may add
// rows of these tables.
func (w *Writer) Keep(tables ...Kept) {
	r := w.reuse
	for _, table := range tables {
		for _, number := range table.chunks {
			chunk := r.earlier.Index.Chunks[number]
			r.taken = append(r.taken, number)
			r.rawBytes += chunk.RawSize
			w.contents.add(chunk)
			w.count++
		}
	}
}
