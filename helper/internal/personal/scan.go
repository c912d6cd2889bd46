package personal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mask"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
)

// Finding is a column that looks personal.
type Finding struct {
	Table      string     `json:"table"`
	Column     string     `json:"column"`
	When       *When      `json:"when,omitempty"` // nil stands for all rows
	Kind       Kind       `json:"kind"`
	Confidence Confidence `json:"confidence"`
	// Hits is how many of the sampled values that are not empty show it.
	Hits    int `json:"hits"`
	Sampled int `json:"sampled"`
	// ByName says that the column's name stands for it.
	ByName bool `json:"by_name"`
	// Example is the shape of a value: letters are x, digits 9.
	Example string `json:"example"`
	// Masker is what rules.yaml may have for the column; "" if only structure_only or exclude helps.
	Masker string `json:"masker"`
}

// When are the rows in which another column has a value.
type When struct {
	Column string `json:"column"`
	Value  string `json:"value"`
}

// Name is table.column, as rules call the column.
func (f Finding) Name() string { return f.Table + "." + f.Column }

// Place is the column, and the rows if they are not all.
func (f Finding) Place() string {
	if f.When == nil {
		return f.Name()
	}
	return f.Name() + " (" + f.When.Column + " " + f.When.Value + ")"
}

// Scan takes the sample of a database and finds what looks personal and has no rule.
type Scan struct {
	Rules rules.Rules

	// Tables and Columns are how many were looked at, and Classified how many columns have a rule or a reason, and were not.
	Tables, Columns, Classified int

	findings []Finding
	harmless []string
	table    rules.Table
	columns  []rules.Column
	profiles []*profile // nil for columns whose values only say what others are
	key      int        // of the columns, the one with the names of values; -1 if there is none
	keyed    *keyed     // the one with these values
	value    int
}

// Table begins a table, and returns of which columns the sample is wanted; none if the table is of no interest.
func (s *Scan) Table(table rules.Table) []string {
	s.table, s.columns, s.profiles, s.key, s.keyed = table, nil, nil, -1, nil
	key, value := keyOf(table.Columns)
	var names []string
	for _, column := range table.Columns {
		switch {
		case column.Generated:
			continue
		case s.Rules.Classifies(table, column.Name):
			s.Classified++
			continue
		case !wanted(column):
			s.harmless = append(s.harmless, table.Name+"."+column.Name)
			continue
		}
		if column.Name == value {
			s.keyed, s.value = &keyed{table: table, column: column, key: key, of: map[string]*profile{}}, len(names)
		}
		names = append(names, column.Name)
		s.columns, s.profiles = append(s.columns, column), append(s.profiles, newProfile(table.Name, column.Name, column.Kind))
	}
	s.Tables++
	s.Columns += len(names)
	if s.keyed != nil {
		if s.key = slices.Index(names, key); s.key < 0 {
			s.key, names, s.profiles = len(names), append(names, key), append(s.profiles, nil)
		}
		s.profiles[s.value] = nil
	}
	return names
}

// wanted says whether a column can have personal values. Numbers have some only if their name says so.
func wanted(column rules.Column) bool {
	switch column.Kind {
	case mask.Text, mask.Binary, mask.JSON, mask.Inet, mask.Network, mask.Date, mask.DateTime:
		return true
	case mask.Integer, mask.Decimal:
		switch kindOf(column.Name) {
		case Phone, NationalNumber, BankAccount, Card:
			return true
		}
	case mask.Labels, mask.Other: // also what ENUM and domains are
		return kindOf(column.Name) == Special
	}
	return false
}

// Row takes the values of a row, in the order of the columns that are wanted; nil is NULL.
func (s *Scan) Row(values [][]byte) {
	for i, value := range values {
		value = value[:min(len(value), longestValue)]
		switch {
		case s.keyed != nil && i == s.value:
			s.keyed.add(s.Rules, string(values[s.key]), value)
		case s.profiles[i] != nil:
			s.profiles[i].add(value)
		}
	}
}

// Done ends a table.
func (s *Scan) Done() {
	if s.keyed != nil {
		found := s.keyed.findings(s)
		if s.findings = append(s.findings, found...); len(found) == 0 {
			s.harmless = append(s.harmless, s.table.Name+"."+s.keyed.column.Name)
		}
	}
	for i, p := range s.profiles {
		if p == nil {
			continue
		}
		if f, is := p.finding(); is {
			f.Table, f.Column = s.table.Name, s.columns[i].Name
			f.Masker = s.suggest(s.columns[i], f.Kind, p)
			s.findings = append(s.findings, f)
		} else {
			s.harmless = append(s.harmless, s.table.Name+"."+s.columns[i].Name)
		}
	}
}

// Harmless are the columns that do not look personal and have no rule either, as table.column.
func (s *Scan) Harmless() []string { return s.harmless }

// Findings are the columns that look personal, the surest ones first.
func (s *Scan) Findings() []Finding {
	order := []Confidence{High, Medium, Low}
	slices.SortStableFunc(s.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Confidence), slices.Index(order, b.Confidence)), cmp.Compare(a.Place(), b.Place()))
	})
	return s.findings
}

