package personal

import (
	"regexp"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
)

// Many tables have values of all kinds in one column, and what they are in another one: meta_key and meta_value, name and value. There each name
// is a column of its own.

var (
	keyColumn   = regexp.MustCompile(`(^| )(key|name|option name|setting|attribute)$`)
	valueColumn = regexp.MustCompile(`(^| )(value|data)$`)
)

// mostKeys bounds how many names of one table are told apart.
const mostKeys = 2000

// keyOf returns the columns with the names and with the values of such a table; "" if it is none.
func keyOf(columns []rules.Column) (key, value string) {
	for _, column := range columns {
		words := plainWords(column.Name)
		switch {
		case valueColumn.MatchString(words) && value == "":
			value = column.Name
		case keyColumn.MatchString(words) && key == "":
			key = column.Name
		}
	}
	if key == "" || value == "" || len(columns) > 8 {
		return "", ""
	}
	return key, value
}

// keyed is what the sample shows of a column whose values have names in another column.
type keyed struct {
	table  rules.Table
	column rules.Column
	key    string
	names  []string // in the order in which they came
	of     map[string]*profile
}

// add looks at a value with that name.
func (k *keyed) add(known rules.Rules, name string, value []byte) {
	p := k.of[name]
	if p == nil {
		if len(k.names) == mostKeys || known.ClassifiesWhen(k.table, k.column.Name, k.key, name) {
			return
		}
		p = newProfile("", name, k.column.Kind)
		k.of[name], k.names = p, append(k.names, name)
	}
	p.add(value)
}

// findings are the names whose values look personal.
func (k *keyed) findings(s *Scan) (found []Finding) {
	slices.Sort(k.names)
	for _, name := range k.names {
		if f, is := k.of[name].finding(); is {
			f.Table, f.Column, f.When = k.table.Name, k.column.Name, &When{k.key, name}
			f.Masker = s.suggest(k.column, f.Kind, k.of[name])
			found = append(found, f)
		}
	}
	return found
}
