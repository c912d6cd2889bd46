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
	case 1418, 1419:
		text += "; an administrator can run: SET GLOBAL log_bin_trust_function_creators = 1"
	}
	return text
}

// refuses says whether an error is the server's judgement of a statement. It is not where the server has no room, no time
// or no permission left.
func refuses(err error) bool {
	number := mysql.Errno(err)
	return number != 0 && !slices.Contains(conditions, number) && !errors.Is(err, context.Canceled)
}

// conditions are errors of a server, not of a statement: no memory, no space, locks, shutdown, interruptions, a statement's
// time, privileges, read-only servers.
var conditions = []uint16{
	1021, 1030, 1037, 1038, 1041, 1053, 1114, 1135, 1205, 1213, 1290, 1317, 1836, 1927, 1969, 3024, 3100,
	1044, 1045, 1142, 1143, 1227, 1370,
}
