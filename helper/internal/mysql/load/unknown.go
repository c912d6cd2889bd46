package load

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// A server may not take a view, a routine, or a check of a table: it is older, of the other family, or has a setting that
// forbids it. The rows matter more. What the server refuses is left out, and a note says so.

// retry makes what it can of a statement that the server has refused. It returns the refusal if that is nothing.
func (l *Load) retry(ctx context.Context, s *rewrite.Statement, refusal error) error {
	if !refuses(refusal) {
		return refusal
	}
	if label := s.Label(); label != "" {
		l.Rewriter.Once.Lose(label, label+" is left out: this server does not take it: "+l.reason(refusal))
		return nil
	}
	if s.Kind == "DATABASE" {
		l.Rewriter.Once.About(string(s.Text), "the dump's database has another default: this server does not take "+string(s.Text)+": "+l.reason(refusal))
		return nil
	}
	if s.Kind == "TABLE" && s.Verb == "ALTER" {
		return l.alterLess(ctx, s, refusal)
	}
	if s.Kind != "TABLE" || s.Verb != "CREATE" {
		return refusal
	}
	err := l.makeLess(ctx, s, refusal)
	if refuses(err) && !l.Server.Config.Part.Includes(s.TableName()) {
		l.unmade[s.TableName()] = true // it stays as it is
		return nil
	}
	return err
}

// collect keeps the refusal of a table until rows would come, or to the end of a dump that comes as one text: by then the refusals of all tables
// are known.
func (l *Load) collect(piece sqltext.Piece, err error) error {
	var refusal *target.LoadError
	if err == nil || !errors.As(err, &refusal) || !refuses(err) {
		return err
	}
	if s := rewrite.Parse(piece.Text); s.Kind == "TABLE" && s.Verb == "CREATE" {
		if l.refused == nil {
			l.refused = &target.TablesError{InChunks: l.inChunks}
		}
		l.refused.Tables = append(l.refused.Tables, s.TableName())
		l.refused.Refusals = append(l.refused.Refusals, err)
		return nil
	}
	switch {
	case l.refused == nil:
		return err
	case !l.inChunks:
		return nil // what failed may need one of these tables, or the rows that do not come any more
	}
	return l.refused // as above
}

// refusedTables returns the error about the tables that the server has refused so far.
func (l *Load) refusedTables() error {
	if l.refused == nil {
		return nil
	}
	return l.refused
}

// makeLess makes a table without those of its optional parts that the server refuses.
func (l *Load) makeLess(ctx context.Context, s *rewrite.Statement, refusal error) error {
	parts := s.Optionals()
	if len(parts) == 0 {
		return refusal
	}
	try := func(without []rewrite.Optional) error { return l.execAdmitted(ctx, s.Without(without).Text) }
	reasons := map[rewrite.Optional]error{}
	left := slices.Clone(parts)
	for _, part := range parts {
		with := slices.DeleteFunc(slices.Clone(left), func(p rewrite.Optional) bool { return p == part })
		err := try(with)
		switch {
		case err == nil:
			left = with
			if err := l.Pool.Exec(ctx, "DROP TABLE "+mysql.QuoteName(s.TableName())); err != nil {
				return err
			}
		case refuses(err):
			reasons[part] = err
		default:
			return err
		}
	}
	if err := try(left); err != nil {
		if refuses(err) {
			return refusal
		}
		return err
	}
	for _, part := range left {
		l.Rewriter.Once.Lose(part.Where+part.Text, part.Where+": this server does not take "+part.Text+", which is left out: "+l.reason(reasons[part]))
	}
	made := s.Without(left)
	l.Rewriter.Redeclare(made)
	return l.hearOf(ctx, made)
}

// alterLess makes the changes of an ALTER TABLE one by one, without those optional ones that the server refuses.
func (l *Load) alterLess(ctx context.Context, s *rewrite.Statement, refusal error) error {
	changes := s.Alterations()
	if mysql.Errno(refusal) == mysql.ErrnoUnknownTable || !slices.ContainsFunc(changes, func(c rewrite.Alteration) bool { return c.Optional || len(c.Optionals()) > 0 }) {
		return refusal
	}
	var made []*rewrite.Statement
	table := "table " + s.TableName()
	for _, change := range changes {
		err := l.execAdmitted(ctx, change.Statement.Text)
		parts := change.Optionals()
		switch {
		case err == nil:
			made = append(made, change.Statement)
		case !refuses(err):
			return err
		case change.Optional:
			l.Rewriter.Once.Lose(table+change.Text, table+": this server does not take "+change.Text+", which is left out: "+l.reason(err))
		case len(parts) > 0:
			less := change.Without(parts)
			if again := l.execAdmitted(ctx, less.Text); again != nil {
				return refusal
			}
			made = append(made, less)
			for _, part := range parts {
				l.Rewriter.Once.Lose(part.Where+part.Text, part.Where+": this server does not take "+part.Text+", which is left out: "+l.reason(err))
			}
		default:
			return refusal
		}
	}
	l.Rewriter.RedeclareAlteration(s.TableName(), made)
	return nil
}

// reason is what the server says of a statement that it refuses, and what an administrator can do.
func (l *Load) reason(refusal error) string {
	text := strings.NewReplacer(mysql.QuoteName(l.Server.Names.Incoming)+".", "", l.Server.Names.Incoming+".", "").Replace(mysql.ServerMessage(refusal))
	switch mysql.Errno(refusal) {
	case mysql.ErrnoUnsafeRoutine, mysql.ErrnoUnsafeDefiner:
		text += "; an administrator can run: SET GLOBAL log_bin_trust_function_creators = 1"
	}
	return text
}

// refuses reports whether an error is the server's judgement of a statement. An error of a storage engine may be about its disk.
func refuses(err error) bool {
	return mysql.IsVerdict(err) && mysql.Errno(err) != mysql.ErrnoStorageEngine && !errors.Is(err, context.Canceled)
}
