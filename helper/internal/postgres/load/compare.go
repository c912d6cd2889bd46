package load

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Compare counts what has been loaded: see target.Load.
func (l *Load) Compare(ctx context.Context, stats sqltext.Stats) error {
	if stats.Header != "" && !stats.Complete {
		return target.ErrIncomplete
	}
	if err := cmp.Or(l.refusedTables(), l.ended()); err != nil {
		return err
	}
	// To plan a count, the server looks at the functions of indexes.
	if err := l.asTheSite(ctx, true); err != nil {
		return err
	}
	if err := l.compareRows(ctx, stats); err != nil {
		return err
	}
	if l.Before != nil {
		if err := l.Before(ctx, l.Main); err != nil {
			return err
		}
	}
	if err := l.asTheSite(ctx, false); err != nil {
		return err
	}
	if err := l.guard(ctx); err != nil {
		return err
	}
	if err := l.handOver(ctx); err != nil {
		return err
	}
	if lost := l.once.Lost(); l.Server.Config.Strict && len(lost) > 0 {
		return &target.StrictError{Lost: lost}
	}
	return nil
}

// compareRows compares the rows of all tables with those of the dump.
func (l *Load) compareRows(ctx context.Context, stats sqltext.Stats) error {
	there, err := l.listCounted(ctx)
	if err != nil {
		return l.Server.Classify("list the tables", err)
	}
	// The rows of a partitioned table are those of its partitions, and a dump may fill either.
	type tree struct {
		name string
		want int64
	}
	trees := map[string]*tree{}
	for table, want := range stats.Tables {
		if l.unmade[table] {
			continue
		}
		found, is := there.find(table)
		if !is {
			return &target.MismatchError{Table: table, Want: want, Got: -1}
		}
		t := trees[found.relation]
		if t == nil {
			t = &tree{name: table}
			trees[found.relation] = t
		}
		if want < 0 || t.want < 0 || found.mixed {
			t.want = -1
		} else {
			t.want += want
		}
	}
	var relations []string
	for relation, t := range trees {
		if t.want >= 0 {
			relations = append(relations, relation)
		}
	}
	return l.Main.CountEach(ctx, relations, func(i int, got string, err error) error {
		t := trees[relations[i]]
		if err != nil {
			return l.Server.Classify("count the rows of table "+t.name, err)
		}
		if got != fmt.Sprint(t.want) {
			e := &target.MismatchError{Table: t.name, Want: t.want}
			_, _ = fmt.Sscan(got, &e.Got)
			return e
		}
		return nil
	})
}

// counted is what to count for a table of the dump: the table alone, or the whole partitioned table that it belongs to. mixed means that it
// also has rows that are not the dump's, from an extension or a foreign server.
type counted struct {
	relation string
	mixed    bool
}

// countedTables are those of the database, by schema and name.
type countedTables map[[2]string]counted

// listCounted lists the tables, and what else has rows.
func (l *Load) listCounted(ctx context.Context) (countedTables, error) {
	rows, err := l.Main.Query(ctx, "SELECT own.nspname, c.relname, format('%s%I.%I', CASE WHEN r.relkind = 'p' THEN '' ELSE 'ONLY ' END, n.nspname, r.relname),"+
		" EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'e')"+
		" OR "+hasForeignPartition+
		" FROM pg_class c JOIN pg_class r ON r.oid = "+partitionRoot+" JOIN pg_namespace n ON n.oid = r.relnamespace"+
		" JOIN pg_namespace own ON own.oid = c.relnamespace"+
		" WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')")
	all := countedTables{}
	for _, row := range rows {
		all[[2]string{row[0], row[1]}] = counted{row[2], row[3] == "t"}
	}
	return all, err
}

// find looks for a table by the name that it has in the dump.
func (c countedTables) find(table string) (counted, bool) {
	if schema, name, qualified := sqltext.SplitName(table); qualified {
		if found, is := c.findIn(schema, name); is {
			return found, true
		}
	}
	return c.findIn("public", table)
}

// findIn looks for a table as it is written, and as the server writes what is not quoted.
func (c countedTables) findIn(schema, name string) (counted, bool) {
	for _, name := range []string{name, strings.ToLower(name)} {
		for _, schema := range []string{schema, strings.ToLower(schema)} {
			if found, is := c[[2]string{schema, name}]; is {
				return found, true
			}
		}
	}
	return counted{}, false
}
