package localdb

import (
	"context"
	"fmt"
	"strings"
)

// elsewherePrefix begins the names that stand for tables of other databases while a dump is being loaded.
const elsewherePrefix = journalPrefix + "elsewhere_"

// elsewhere has the tables of other databases to which foreign keys of a dump refer. Until the swap, the keys refer to tables of names that
// stand for them, which are nowhere: no key may lead from the scratch database to a database that is at work.
type elsewhere struct{ places []place }

// standIn gives the name that stands for a table.
func (e *elsewhere) standIn(p place) string {
	for i, known := range e.places {
		if known == p {
			return fmt.Sprintf("%s%d", elsewherePrefix, i+1)
		}
	}
	e.places = append(e.places, p)
	return fmt.Sprintf("%s%d", elsewherePrefix, len(e.places))
}

// place says for which table a name stands.
func (e *elsewhere) place(name string) (p place, is bool) {
	for i, known := range e.places {
		if name == fmt.Sprintf("%s%d", elsewherePrefix, i+1) {
			return known, true
		}
	}
	return place{}, false
}

// ownReference gives a foreign key of the dump that refers to what it did on staging, where it was loaded with a name that stands for
// that. Before the dump has told the name of its own database nobody knows whether another one is meant: it is the dump's own where the
// dump has such a table, and this server no such database.
func (l *mysqlLoad) ownReference(ctx context.Context, key object) (object, error) {
	_, standIn := key.reach()
	p, is := l.rewriter.elsewhere.place(standIn)
	if !is {
		return key, nil
	}
	own := strings.EqualFold(p.database, l.rewriter.database)
	if l.rewriter.database == "" {
		there, err := l.lock.exists(ctx, p.database)
		if err != nil {
			return key, err
		}
		if !there {
			if own, err = l.lock.hasTable(ctx, l.db.names.incoming, p.table); err != nil {
				return key, err
			}
		}
	}
	if own {
		return key.referringTo("", p.table), nil
	}
	return key.referringTo(p.database, p.table), nil
}
