package swap

import (
	"context"
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// detach drops, from the tables of the dump, the foreign keys that lead out of the scratch database. It returns the
// objects of the dump without the foreign keys that cannot be made here.
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
		delete(l.Definitions, o.Table)
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

// settle says whether a foreign key that leads out of the dump can be made in the live database, and notes what the
// user should know about it.
func (l *pull) settle(ctx context.Context, e extent, key object) (bool, error) {
	n := l.db.Names
	database, table := key.reach()
	named := fmt.Sprintf("foreign key %s of table %s", key.Name, key.Table)
	lose := func(which string) {
		l.Rewriter.Once.Lose(named, named+" is left out: it refers to table "+which)
	}
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
			lose(table + ", which stays and is not in the dump")
			return false, nil
		case !comes:
			l.Rewriter.Once.About(named, fmt.Sprintf("%s refers to table %s, which the dump lacks: the key is kept, so no row that refers to that table can be added",
				named, table))
		}
		return true, nil
	}
	if n.Has(database) {
		lose(database + "." + table + ", but the local database of that name is a different one")
		return false, nil
	}
	there, err := l.Lock.HasTable(ctx, database, table)
	if err == nil && !there {
		lose(database + "." + table + ", which does not exist here")
	}
	if err == nil && there && l.db.Config.Strict {
		return true, l.tryKey(ctx, key, lose)
	}
	return there, err
}

// tryKey finds out whether the server takes a foreign key to another database, with an empty copy of its table.
func (l *pull) tryKey(ctx context.Context, key object, lose func(string)) error {
	n := l.db.Names
	if err := l.Lock.CreateBeside(ctx, n.Live, n.Spare); err != nil {
		return err
	}
	trial := mysql.QuoteName(n.Spare) + "." + mysql.QuoteName(key.Table)
	_, adds, _ := strings.Cut(key.SQL, " ADD ")
	database, table := key.reach()
	for _, statement := range []string{
		"DROP TABLE IF EXISTS " + trial,
		"CREATE TABLE " + trial + " LIKE " + mysql.QuoteQualified(n.Incoming, key.Table),
		"ALTER TABLE " + trial + " ADD " + adds,
		"DROP TABLE " + trial,
	} {
		err := l.Lock.Exec(ctx, statement)
		if mysql.Errno(err) != 0 && strings.HasPrefix(statement, "ALTER") {
			lose(database + "." + table + ", and this server does not take it: " + mysql.ServerMessage(err))
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// loseKeys finds the foreign keys that the swap will leave out.
func (l *pull) loseKeys(ctx context.Context) error {
	n := l.db.Names
	e, err := l.db.extent(ctx, l.Lock)
	if err != nil {
		return err
	}
	if err := l.Lock.Exec(ctx, "USE "+mysql.QuoteName(n.Incoming)); err != nil {
		return err
	}
	keys, err := outgoing(ctx, l.Lock, n.Incoming)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if !e.carries(key) {
			continue
		}
		if key, err = l.ownReference(ctx, key); err != nil {
			return err
		}
		if _, err := l.settle(ctx, e, key); err != nil {
			return err
		}
	}
	return nil
}

// ownReference returns a foreign key of the dump with the table that it referred to on staging, if it was loaded with
// a stand-in for that table's name. Until the dump has named its own database, it is unclear whether the key refers
// to another one. The key belongs to the dump's own database if the dump has such a table and this server has no such
// database.
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
