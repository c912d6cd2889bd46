// Package rewrite changes a dump's statements so that a PostgreSQL server of another major version takes them.
package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Newest is the newest major version whose statements are known here. A server that is as new takes them as they are.
const Newest = 18

// Rewriter rewrites the statements of one dump.
type Rewriter struct {
	server int // its major version
	once   *target.Once
	// gone has the constraints that the database will not have, as table and name.
	gone map[[2]string]bool
	// partitioned has the partitioned tables.
	partitioned map[string]bool
}

// New returns a Rewriter for a server of a major version. What the server will not have as it is in the dump is told through once.
func New(server int, once *target.Once) *Rewriter {
	return &Rewriter{server: server, once: once, gone: map[[2]string]bool{}, partitioned: map[string]bool{}}
}

// rule is what has to be done for servers before a version.
type rule struct {
	before int
	apply  func(*statement)
}

// Statement returns the statements to execute instead of one of the dump's; none if it is left out.
func (r *Rewriter) Statement(text []byte) [][]byte {
	first := sqltext.NextToken(text, 0, sqltext.Postgres)
	if !first.Is(text, "CREATE") && !first.Is(text, "ALTER") && !first.Is(text, "COMMENT") {
		return [][]byte{text}
	}
	s := r.read(text)
	for _, rule := range rules {
		if r.server < rule.before && !s.leftOut {
			s.since = rule.before
			rule.apply(s)
		}
	}
	if s.leftOut {
		return nil
	}
	if len(s.removed) > 0 {
		s.removeItems()
	}
	if r.server >= anycompatibleSince {
		anycompatible(s)
	}
	return append([][]byte{s.edits.Apply(text)}, s.more...)
}

// statement is a statement that is being rewritten.
type statement struct {
	postgres.Statement
	rewriter *Rewriter
	edits    sqltext.Edits
	list     int      // the token that opens the list from which items are removed
	removed  [][2]int // these, as their first and last tokens
	more     [][]byte // statements to execute afterwards
	leftOut  bool
	since    int // the version that knows what the rule at work is about
}

func (r *Rewriter) read(text []byte) *statement {
	return &statement{Statement: postgres.ReadStatement(text), rewriter: r}
}

// closing returns the token that closes the parenthesis at token i.
func (s *statement) closing(i int) int {
	for end := i + 1; end < len(s.Tokens); end++ {
		if s.Depths[end] == s.Depths[i] {
			return end
		}
	}
	return len(s.Tokens) - 1
}

func (s *statement) name(i int) string { return s.Tokens[i].Name(s.Text) }

// raw is the text from token i up to token end, which is included.
func (s *statement) raw(i, end int) string {
	return string(s.Text[s.Tokens[i].Start:s.Tokens[end].End])
}

// replace replaces the tokens from i up to end, which is included, and the space before them if nothing comes instead.
func (s *statement) replace(i, end int, text string) {
	start := s.Tokens[i].Start
	if text == "" && i > 0 {
		start = s.Tokens[i-1].End
	}
	s.edits.Replace(start, s.Tokens[end].End, text)
}

// removeItem removes an item of the list that opens at token i.
func (s *statement) removeItem(i int, item [2]int) {
	s.list = i
	s.removed = append(s.removed, item)
}

// removeItems removes items with the commas between them: each with the one before it, and the first ones with the one behind them.
func (s *statement) removeItems() {
	kept := false
	for _, item := range s.items(s.list) {
		switch {
		case !slices.Contains(s.removed, item):
			kept = true
		case kept:
			s.replace(item[0]-1, item[1], "")
		case s.Is(item[1]+1, ","):
			s.replace(item[0], item[1]+1, "")
		default:
			s.replace(item[0], item[1], "")
		}
	}
}

// items returns the items of the list that opens at token i, each as its first and its last token.
func (s *statement) items(i int) (items [][2]int) {
	end := s.closing(i)
	for start, at := i+1, i+1; at <= end; at++ {
		if at < end && !(s.Depths[at] == s.Depths[i]+1 && s.Is(at, ",")) {
			continue
		}
		if at > start {
			items = append(items, [2]int{start, at - 1})
		}
		start = at + 1
	}
	return items
}

// kinds are the kinds of objects about which there are rules.
var kinds = []string{"table", "materialized view", "view", "index", "function", "procedure", "sequence", "collation", "statistics", "type", "trigger", "aggregate"}

// subject is the object that the statement is about, for the user.
func (s *statement) subject() string {
	for at := 1; s.IsName(at); at++ {
		for _, kind := range kinds {
			words := strings.Fields(kind)
			if !s.Is(at, words...) {
				continue
			}
			return kind + " " + s.qualified(s.skip(at+len(words), "IF", "NOT", "EXISTS", "ONLY"))
		}
	}
	return target.Excerpt(s.Text)
}

// skip returns the first token from i on that is none of some keywords.
func (s *statement) skip(i int, words ...string) int {
	for i < len(s.Tokens) && slices.ContainsFunc(words, func(word string) bool { return s.Is(i, word) }) {
		i++
	}
	return i
}

// qualified is the name, of one or more parts, that begins at token i.
func (s *statement) qualified(i int) string {
	if i >= len(s.Tokens) {
		return ""
	}
	parts, _, _ := sqltext.QualifiedName(s.Text, s.Tokens[i].Start, sqltext.Postgres)
	return sqltext.JoinName(parts)
}

// table is the table that the statement creates or alters, as it is written and for the user.
func (s *statement) table() (written, name string) {
	at := s.skip(s.Find(0, 0, "TABLE")+1, "IF", "NOT", "EXISTS", "ONLY")
	if at >= len(s.Tokens) {
		return "", ""
	}
	_, start, end := sqltext.QualifiedName(s.Text, s.Tokens[at].Start, sqltext.Postgres)
	return string(s.Text[start:end]), s.qualified(at)
}

// lose tells what the database will not have as it is in the dump.
func (s *statement) lose(what, instead string) {
	subject := s.subject()
	s.rewriter.once.Lose(subject+"\x00"+what, fmt.Sprintf("%s: this server does not know %s (PostgreSQL %d), %s", subject, what, s.since, instead))
}

// leaveOut leaves the statement out.
func (s *statement) leaveOut(what string) {
	s.lose(what, "so it is left out")
	s.leftOut = true
}
