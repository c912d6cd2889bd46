package refresh

import (
	"context"
	"maps"

	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// known are the tables of the last dump that need not be read again if they have not changed since.
type known struct {
	states source.TableStates
	kept   map[string]dumpfile.Kept
}

// known returns these tables; none if every table is to be read. What a table's rows become must be the same as then: by the same version
// of this program, under the same rules. Other settings are part of the states. Which planted values an earlier dump was searched for is not
// known.
func (r *run) known(ctx context.Context) known {
	_, canaries := r.Source.Leaks.Counts()
	if r.Force || canaries > 0 || r.earlier() == nil || !r.madeAlike(r.previous.index) {
		return known{}
	}
	k := known{source.TableStates{}, dumpfile.Earlier{Index: r.previous.index}.Keepable()}
	maps.Copy(k.states, r.previous.index.TableStates)
	if !r.SignKey.IsSet() { // a confirmation is not signed
		if confirmed, err := r.Bucket.Confirmation(ctx, r.previous.object); err == nil && confirmed != nil {
			maps.Copy(k.states, confirmed.Tables)
		}
	}
	maps.DeleteFunc(k.states, func(table, _ string) bool { _, can := k.kept[table]; return !can })
	return k
}

// mostStates is how long the names and states of tables in an index may be, in bytes. With so many tables that it takes more, the next refresh
// reads all.
const mostStates = 1 << 20

// recorded returns the states that the index has.
func (r *run) recorded() source.TableStates {
	size := 0
	for table, state := range r.tableStates {
		size += len(table) + len(state)
	}
	if size > mostStates {
		return nil
	}
	return r.tableStates
}

// keep puts the rows of tables that are not read into the dump, as the last one has them.
func (r *run) keep(k known, unread []string, writer *dumpfile.Writer, counter *chunkCounter) {
	var tables []dumpfile.Kept
	for _, table := range unread {
		kept := k.kept[table]
		tables = append(tables, kept)
		counter.Known(table, kept.Rows, kept.RawBytes)
		r.Progress.Advance(kept.RawBytes)
	}
	if len(tables) > 0 {
		writer.Keep(tables...)
	}
}
