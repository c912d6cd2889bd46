package localdb

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// postgresStay is a whole dump on its way into the scratch database, but for the rows of some tables, which come from the
// live database. From when they are read until the swap nobody else writes to these tables.
type postgresStay struct {
	*postgresPull
	source *pgSession       // in the live database; its transaction locks the tables that stay
	stay   []pgTable        // in the live database
	rows   map[string]int64 // of the tables that stay, by name
}

// RunChunks reads the rows that stay when those of the dump are there: keys and triggers come after both.
func (l *postgresStay) RunChunks(ctx context.Context, chunks Chunks, progress func(int64)) (sqltext.Stats, error) {
	for _, chunk := range chunks.List() {
		if chunk.Section == Rows && !l.db.config.Part.has(chunk.Table) {
			return sqltext.Stats{}, fmt.Errorf("the dump brings rows of table %s, which stays", chunk.Table)
		}
	}
	tail := &pgTail{load: l.postgresLoad}
	return l.stages(ctx, chunks, progress, pgStages{
		head:  l.piece,
		ready: l.open,
		after: l.bring,
		tail:  tail.piece,
		end: func(ctx context.Context) error {
			if err := tail.flush(ctx); err != nil {
				return err
			}
			return l.number(ctx)
		},
	})
}

// Run fails: rows that stay cannot be told from others before they have been read.
func (l *postgresStay) Run(context.Context, io.Reader, sqltext.Dialect, func(int64)) (sqltext.Stats, error) {
	return sqltext.Stats{}, errWithoutIndex
}

// open connects to the live database and compares the tables that stay with those that the dump has made for them.
func (l *postgresStay) open(ctx context.Context, stats sqltext.Stats) (err error) {
	db := l.db
	if !db.info.Exists {
		return ErrNoDatabase
	}
	if l.source, err = db.connect(ctx, db.names.live); err != nil {
		return err
	}
	action := "compare the tables that stay"
	there, err := l.source.ownTables(ctx)
	if err != nil {
		return db.explain(action, err)
	}
	made, err := l.load.ownTables(ctx)
	if err != nil {
		return db.explain(action, err)
	}
	for name := range stats.Tables {
		if _, known := there[name]; !known && !db.config.Part.has(name) {
			return &UnfitError{Table: name, Reason: "it is missing locally"}
		}
	}
	for name, table := range there {
		if db.config.Part.has(name) {
			continue
		}
		new, known := made[name]
		if !known {
			return &UnfitError{Table: name, Reason: "it is missing in the dump"}
		}
		if new.partitioned != table.partitioned {
			return &UnfitError{Table: name, Reason: "it is partitioned on one side only"}
		}
		if err := sameColumns(name, new.columns, table.columns); err != nil {
			return err
		}
		l.stay = append(l.stay, table)
	}
	slices.SortFunc(l.stay, func(a, b pgTable) int { return strings.Compare(a.name, b.name) })
	return nil
}

// patience is how long the site's transactions may keep tables from being locked.
const patience = 20 * time.Second

// bring copies the rows of the tables that stay.
func (l *postgresStay) bring(ctx context.Context) error {
	db := l.db
	if err := l.source.unhurried(ctx); err != nil {
		return db.explain("prepare a connection", err)
	}
	encoding, err := l.load.query(ctx, "SELECT current_setting('client_encoding')")
	if err != nil {
		return db.explain("ask for the encoding", err)
	}
	var filled []pgTable
	lock := ""
	for _, table := range l.stay {
		if !table.partitioned {
			filled = append(filled, table)
			lock += "; LOCK TABLE ONLY " + table.quoted + " IN SHARE MODE"
		}
	}
	// As pg_dump writes rows.
	err = l.source.exec(ctx, fmt.Sprintf("SET client_encoding = %s; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET extra_float_digits = 3;"+
		" SET row_security = off; SET lock_timeout = %d; BEGIN%s", quoteText(encoding[0][0]), patience.Milliseconds(), lock))
	if code(err) == pgLockTimeout {
		return &BusyError{Name: db.names.live, Holder: "a transaction that has written to tables that stay"}
	}
	if err != nil {
		return db.explain("lock the tables that stay", err)
	}
	l.rows = map[string]int64{}
	for _, table := range filled {
		if l.rows[table.name], err = l.copyTable(ctx, table); err != nil {
			return unfit(l.failed(ctx, pgStatement{Piece: sqltext.Piece{Kind: sqltext.Rows, Table: table.name}}, err))
		}
	}
	onStep("rows that stay copied")
	return nil
}

