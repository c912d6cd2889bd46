package load

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// buildStatement is a statement that builds an index or checks a foreign key.
type buildStatement struct {
	Statement
	tables    []string          // the tables that it locks, as schema.table
	exclusive bool              // nothing else may be built on them at the same time
	foreign   bool              // it checks a foreign key, and so needs the keys
	size      int64             // of the largest of its tables, in bytes
	parts     []*buildStatement // builds that are executed together, if it is no statement of its own
}

// Builds of small tables are executed together: a transaction for each would take longer than the work.
const (
	smallBuild   = 1 << 20 // the largest such table, in bytes
	buildsAtOnce = 25
)

// together puts the builds of small tables together. All builds are of foreign keys, or none is. The builds of a table keep their order.
func together(builds []*buildStatement) []*buildStatement {
	var all []*buildStatement
	var small []*buildStatement
	for _, build := range builds {
		if build.size > smallBuild {
			all = append(all, build)
		} else {
			small = append(small, build)
		}
	}
	slices.SortStableFunc(small, func(a, b *buildStatement) int { return strings.Compare(a.tables[0], b.tables[0]) })
	for len(small) > 0 {
		n := min(buildsAtOnce, len(small))
		for n < len(small) && small[n].tables[0] == small[n-1].tables[0] {
			n++
		}
		group := &buildStatement{exclusive: true, parts: small[:n]}
		for _, part := range group.parts {
			for _, table := range part.tables {
				if !slices.Contains(group.tables, table) {
					group.tables = append(group.tables, table)
				}
			}
		}
		all, small = append(all, group), small[n:]
	}
	return all
}

// The forms in which pg_dump writes builds. The last name of each is the table.
var (
	indexStatements = []string{
		"CREATE INDEX * ON * USING", "CREATE INDEX * ON ONLY * USING",
		"CREATE UNIQUE INDEX * ON * USING", "CREATE UNIQUE INDEX * ON ONLY * USING",
	}
	keyStatements = []string{
		"ALTER TABLE ONLY * ADD CONSTRAINT * PRIMARY KEY", "ALTER TABLE ONLY * ADD CONSTRAINT * UNIQUE", "ALTER TABLE ONLY * ADD CONSTRAINT * EXCLUDE",
	}
	foreignKeyStatements = []string{"ALTER TABLE ONLY * ADD CONSTRAINT * FOREIGN KEY", "ALTER TABLE * ADD CONSTRAINT * FOREIGN KEY"}
)

// readBuild reads a statement; nil if it cannot run beside others.
func readBuild(text []byte) *buildStatement {
	for _, form := range indexStatements {
		if names, _, is := Match(text, form); is {
			return &buildStatement{tables: names[1:]}
		}
	}
	for _, form := range keyStatements {
		if names, _, is := Match(text, form); is {
			return &buildStatement{tables: names[:1], exclusive: true}
		}
	}
	for _, form := range foreignKeyStatements {
		if names, end, is := Match(text, form); is {
			if other := referenced(text, end); other != "" {
				return &buildStatement{tables: []string{names[0], other}, exclusive: true, foreign: true}
			}
		}
	}
	return nil
}

// referenced returns the table that a foreign key refers to; "" if that is unclear. The key's columns begin at at.
func referenced(text []byte, at int) string {
	for token := sqltext.NextToken(text, at, sqltext.Postgres); token.Kind != sqltext.End; token = sqltext.NextToken(text, token.End, sqltext.Postgres) {
		if token.IsSymbol(text, ')') {
			names, _, _ := Match(text[token.End:], "REFERENCES *")
			return strings.Join(names, "")
		}
	}
	return ""
}

// Match reads the beginning of a statement. A form is keywords, with a * for each name. Match returns the names, and
// where the form ends in the text.
func Match(text []byte, form string) (names []string, end int, is bool) {
	for word := range strings.FieldsSeq(form) {
		if word == "*" {
			parts, _, after := sqltext.QualifiedName(text, end, sqltext.Postgres)
			if len(parts) == 0 {
				return nil, 0, false
			}
			names, end = append(names, sqltext.JoinName(parts)), after
			continue
		}
		token := sqltext.NextToken(text, end, sqltext.Postgres)
		if !token.Is(text, word) {
			return nil, 0, false
		}
		end = token.End
	}
	return names, end, true
}

// buildQueue hands out builds so that no session waits for another one's locks while it could do something else.
type buildQueue struct {
	mutex   sync.Mutex
	changed sync.Cond
	waiting []*buildStatement
	builds  map[string]int  // running, by table
	closed  map[string]bool // tables with a running exclusive build
}

func newBuildQueue(builds []*buildStatement) *buildQueue {
	q := &buildQueue{waiting: slices.Clone(builds), builds: map[string]int{}, closed: map[string]bool{}}
	q.changed.L = &q.mutex
	return q
}

// take returns the first build that nothing blocks, and waits for one if necessary. It returns nil if none is left,
// or if the context has ended. Call done afterwards.
func (q *buildQueue) take(ctx context.Context) *buildStatement {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for len(q.waiting) > 0 && ctx.Err() == nil {
		for i, build := range q.waiting {
			if q.free(build) {
				q.waiting = slices.Delete(q.waiting, i, i+1)
				q.enter(build, 1)
				return build
			}
		}
		q.changed.Wait()
	}
	return nil
}

func (q *buildQueue) free(build *buildStatement) bool {
	for _, table := range build.tables {
		if q.closed[table] || build.exclusive && q.builds[table] > 0 {
			return false
		}
	}
	return true
}

func (q *buildQueue) enter(build *buildStatement, by int) {
	for _, table := range build.tables {
		q.builds[table] += by
		q.closed[table] = build.exclusive && by > 0
	}
}

// done reports that a build has ended, with or without success.
func (q *buildQueue) done(build *buildStatement) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.enter(build, -1)
	q.changed.Broadcast()
}
