package engine

import (
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// NeedsReader finds out from a dump's definitions what the dump needs of a server.
type NeedsReader interface {
	// Meet reads the next piece of the dump's text.
	Meet(piece sqltext.Piece)
	// Needs returns what has been found so far; nil if that is nothing.
	Needs() *dump.Needs
}

// ReadNeeds returns the reader for dumps of a kind of server. What a dump of PostgreSQL needs only its source can tell: see
// source.Info.
func ReadNeeds(dialect sqltext.Dialect) NeedsReader {
	if dialect == sqltext.MySQL {
		return &rewrite.NeedsReader{}
	}
	return noNeeds{}
}

type noNeeds struct{}

func (noNeeds) Meet(sqltext.Piece) {}

func (noNeeds) Needs() *dump.Needs { return nil }
