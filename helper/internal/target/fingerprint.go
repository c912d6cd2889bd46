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

// A fingerprint of a database is taken when it becomes the live one, before anybody else can see it. If a later
// fingerprint differs, the database was changed. What cannot be determined counts as changed.

// Fingerprint describes the state of a database.
type Fingerprint struct {
	Tables map[string]TablePrint `json:"tables"`
	// Objects are hashes of the definitions of everything but tables, by kind and name.
	Objects map[string]string `json:"objects"`
	// Transaction is the number of PostgreSQL's next transaction: rows with this number or a higher one are younger.
	// 0 for other engines.
	Transaction int64 `json:"transaction,omitempty"`
	// Running means that transactions with lower numbers were still running and may still write.
	Running bool
}

// Sum returns the checksum of a table of MySQL or MariaDB, 0 if it is unknown.
func (f *Fingerprint) Sum(table string) uint32 {
	if f == nil {
		return 0
	}
	sum, _ := strconv.ParseUint(f.Tables[table].Rows, 10, 32)
	return uint32(sum)
}

// TablePrint describes the state of a table.
type TablePrint struct {
	Definition string `json:"definition"` // a hash of it
	// Rows is CHECKSUM TABLE for MySQL and MariaDB, and the number of rows for PostgreSQL; "" if the rows do not
	// count.
	Rows string `json:"rows,omitempty"`
}

// Changes says what has changed in a database since its pull, or since Release.
type Changes struct {
	// Unknown means that this cannot be determined: the database was not pulled, or something needed is missing.
	Unknown bool `json:"unknown,omitempty"`
	// Names are the changed tables; other objects have their kind in front ("view v").
	Names []string `json:"names,omitempty"`
	// More means that there may be other changes: the search ended early.
	More bool `json:"more,omitempty"`
}

// Changed reports whether the database may differ from what was pulled.
func (c Changes) Changed() bool { return c.Unknown || len(c.Names) > 0 }

// And adds the changes that were found earlier, if any.
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
