package target

import "slices"

// Reference is a foreign key: a table refers to another one.
type Reference struct{ From, To string }

// Tied makes the error for the first foreign key that may not be, with all tables that would have to be of the part.
func Tied(all []Reference, has func(table string) bool, refused func(Reference) bool) error {
	first := slices.IndexFunc(all, refused)
	if first < 0 {
		return nil
	}
	e := &ForeignKeyError{Table: all[first].From, Refers: all[first].To, Replaced: has(all[first].From)}
	would := func(table string) bool { return has(table) || slices.Contains(e.Missing, table) }
	for more := true; more; {
		more = false
		for _, r := range all {
			if would(r.From) != would(r.To) {
				missing := r.From
				if would(missing) {
					missing = r.To
				}
				e.Missing, more = append(e.Missing, missing), true
			}
		}
	}
	slices.Sort(e.Missing)
	return e
}
