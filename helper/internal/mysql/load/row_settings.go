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

// rowSettings are the settings of the pool's sessions while tables are created and filled. Everything that a table
// can store goes in unchanged, and everything else causes a warning. They replace the dump's own settings. Views,
// triggers and routines remember the settings under which they were made, so the dump's settings return for them.
type rowSettings struct {
	on          bool
	mode, notes string // the dump's own
}

// modesAgainstRows are the modes that reject values which a table can store. TRADITIONAL stands for other modes,
// which the server lists as well. modesForRows accept such values.
var (
	modesAgainstRows = []string{"NO_ZERO_DATE", "NO_ZERO_IN_DATE", "TRADITIONAL"}
	modesForRows     = []string{"ALLOW_INVALID_DATES", "NO_AUTO_VALUE_ON_ZERO"}
)

// modeForRows returns the sql_mode for rows, given the dump's own.
func modeForRows(mode string) string {
	modes := slices.DeleteFunc(strings.Split(mode, ","), func(m string) bool { return m == "" || slices.Contains(modesAgainstRows, m) })
	for _, m := range modesForRows {
		if !slices.Contains(modes, m) {
			modes = append(modes, m)
		}
	}
	return strings.Join(modes, ",")
}

// prepareForRows makes the settings that no tool's dumps change.
func (l *Load) prepareForRows(ctx context.Context) error {
	for _, setting := range []string{
		// List all warnings.
		fmt.Sprintf("SET SESSION max_error_count = %d", mostWarnings),
		// Rows may be older than the constraint.
		"SET SESSION check_constraint_checks = 0",
		// A table may already have its history when its keys are added.
		"SET SESSION system_versioning_alter_history = KEEP",
	} {
		// A server may not know a setting, or may not let this account change it.
		if err := l.Pool.Everywhere(ctx, setting); err != nil && mysql.Errno(err) == 0 {
			return l.Server.Classify("prepare for rows", err)
		}
	}
	if err := l.Pool.Sessions[0].Conn.QueryRowContext(ctx, "SELECT @@max_error_count").Scan(&l.warnings.listed); err != nil {
		return l.Server.Classify("prepare for rows", err)
	}
	if l.warnings.listed == 0 {
		return &target.SettingError{Name: "max_error_count", Value: "0", Err: errUnheard}
	}
	return nil
}

// errUnheard means that the server would not list warnings about rows.
var errUnheard = errors.New("warnings of rows that are loaded would not be heard")

// forRows prepares the sessions for creating and filling tables.
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

// forObjects returns to the dump's own settings.
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
