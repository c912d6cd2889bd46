package load

import (
	"bytes"
	"context"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
)

// A definition takes the server less time than the way to it and a transaction of its own. So definitions wait until there are many, and are
// executed together, in one transaction. If one of them fails, nothing of them has happened, and they are executed one after the other.

// waitingStatement is a statement that is executed together with others.
type waitingStatement struct {
	Statement
	first string // its first words
	text  []byte // as the server takes it
}

// These limit what waits: the server keeps a lock for each table until the transaction ends.
const (
	mostWaiting      = 100
	mostWaitingBytes = 256 << 10
)

// patient are the beginnings of statements that only succeed or fail, whatever comes next.
var patient = []string{
	"CREATE TABLE ", "CREATE UNLOGGED TABLE ", "CREATE SEQUENCE ", "CREATE VIEW ", "CREATE TYPE ", "CREATE FUNCTION ", "CREATE INDEX ",
	"CREATE UNIQUE INDEX ", "CREATE TRIGGER ", "ALTER TABLE ", "ALTER SEQUENCE ", "ALTER INDEX ", "COMMENT ON TABLE ", "COMMENT ON COLUMN ",
	"COMMENT ON VIEW ", "COMMENT ON INDEX ", "COMMENT ON SEQUENCE ", "COMMENT ON FUNCTION ", "COMMENT ON TYPE ", "COMMENT ON CONSTRAINT ",
	"SELECT PG_CATALOG.SETVAL",
}

// waits says whether a statement may be executed later. A transaction of the dump decides itself what belongs together.
func (l *Load) waits(first string, text []byte) bool {
	if l.Main.Conn.TxStatus() != 'I' || len(text) > mostWaitingBytes || !readsAsWe(l.Main) {
		return false
	}
	for _, beginning := range patient {
		if strings.HasPrefix(first+" ", beginning) {
			return true
		}
	}
	return false
}

// readsAsWe reports whether the session's server sees the ends of texts where this program sees them, so that several statements can be sent
// as one text.
func readsAsWe(s *session.Session) bool {
	return s.Conn.ParameterStatus("standard_conforming_strings") == "on" && s.Conn.ParameterStatus("client_encoding") == "UTF8"
}

// inOne executes statements in one transaction, and reports whether that succeeded. If not, nothing of them has happened. The server must read
// them as this program does.
func inOne(ctx context.Context, s *session.Session, texts []string) bool {
	return s.Exec(ctx, strings.Join(texts, ";\n")) == nil
}

// wait puts a statement to those that are executed together.
func (l *Load) wait(ctx context.Context, statement Statement, first string, text []byte) error {
	text = bytes.Clone(text) // the splitter uses its buffer again
	statement.Text, statement.Raw = bytes.Clone(statement.Text), nil
	l.waiting = append(l.waiting, waitingStatement{statement, first, text})
	l.waitingBytes += len(text)
	if len(l.waiting) < mostWaiting && l.waitingBytes < mostWaitingBytes {
		return nil
	}
	return l.flush(ctx)
}

// flush executes what waits.
func (l *Load) flush(ctx context.Context) error {
	waiting := l.waiting
	l.waiting, l.waitingBytes = nil, 0
	if len(waiting) > 1 {
		var texts []string
		for _, one := range waiting {
			texts = append(texts, string(one.text))
		}
		if inOne(ctx, l.Main, texts) {
			return nil
		}
	}
	for _, one := range waiting {
		if err := l.defineNow(ctx, one.Statement, one.first, one.text); err != nil {
			return err
		}
	}
	return nil
}
