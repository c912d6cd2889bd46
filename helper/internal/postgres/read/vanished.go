package read

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// A site may make and drop things while it is dumped. The dump is that of one moment, so what was made since does not matter. What was dropped
// before it could be read takes another snapshot.

// errVanished means that a query met something that was dropped meanwhile.
var errVanished = errors.New("a table has gone")

// isVanished reports whether an error is about something that was there a moment ago.
func isVanished(err error) bool {
	if errors.Is(err, errVanished) || errors.Is(err, source.ErrDefinitionChanged) {
		return true
	}
	if postgres.SQLState(err) == "" {
		return false
	}
	return postgres.IsUnknown(err) || source.ReasonOf([]string{postgres.ServerMessage(err)}) == source.ErrDefinitionChanged //nolint:errorlint // a sentinel itself
}

// inspectTries is how often the database is looked at if things vanish meanwhile.
const inspectTries = 5

// dropped are pg_dump's words for something that it has seen in the catalogs, and that is gone.
var dropped = regexp.MustCompile(`ERROR:  (relation|schema) ".*" does not exist|with OID \d+ does not exist`)

// snapshotGone recognizes that something was dropped before pg_dump could lock it, or that the server has ended the session with the snapshot, as
// a standby does to undo what the snapshot needs.
func snapshotGone(err error) error {
	var client *source.ClientError
	if !errors.As(err, &client) {
		return err
	}
	if said := strings.Join(client.Stderr, " "); strings.Contains(said, "invalid snapshot identifier") || dropped.MatchString(said) {
		return source.Failure("read the definitions", source.ErrDefinitionChanged, errors.New(said))
	}
	return err
}

// Where something was dropped while a dump was made, its next try reads the definitions first, and repeats that until nothing was dropped meanwhile.
// Then it reads the tables that have come since the program looked first: these are the most likely ones to go.
const (
	definitionTries = 30
	definitionPause = 150 * time.Millisecond
)

// readDefinitions waits for pg_dump, unless others wait for it.
func (s *snapshot) readDefinitions(ctx context.Context) error {
	return s.watched(ctx, func(ctx context.Context) error {
		archive, err := s.archive.wait(ctx)
		if err != nil || archive == nil {
			return err
		}
		s.defined = true
		return s.sameCatalog(ctx)
	})
}

// newcomersFirst moves the tables to the front that the program did not see when it looked first.
func (p *Server) newcomersFirst(tables []*readTable) {
	slices.SortStableFunc(tables, func(a, b *readTable) int {
		switch aKnown, bKnown := p.known[a.from.relationName], p.known[b.from.relationName]; {
		case aKnown == bKnown:
			return 0
		case bKnown:
			return -1
		}
		return 1
	})
}
