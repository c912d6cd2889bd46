package load

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/admit"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// The views, triggers, routines and events of a dump may do anything that their definer may. So they are made when all rows are in: no
// trigger fires while rows are added, no row is added through a view, and no statement of the dump can call a routine.

// object is a statement of the dump that makes or drops one of these.
type object struct {
	piece    sqltext.Piece
	number   int64 // of the statement
	text     []byte
	kind     string
	name     string
	settings []string
}

// objectKinds are what is made last.
var objectKinds = []string{"VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "PACKAGE"}

const packageBody = "PACKAGE BODY"

// objectKind returns the kind of the object that a statement makes or drops.
func objectKind(s *rewrite.Statement) string {
	if s.Kind == "PACKAGE" && s.Word(s.Find("PACKAGE")+1) == "BODY" {
		return packageBody
	}
	return s.Kind
}

// objectSettings are the settings of a session that an object remembers, or that its text is read with. The last one is that of the
// database.
var objectSettings = []string{"sql_mode", "character_set_client", "character_set_results", "collation_connection", "time_zone", "collation_database"}

// putOff puts off a statement that makes an object, or drops one that was put off.
func (l *Load) putOff(ctx context.Context, piece sqltext.Piece, text []byte) (done bool, err error) {
	s := rewrite.Parse(text)
	if !slices.Contains(objectKinds, s.Kind) {
		return false, nil
	}
	switch s.Verb {
	case "DROP":
		if !l.putOffBefore(s) {
			return s.Find("EXISTS") >= 0, nil // nothing is there yet
		}
		settings := l.objects[len(l.objects)-1].settings
		l.objects = append(l.objects, l.objectOf(piece, text, s, settings))
		return true, nil
	case "CREATE":
		settings, err := l.objectSettings(ctx)
		if err != nil {
			return false, err
		}
		if err := l.admits(text); err != nil {
			return false, err
		}
		l.objects = append(l.objects, l.objectOf(piece, text, s, settings))
		return true, nil
	}
	return false, nil
}

// objectOf keeps a statement and what belongs to it.
func (l *Load) objectOf(piece sqltext.Piece, text []byte, s *rewrite.Statement, settings []string) object {
	piece.Text, piece.Raw = bytes.Clone(piece.Text), nil
	return object{piece, l.statements, bytes.Clone(text), objectKind(s), s.ObjectName(), settings}
}

// putOffBefore reports whether a DROP names an object that was put off. Dumps make stand-ins for views that need one another, and drop each
// when its turn has come.
func (l *Load) putOffBefore(s *rewrite.Statement) bool {
	kind := objectKind(s)
	return slices.ContainsFunc(l.objects, func(o object) bool {
		named := slices.ContainsFunc(s.Tokens, func(t sqltext.Token) bool { return strings.EqualFold(o.name, t.Name(s.Text)) })
		return named && (o.kind == kind || kind == "PACKAGE" && o.kind == packageBody)
	})
}

// objectSettings asks the first session for the settings that the dump has made for an object.
func (l *Load) objectSettings(ctx context.Context) ([]string, error) {
	if err := l.forObjects(ctx); err != nil {
		return nil, err
	}
	if err := l.Pool.Wait(); err != nil {
		return nil, err
	}
	rows, err := l.Pool.Sessions[0].Table(ctx, "SELECT @@"+strings.Join(objectSettings, ", @@"))
	if err != nil {
		return nil, err
	}
	var values []string
	for _, name := range objectSettings {
		values = append(values, rows[0]["@@"+name])
	}
	return values, nil
}

// makeObjects makes what was put off, in the order of the dump and under the settings that the dump has made for each.
func (l *Load) makeObjects(ctx context.Context) error {
	if len(l.objects) == 0 && len(l.Rewriter.Numbered) == 0 {
		return nil
	}
	own, err := l.objectSettings(ctx)
	if err != nil {
		return l.Server.Classify("ask for the settings of the dump", err)
	}
	back, err := l.asOwnAccount(ctx)
	if err != nil {
		return err
	}
	defer back()
	if err := l.setNumbers(ctx); err != nil {
		return err
	}
	now, err := l.objectSettings(ctx)
	if err != nil {
		return l.Server.Classify("ask for the settings of the session", err)
	}
	l.judge.Mode = admit.ModeOf(now[0], now[1])
	become := func(settings []string) error {
		err := l.become(ctx, now, settings)
		now = settings
		return err
	}
	for _, o := range l.objects {
		err := become(o.settings)
		if err == nil {
			err = l.statement(ctx, o.text)
		}
		if err := l.collect(o.piece, l.failedAt(ctx, o.piece, o.number, err)); err != nil {
			return err
		}
	}
	l.objects = nil
	return l.Server.Classify("return to the settings of the dump", become(own))
}

// become gives the first session other settings.
func (l *Load) become(ctx context.Context, from, to []string) error {
	var changes []string
	last := len(objectSettings) - 1
	for i, name := range objectSettings[:last] {
		switch {
		case from[i] == to[i]:
		case to[i] == "":
			changes = append(changes, name+" = "+emptySetting(name))
		default:
			changes = append(changes, name+" = "+mysql.QuoteText(to[i]))
		}
	}
	s := l.Pool.Sessions[0]
	if len(changes) > 0 {
		if err := s.Exec(ctx, "SET SESSION "+strings.Join(changes, ", ")); err != nil {
			return err
		}
		l.judge.Mode = admit.ModeOf(to[0], to[1])
	}
	if from[last] == to[last] {
		return nil
	}
	return s.Exec(ctx, "ALTER DATABASE COLLATE "+to[last])
}

// emptySetting is the value of a setting that reads as an empty text or as NULL.
func emptySetting(name string) string {
	if name == "character_set_results" {
		return "NULL"
	}
	return "''"
}