// finding is what the sample says about the column; false if it looks harmless.
func (p *profile) finding() (Finding, bool) {
	best := Finding{}
	offer := func(kind Kind, confidence Confidence, hits int, byName bool) {
		f := Finding{Kind: kind, Confidence: confidence, Hits: hits, Sampled: p.sampled, ByName: byName, Example: p.example[kind]}
		order := []Confidence{"", Low, Medium, High}
		if slices.Index(order, confidence) > slices.Index(order, best.Confidence) {
			best = f
		}
	}
	if p.sampled == 0 {
		return best, false
	}
	if share := float64(p.fitting) / float64(p.sampled); p.named != "" && share > 0 {
		switch {
		case proven[p.named]:
			offer(p.named, confidence(share, 0.1, 0), p.fitting, true)
		case p.named == FreeText, p.named == Special:
			offer(p.named, confidence(share, 2, 0.3), p.fitting, true)
		default:
			offer(p.named, confidence(share, 0.7, 0.3), p.fitting, true)
		}
	}
	for _, kind := range kinds {
		hits := p.hits[kind]
		share := float64(hits) / float64(p.sampled)
		switch {
		case hits == 0:
		case kind == BirthDate:
			if p.early && share >= 0.8 {
				offer(kind, Medium, hits, false)
			}
		case kind == Card || kind == NationalNumber: // one number in ten has the right digit by chance
			if share >= 0.5 {
				offer(kind, confidence(share, 0.9, 0.5), hits, false)
			}
		case kind == Phone:
			offer(kind, confidence(share, 0.5, 0.05), hits, false)
		case kind == Name:
			offer(kind, confidence(share, 0.4, 0.05), hits, false)
		default:
			offer(kind, confidence(share, 0.3, 0.02), hits, false)
		}
	}
	if p.first >= 3 && float64(p.first) >= 0.6*float64(p.sampled) {
		p.example[FirstName] = "Xxxx"
		offer(FirstName, Medium, p.first, false)
	}
	return best, best.Kind != ""
}

// confidence is high from one share of the values on, medium from another, and else low.
func confidence(share, high, medium float64) Confidence {
	switch {
	case share >= high:
		return High
	case share >= medium:
		return Medium
	}
	return Low
}

// suggest is the masker for a column, as rules.yaml has it.
func (s *Scan) suggest(column rules.Column, kind Kind, p *profile) string {
	spec := maskers[kind]
	if 2*p.within[kind] > p.hits[kind] { // the rest of the text is not for a masker of addresses
		spec = mask.Spec{Name: "text"}
	}
	for shape, n := range p.shapes {
		if 2*n > max(p.hits[kind], p.fitting) {
			spec = mask.Spec{Name: shape}
		}
	}
	spec, ok := s.Rules.Suggest(s.table, column, spec)
	switch {
	case !ok:
		return ""
	case spec.Part != "":
		return fmt.Sprintf("{mask: %s, part: %s}", spec.Name, spec.Part)
	case spec.Name == "null":
		return `"null"`
	}
	return spec.Name
}

// Fragment is what rules.yaml may have for the findings: a masker for each column, and those of which only a person can tell as comments.
func Fragment(findings []Finding) string {
	var text strings.Builder
	text.WriteString("columns:\n")
	done := map[string]bool{}
	for _, f := range findings {
		if done[f.Name()] {
			continue
		}
		done[f.Name()] = true
		var lines []Finding // of the column; they stand together
		for _, other := range findings {
			if other.Name() == f.Name() {
				lines = append(lines, other)
			}
		}
		if f.When != nil {
			writeList(&text, f.Name(), lines)
			continue
		}
		switch note := fmt.Sprintf("# %s, %d of %d", f.Kind, f.Hits, f.Sampled); {
		case f.Masker == "":
			fmt.Fprintf(&text, "  # %s: %s, and no masker can change it: list its table under structure_only, or accept it under ignore\n", f.Name(), f.Kind)
		case f.Confidence == Low:
			fmt.Fprintf(&text, "  # %q: %s   %s\n", f.Name(), f.Masker, note)
		default:
			fmt.Fprintf(&text, "  %q: %s   %s\n", f.Name(), f.Masker, note)
		}
	}
	return text.String()
}

// writeList writes the rules of a column that has another masker for each kind of rows.
func writeList(text *strings.Builder, name string, lines []Finding) {
	var list strings.Builder
	sure := false
	for _, f := range lines {
		masker := strings.TrimSuffix(strings.TrimPrefix(f.Masker, "{"), "}")
		if masker == f.Masker {
			masker = "mask: " + masker
		}
		hidden := ""
		if f.Confidence == Low || f.Masker == "" {
			hidden = "# "
		} else {
			sure = true
		}
		fmt.Fprintf(&list, "  %s- {%s, when: {%s: %q}}   # %s, %d of %d\n", hidden, masker, f.When.Column, f.When.Value, f.Kind, f.Hits, f.Sampled)
	}
	if sure {
		fmt.Fprintf(text, "  %q:\n%s", name, list.String())
	} else {
		fmt.Fprintf(text, "  # %q:\n%s", name, list.String())
	}
}
