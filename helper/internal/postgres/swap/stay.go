package swap

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/load"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// stayPull loads a whole dump into the scratch database, except the rows of some tables, which come from the live
// database. From the moment they are read until the swap, nobody else can write to these tables. If there is no live database yet, or none
// with tables, nothing stays.
type stayPull struct {
	*pull
	source *session.Session // in the live database; its transaction locks the tables that stay. nil if there is no such database
	stay   []existingTable  // in the live database
	rows   map[string]int64 // of the tables that stay, by name
}

// RunChunks reads the rows that stay after loading those of the dump. Keys and triggers follow both.
func (l *stayPull) RunChunks(ctx context.Context, chunks dump.Chunks, progress func(int64)) (sqltext.Stats, error) {
	for _, chunk := range chunks.List() {
		if chunk.Section == dump.Rows && !l.db.Config.Part.Includes(chunk.Table) {
			return sqltext.Stats{}, fmt.Errorf("the dump has rows of table %s, which is not replaced", chunk.Table)
		}
	}
	tail := &load.Tail{Load: l.Load}
	return l.Stages(ctx, chunks, progress, load.Stages{
		Head:  l.Piece,
		Ready: l.open,
		After: l.copyRows,
		Tail:  tail.Piece,
		End: func(ctx context.Context) error {
			if err := tail.Flush(ctx); err != nil {
				return err
			}
			return l.number(ctx)
		},
	})
}

// Run always fails: in a text, the rows of tables that stay cannot be skipped without reading everything before them.
func (l *stayPull) Run(context.Context, io.Reader, sqltext.Dialect, func(int64)) (sqltext.Stats, error) {
	return sqltext.Stats{}, errWithoutIndex
}

// open connects to the live database, and compares the tables that stay with those that the dump has created for
// them.
func (l *stayPull) open(ctx context.Context, stats sqltext.Stats) (err error) {
	db := l.db
	if !db.About.Exists {
		l.tellEmpty(stats)
		return nil
	}
	if l.source, err = db.Connect(ctx, db.Names.Live); err != nil {
		return err
	}
	action := "compare the tables that stay"
	there, err := listTables(ctx, l.source)
	if err != nil {
		return db.Classify(action, err)
	}
	made, err := listTables(ctx, l.Main)
	if err != nil {
		return db.Classify(action, err)
	}
	if len(there) == 0 {
		l.tellEmpty(stats)
	}
	for name := range stats.Tables {
		if _, known := there[name]; !known && len(there) > 0 && !db.Config.Part.Includes(name) && !l.Refused(name) {
			return &target.UnfitError{Table: name, Reason: "it is missing locally"}
		}
	}
	for name, table := range there {
		if db.Config.Part.Includes(name) {
			continue
		}
		new, known := made[name]
		if !known {
			return &target.UnfitError{Table: name, Reason: "it is missing in the dump"}
		}
		if new.partitioned != table.partitioned {
			return &target.UnfitError{Table: name, Reason: "it is partitioned on one side only"}
		}
		if err := load.SameColumns(name, new.columns, table.columns); err != nil {
			return err
		}
		l.stay = append(l.stay, table)
	}
	slices.SortFunc(l.stay, func(a, b existingTable) int { return strings.Compare(a.name, b.name) })
	return nil
}

// tellEmpty says which tables of the dump come without rows, because there are none to keep.
func (l *stayPull) tellEmpty(stats sqltext.Stats) {
	var names []string
	for name := range stats.Tables {
		if !l.db.Config.Part.Includes(name) && !l.Refused(name) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		slices.Sort(names)
		l.db.Config.Note("this is the first pull: the tables that it skips stay empty: " + strings.Join(names, ", "))
	}
}

// patience is how long the site's transactions may delay the locks on tables.
const patience = 20 * time.Second

// copyRows copies the rows of the tables that stay.
func (l *stayPull) copyRows(ctx context.Context) error {
	db := l.db
	if l.source == nil {
		return nil
	}
	if err := unhurried(ctx, l.source); err != nil {
		return db.Classify("prepare a connection", err)
	}
	encoding, err := l.Main.Query(ctx, "SELECT current_setting('client_encoding')")
	if err != nil {
		return db.Classify("ask for the encoding", err)
	}
	var filled []existingTable
	lock := ""
	for _, table := range l.stay {
		if !table.partitioned {
			filled = append(filled, table)
			lock += "; LOCK TABLE ONLY " + table.quoted + " IN SHARE MODE"
		}
	}
	// As pg_dump writes rows.
	err = l.source.Exec(ctx, fmt.Sprintf("SET client_encoding = %s; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET extra_float_digits = 3;"+
		" SET row_security = off; SET lock_timeout = %d; BEGIN%s", postgres.QuoteText(encoding[0][0]), patience.Milliseconds(), lock))
	if postgres.SQLState(err) == postgres.LockNotAvailable {
		return &target.BusyError{Name: db.Names.Live, Holder: "a transaction that has written to tables that stay"}
	}
	if err != nil {
		return db.Classify("lock the tables that stay", err)
	}
	l.rows = map[string]int64{}
	for _, table := range filled {
		if l.rows[table.name], err = l.copyTable(ctx, table); err != nil {
			return unfit(l.Failed(ctx, load.Statement{Piece: sqltext.Piece{Kind: sqltext.Rows, Table: table.name}}, err))
		}
	}
	target.OnStep("rows that stay copied")
	return nil
}

