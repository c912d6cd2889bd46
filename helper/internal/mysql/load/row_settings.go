package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// rowSettings are the settings of the pool's sessions while tables are made and filled: all that may lie in a table goes
// in as it is, and what does not is warned of. They take the place of the dump's own settings, which the views, triggers
// and routines that it makes remember, and come back for these.
type rowSettings struct {
	on          bool
	mode, notes string // the dump's own
}

// modesAgainstRows are those that keep values out which a table can hold nevertheless: TRADITIONAL stands for others,
// which the server lists as well. modesForRows let such values in.
var (
	modesAgainstRows = []string{"NO_ZERO_DATE", "NO_ZERO_IN_DATE", "TRADITIONAL"}
	modesForRows     = []string{"ALLOW_INVALID_DATES", "NO_AUTO_VALUE_ON_ZERO"}
)

// modeForRows gives the sql_mode for rows where the dump has set another one.
func modeForRows(mode string) string {
	modes := slices.DeleteFunc(strings.Split(mode, ","), func(m string) bool { return m == "" || slices.Contains(modesAgainstRows, m) })
	for _, m := range modesForRows {
		if !slices.Contains(modes, m) {
			modes = append(modes, m)
		}
	}
	return strings.Join(modes, ",")
}

// prepareForRows makes those settings that the dumps of no tool change.
func (l *Load) prepareForRows(ctx context.Context) error {
	for _, setting := range []string{
		// Warnings are listed, all of them.
		fmt.Sprintf("SET SESSION max_error_count = %d", mostWarnings),
		// Rows may be older than the constraint.
		"SET SESSION check_constraint_checks = 0",
		// A table may have its history when its keys come.
		"SET SESSION system_versioning_alter_history = KEEP",
	} {
		// Not each server knows each of them, and lets this account set it.
		if err := l.Pool.Everywhere(ctx, setting); err != nil && mysql.ErrorNumber(err) == 0 {
			return l.Server.Explain("prepare for rows", err)
		}
	}
	if err := l.Pool.Sessions[0].Conn.QueryRowContext(ctx, "SELECT @@max_error_count").Scan(&l.warnings.listed); err != nil {
		return l.Server.Explain("prepare for rows", err)
	}
	if l.warnings.listed == 0 {
		return &target.SettingError{Name: "max_error_count", Value: "0", Err: errUnheard}
	}
	return nil
}

// errUnheard is what becomes of warnings that a server does not list.
var errUnheard = errors.New("warnings of rows that are loaded would not be heard")

// forRows has tables made and filled from now on.
func (l *Load) forRows(ctx context.Context) error {
	if l.settings.on {
		return nil
	}
	if err := l.Pool.Wait(); err != nil {
		return err
	}
	rows, err := l.Pool.Sessions[0].Table(ctx, "SELECT @@sql_mode AS mode, @@sql_notes AS notes")
	if err != nil {
		return err
	}
	own := rowSettings{true, rows[0]["mode"], rows[0]["notes"]}
	if err := l.Pool.Everywhere(ctx, "SET SESSION sql_mode = "+mysql.QuoteText(modeForRows(own.mode))+", sql_notes = 1"); err != nil {
		return err
	}
	l.settings = own
	return nil
}

// forObjects goes back to the settings that the dump has made.
func (l *Load) forObjects(ctx context.Context) error {
	if !l.settings.on {
		return nil
	}
	l.settings.on = false
	return l.Pool.Everywhere(ctx, "SET SESSION sql_mode = "+mysql.QuoteText(l.settings.mode)+", sql_notes = "+l.settings.notes)
}

// settingsFor makes the settings for a statement without rows.
func (l *Load) settingsFor(ctx context.Context, s *rewrite.Statement) error {
	switch {
	case s.Kind == "TABLE" && s.Verb != "DROP":
		return l.forRows(ctx)
	case s.Verb == "SET" && s.Find("SQL_MODE", "SQL_NOTES") >= 0, s.Verb == "CREATE" && s.Kind != "INDEX":
		return l.forObjects(ctx)
	}
	return nil
}
