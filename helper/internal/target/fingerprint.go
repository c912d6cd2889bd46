package target

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A database was changed if it is not what it was when it took the live one's place: a fingerprint is taken then, of what
// nobody else has seen yet, and compared later. What cannot be told counts as changed.

// Fingerprint is what a database was like.
type Fingerprint struct {
	Tables map[string]TablePrint `json:"tables"`
	// Objects are hashes of the definitions of everything that is no table, by kind and name.
	Objects map[string]string `json:"objects"`
	// Transaction is the number that PostgreSQL gives its next transaction: rows with a higher one, or that, are younger. 0 elsewhere.
	Transaction int64 `json:"transaction,omitempty"`
	// Running means that there were transactions with lower numbers that may still write.
	Running bool
}

// Sum gives the checksum of a table of MySQL or MariaDB, 0 where it is not known.
func (f *Fingerprint) Sum(table string) uint32 {
	if f == nil {
		return 0
	}
	sum, _ := strconv.ParseUint(f.Tables[table].Rows, 10, 32)
	return uint32(sum)
}

// TablePrint is what a table was like.
type TablePrint struct {
	Definition string `json:"definition"` // hash of it
	// Rows is CHECKSUM TABLE of MySQL and MariaDB, how many there are of PostgreSQL; "" where rows do not count.
	Rows string `json:"rows,omitempty"`
}

// Changes says what became of a database since a pull put it there, or since Release.
type Changes struct {
	// Unknown means that nobody can tell: it came by other means, or what would tell is missing.
	Unknown bool `json:"unknown,omitempty"`
	// Names are tables, and views and the like with what they are in front ("view v").
	Names []string `json:"names,omitempty"`
	// More means that there may be others: not everything was looked at.
	More bool `json:"more,omitempty"`
}

// Changed says whether the database may not be taken for what was pulled.
func (c Changes) Changed() bool { return c.Unknown || len(c.Names) > 0 }

// And gives these changes together with others of before; there may be none.
func (c Changes) And(before *Changes) Changes {
	if before == nil {
		return c
	}
	c.Unknown, c.More = c.Unknown || before.Unknown, c.More || before.More
	c.Names = slices.Concat(c.Names, before.Names)
	slices.Sort(c.Names)
	c.Names = slices.Compact(c.Names)
	return c
}

// SearchPatience is for how long more changes are looked for once one was found: names help people, one is enough to decide. Tests
// have more of it.
var SearchPatience = 300 * time.Millisecond

// Hash of a definition. It is to find differences, and kept for each table.
func Hash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:12])
}

// DefinitionChanges lists what of a database has another definition than in the fingerprint, is new or is gone. Tables whose rows do not
// count may come and go: programs make their caches when they need them.
func (f Fingerprint) DefinitionChanges(now Fingerprint, withoutRows func(string) bool) []string {
	var names []string
	for name, table := range now.Tables {
		was, known := f.Tables[name]
		if known && was.Definition != table.Definition || !known && !withoutRows(name) {
			names = append(names, name)
		}
	}
	for name, was := range f.Tables {
		if _, present := now.Tables[name]; !present && was.Rows != "" {
			names = append(names, name)
		}
	}
	for name, definition := range now.Objects {
		if f.Objects[name] != definition {
			names = append(names, name)
		}
	}
	for name := range f.Objects {
		if _, present := now.Objects[name]; !present {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// CompareRows has look say of one table after the other whether its rows have changed, the smallest first, and adds those to what is known.
// Once there is one, it goes on for as long as patience says.
func (f Fingerprint) CompareRows(found *Changes, sizes map[string]int64, patience time.Duration, look func(table string, was TablePrint) (changed bool, err error)) error {
	var tables []string
	for name, was := range f.Tables {
		if was.Rows != "" && !slices.Contains(found.Names, name) {
			tables = append(tables, name)
		}
	}
	slices.SortFunc(tables, func(a, b string) int { return cmp.Or(cmp.Compare(sizes[a], sizes[b]), cmp.Compare(a, b)) })
	began := time.Now()
	for _, name := range tables {
		if len(found.Names) > 0 && time.Since(began) >= patience {
			found.More = true
			break
		}
		changed, err := look(name, f.Tables[name])
		if err != nil {
			return err
		}
		if changed {
			found.Names = append(found.Names, name)
		}
	}
	slices.Sort(found.Names)
	return nil
}
