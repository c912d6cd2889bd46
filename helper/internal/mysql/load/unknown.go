package load

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
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
	if s.Kind == "TABLE" && s.Verb == "CREATE" {
		return l.makeLess(ctx, s, refusal)
	}
	return refusal
}

// makeLess makes a table without those of its optional parts that the server refuses.
func (l *Load) makeLess(ctx context.Context, s *rewrite.Statement, refusal error) error {
	parts := s.Optionals()
	if len(parts) == 0 {
		return refusal
	}
	try := func(without []rewrite.Optional) error { return l.Pool.Exec(ctx, string(s.Without(without).Text)) }
	var reasons []error
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
		case !refuses(err):
			return err
		}
		reasons = append(reasons, err)
	}
	if err := try(left); err != nil {
		if refuses(err) {
			return refusal
		}
		return err
	}
	for _, part := range left {
		at := slices.Index(parts, part)
		reason := reasons[at]
		if reason == nil {
			reason = refusal
		}
		l.Rewriter.Once.Lose(part.Where+part.Text, part.Where+": this server does not take "+part.Text+", which is left out: "+l.reason(reason))
	}
	made := s.Without(left)
	l.Rewriter.Redeclare(made)
	return l.hearOf(ctx, made)
}

// reason is what the server says of a statement that it refuses, and what an administrator can do.
func (l *Load) reason(refusal error) string {
	text := strings.ReplaceAll(mysql.ServerMessage(refusal), l.Server.Names.Incoming+".", "")
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