// copyTable copies the rows of a table out of the live database.
func (l *stayPull) copyTable(ctx context.Context, table existingTable) (rows int64, err error) {
	var quoted []string
	for _, column := range table.columns {
		quoted = append(quoted, postgres.QuoteIdentifier(column))
	}
	what := "COPY " + table.quoted
	if len(quoted) > 0 {
		what += " (" + strings.Join(quoted, ", ") + ")"
	}
	reader, writer := io.Pipe()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		_, err := l.source.Conn.CopyTo(ctx, writer, what+" TO STDOUT")
		_ = writer.CloseWithError(err)
		return err
	})
	group.Go(func() error {
		tag, err := postgres.CopyFrom(ctx, l.Main.Conn, reader, what+" FROM STDIN")
		_ = reader.CloseWithError(err)
		rows = tag.RowsAffected()
		return err
	})
	return rows, group.Wait()
}

// number sets the sequences of the tables that stay to their values in the live database.
func (l *stayPull) number(ctx context.Context) error {
	if l.source == nil {
		return nil
	}
	action := "set the sequences of the tables that stay"
	sequences, err := sequences(ctx, l.source, l.stay)
	if err != nil {
		return l.db.Classify(action, err)
	}
	for _, sequence := range sequences {
		rows, err := l.source.Query(ctx, "SELECT last_value, is_called FROM "+sequence.quoted)
		if err != nil {
			return l.db.Classify(action, err)
		}
		_, err = l.Main.Query(ctx, "SELECT setval($1::regclass, $2::bigint, $3::boolean)", sequence.quoted, rows[0][0], rows[0][1])
		if postgres.SQLState(err) == postgres.UndefinedTable {
			return &target.UnfitError{Table: sequence.table, Reason: "sequence " + sequence.name + ", which belongs to it locally, is not in the dump"}
		}
		if err != nil {
			return l.db.Classify(action, err)
		}
	}
	return nil
}

func (l *stayPull) Compare(ctx context.Context, stats sqltext.Stats) error {
	tables := map[string]int64{}
	for table, rows := range stats.Tables {
		if came, stays := l.rows[table]; stays {
			rows = came
		}
		tables[table] = rows
	}
	stats.Tables = tables
	return l.Load.Compare(ctx, stats)
}

// Swap keeps the provenance of the live database.
func (l *stayPull) Swap(ctx context.Context, _ target.Dump) error {
	db, n := l.db, l.db.Names
	if l.source == nil {
		return l.pull.Swap(ctx, target.Dump{}) // what it holds is no dump
	}
	if err := db.settle(ctx, l.Load); err != nil {
		return err
	}
	_, last, err := tableNumbers(ctx, l.Main)
	l.Main.Close()
	if err != nil {
		return db.Classify("number the tables of the dump", err)
	}
	first, _, err := tableNumbers(ctx, l.source)
	if err != nil {
		return db.Classify("number the tables", err)
	}
	if l.guard, err = db.Connect(ctx, db.Maintenance); err != nil {
		return err
	}
	if err := db.exclude(ctx, l.guard, l.source); err != nil {
		return err
	}
	return db.swap(ctx, l.Lock, turn{
		by: l.guard, renames: afterGuard(n),
		holds: func(was target.Provenance) target.Provenance {
			if !was.Describes(first) {
				was = target.Provenance{Hold: was.Hold} // of no known dump
			}
			return target.Provenance{Dump: was.Dump, LastTable: last, Hold: was.Hold}
		},
	})
}

// exclude makes a guard rename the live database and keep its transaction open. last is the only session that may
// stay until nobody else is or can be connected. So nobody has written to the tables that it has locked. It is then
// closed.
func (db *Database) exclude(ctx context.Context, guard, last *session.Session) error {
	if err := unhurried(ctx, guard); err != nil {
		return db.Classify("prepare a connection", err)
	}
	watch, err := db.Connect(ctx, db.Maintenance)
	if err != nil {
		return err
	}
	defer watch.Close()
	pid := strconv.FormatUint(uint64(last.Conn.PID()), 10)
	return db.alone(ctx, "keep others out of database "+db.Names.Live, watch, func(ctx context.Context) error {
		group, trying := errgroup.WithContext(ctx)
		group.Go(func() error { // the server locks the database first, and then waits for five seconds
			return guard.Exec(ctx, "BEGIN; "+renaming(rename{db.Names.Live, db.Names.Spare}))
		})
		group.Go(func() error {
			for trying.Err() == nil { // or the guard has given up
				rows, err := watch.Query(ctx, "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1::int AND granted AND locktype = 'object' AND mode = 'AccessExclusiveLock'"+
					" AND classid = 'pg_database'::regclass AND objid = (SELECT oid FROM pg_database WHERE datname = $2))"+
					" AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = $2 AND pid <> $3::int)",
					strconv.FormatUint(uint64(guard.Conn.PID()), 10), db.Names.Live, pid)
				if err != nil {
					return err
				}
				if rows[0][0] == "t" {
					last.Close()
					return nil
				}
				_ = session.Pause(trying, 5*time.Millisecond)
			}
			return nil
		})
		err := group.Wait()
		if err != nil {
			_ = guard.Exec(context.WithoutCancel(ctx), "ROLLBACK")
		}
		return err
	}, pid)
}

func (l *stayPull) Discard() error {
	if l.source != nil {
		l.source.Close()
	}
	return l.pull.Discard()
}