// copyTable copies the rows of a table out of the live database.
func (l *postgresStay) copyTable(ctx context.Context, table pgTable) (rows int64, err error) {
	var quoted []string
	for _, column := range table.columns {
		quoted = append(quoted, quoteIdentifier(column))
	}
	what := "COPY " + table.quoted
	if len(quoted) > 0 {
		what += " (" + strings.Join(quoted, ", ") + ")"
	}
	reader, writer := io.Pipe()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		_, err := l.source.conn.CopyTo(ctx, writer, what+" TO STDOUT")
		_ = writer.CloseWithError(err)
		return err
	})
	group.Go(func() error {
		tag, err := l.load.conn.CopyFrom(ctx, reader, what+" FROM STDIN")
		_ = reader.CloseWithError(err)
		rows = tag.RowsAffected()
		return err
	})
	return rows, group.Wait()
}

// number brings the sequences of the tables that stay to where they stand.
func (l *postgresStay) number(ctx context.Context) error {
	action := "set the sequences of the tables that stay"
	sequences, err := l.source.sequences(ctx, l.stay)
	if err != nil {
		return l.db.explain(action, err)
	}
	for _, sequence := range sequences {
		rows, err := l.source.query(ctx, "SELECT last_value, is_called FROM "+sequence.quoted)
		if err != nil {
			return l.db.explain(action, err)
		}
		_, err = l.load.query(ctx, "SELECT setval($1::regclass, $2::bigint, $3::boolean)", sequence.quoted, rows[0][0], rows[0][1])
		if code(err) == pgUndefinedTable {
			return &UnfitError{Table: sequence.table, Reason: "sequence " + sequence.name + ", which belongs to it locally, is not in the dump"}
		}
		if err != nil {
			return l.db.explain(action, err)
		}
	}
	return nil
}

func (l *postgresStay) Compare(ctx context.Context, stats sqltext.Stats) error {
	tables := map[string]int64{}
	for table, rows := range stats.Tables {
		if came, stays := l.rows[table]; stays {
			rows = came
		}
		tables[table] = rows
	}
	stats.Tables = tables
	return l.postgresLoad.Compare(ctx, stats)
}

// Swap leaves it at what the live database is said to hold.
func (l *postgresStay) Swap(ctx context.Context, _ Dump) error {
	db, n := l.db, l.db.names
	_, last, err := l.load.tableNumbers(ctx)
	l.load.close()
	if err != nil {
		return db.explain("number the tables of the dump", err)
	}
	first, _, err := l.source.tableNumbers(ctx)
	if err != nil {
		return db.explain("number the tables", err)
	}
	if l.guard, err = db.connect(ctx, db.maintenance); err != nil {
		return err
	}
	if err := db.exclude(ctx, l.guard, l.source); err != nil {
		return err
	}
	return db.swap(ctx, l.lock, turn{
		by: l.guard, renames: afterGuard(n),
		holds: func(was record) record {
			if !was.describes(first) {
				was = record{Hold: was.Hold} // of no dump that is known
			}
			return record{Dump: was.Dump, LastTable: last, Hold: was.Hold}
		},
	})
}

// exclude has a guard rename the live database, and keep its transaction open. last is the only session that may stay
// until nobody else is there or can come: what it has locked nobody has written to then. It is closed.
func (db *postgresDatabase) exclude(ctx context.Context, guard, last *pgSession) error {
	if err := guard.unhurried(ctx); err != nil {
		return db.explain("prepare a connection", err)
	}
	watch, err := db.connect(ctx, db.maintenance)
	if err != nil {
		return err
	}
	defer watch.close()
	pid := strconv.FormatUint(uint64(last.conn.PID()), 10)
	return db.alone(ctx, "keep others out of database "+db.names.live, watch, func(ctx context.Context) error {
		group, trying := errgroup.WithContext(ctx)
		group.Go(func() error { // the server locks the database first, and then waits for five seconds
			return guard.exec(ctx, "BEGIN; "+renaming(rename{db.names.live, db.names.spare}))
		})
		group.Go(func() error {
			for trying.Err() == nil { // or the guard has given up
				rows, err := watch.query(ctx, "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1::int AND granted AND locktype = 'object' AND mode = 'AccessExclusiveLock'"+
					" AND classid = 'pg_database'::regclass AND objid = (SELECT oid FROM pg_database WHERE datname = $2))"+
					" AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = $2 AND pid <> $3::int)",
					strconv.FormatUint(uint64(guard.conn.PID()), 10), db.names.live, pid)
				if err != nil {
					return err
				}
				if rows[0][0] == "t" {
					last.close()
					return nil
				}
				_ = pause(trying, 5*time.Millisecond)
			}
			return nil
		})
		err := group.Wait()
		if err != nil {
			_ = guard.exec(context.WithoutCancel(ctx), "ROLLBACK")
		}
		return err
	}, pid)
}

func (l *postgresStay) Discard() error {
	if l.source != nil {
		l.source.close()
	}
	return l.postgresPull.Discard()
}
