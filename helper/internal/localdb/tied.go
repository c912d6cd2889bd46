package localdb

import "slices"

// reference is a foreign key: a table refers to another one.
type reference struct{ from, to string }

// tied makes the error for the first foreign key that may not be, with all tables that would have to be of the part.
func tied(all []reference, has func(table string) bool, refused func(reference) bool) error {
	first := slices.IndexFunc(all, refused)
	if first < 0 {
		return nil
	}
	e := &ForeignKeyError{Table: all[first].from, Refers: all[first].to, Replaced: has(all[first].from)}
	would := func(table string) bool { return has(table) || slices.Contains(e.Missing, table) }
	for more := true; more; {
		more = false
		for _, r := range all {
			if would(r.from) != would(r.to) {
				missing := r.from
				if would(missing) {
					missing = r.to
				}
				e.Missing, more = append(e.Missing, missing), true
			}
		}
	}
	slices.Sort(e.Missing)
	return e
}
