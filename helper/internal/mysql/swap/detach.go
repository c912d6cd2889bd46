package swap

import (
	"context"
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// detach takes off the tables of the dump what foreign keys lead out of the scratch database, and gives the objects of the dump without
// those that nothing here can be tied by.
func (l *pull) detach(ctx context.Context, e extent, objects []object) ([]object, error) {
	n := l.db.Names
	var kept []object
	for _, o := range objects {
		if o.Kind != foreignKey {
			kept = append(kept, o)
			continue
		}
		if err := dropForeignKey(ctx, l.Lock, n.Incoming, o.Table, o.Name); err != nil {
			return nil, err
		}
		target.OnStep("foreign key taken off")
		if !e.carries(o) {
			continue
		}
		key, err := l.ownReference(ctx, o)
		if err != nil {
			return nil, err
		}
		fits, err := l.settle(ctx, e, key)
		if err != nil {
			return nil, err
		}
		if fits {
			kept = append(kept, key)
		}
	}
	return kept, nil
}

// settle says whether a foreign key of the dump, which leads out of it, can be made in the live database, and tells the user what is to
// be known of it.
func (l *pull) settle(ctx context.Context, e extent, key object) (bool, error) {
	n, note := l.db.Names, l.db.Config.Note
	database, table := key.reach()
	leftOut := fmt.Sprintf("foreign key %s of table %s is left out: it refers to table ", key.Name, key.Table)
	if database == "" {
		stays := false
		if !e.isAll() && !e.has(table) {
			var err error
			if stays, err = l.Lock.HasTable(ctx, n.Live, table); err != nil {
				return false, err
			}
		}
		comes, err := l.Lock.HasTable(ctx, n.Incoming, table)
		switch {
		case err != nil:
			return false, err
		case stays:
			note(leftOut + table + ", which the dump lacks and which stays")
			return false, nil
		case !comes:
			note(fmt.Sprintf("foreign key %s of table %s refers to table %s, which the dump lacks: it is kept, and no row that needs it can be added",
				key.Name, key.Table, table))
		}
		return true, nil
	}
	if n.Has(database) {
		note(leftOut + database + "." + table + ", and the database of that name here is another one")
		return false, nil
	}
	there, err := l.Lock.HasTable(ctx, database, table)
	if err == nil && !there {
		note(leftOut + database + "." + table + ", which is not there")
	}
	return there, err
}

// ownReference gives a foreign key of the dump that refers to what it did on staging, where it was loaded with a name that stands for
// that. Before the dump has told the name of its own database nobody knows whether another one is meant: it is the dump's own where the
// dump has such a table, and this server no such database.
func (l *pull) ownReference(ctx context.Context, key object) (object, error) {
	_, standIn := key.reach()
	p, is := l.Rewriter.Elsewhere.Resolve(standIn)
	if !is {
		return key, nil
	}
	own := strings.EqualFold(p.Database, l.Rewriter.Database)
	if l.Rewriter.Database == "" {
		there, err := l.Lock.Exists(ctx, p.Database)
		if err != nil {
			return key, err
		}
		if !there {
			if own, err = l.Lock.HasTable(ctx, l.db.Names.Incoming, p.Table); err != nil {
				return key, err
			}
		}
	}
	if own {
		return key.referringTo("", p.Table), nil
	}
	return key.referringTo(p.Database, p.Table), nil
}
