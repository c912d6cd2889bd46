package pull

import (
	"errors"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

// notes keeps what it is told.
type notes struct{ lines []string }

func (*notes) Phase(string, int64) {}
func (*notes) Advance(int64)       {}
func (n *notes) Note(line string)  { n.lines = append(n.lines, line) }

func TestMaskedDumps(t *testing.T) {
	masked := &dumpfile.Index{Masking: &dumpfile.Masking{Columns: []string{"users.mail: email"}, Accepted: []string{"news.body: public"}}}
	for name, test := range map[string]struct {
		index           *dumpfile.Index
		required, masks bool
		note            string // "" for none
		refused         bool
	}{
		"masked":                   {masked, true, true, "d.sql.zst is masked (1 of its columns); 1 may have personal values, with reasons that inspect shows", false},
		"not masked":               {&dumpfile.Index{}, false, false, "", false},
		"not masked, with rules":   {&dumpfile.Index{}, false, true, "d.sql.zst may contain personal data: nothing in it is masked, although this project's rules mask columns", false},
		"required":                 {&dumpfile.Index{}, true, false, "", true},
		"rules that match nothing": {&dumpfile.Index{Masking: &dumpfile.Masking{}}, true, true, "", true},
		"by another tool":          {nil, true, false, "", true},
	} {
		told := &notes{}
		p := &Plan{Config: Config{RequireMasked: test.required, Masks: test.masks, Progress: told}, Dump: bucket.Object{Name: "d.sql.zst"}}
		err := p.judgeMasking(test.index)
		var refused *UnmaskedError
		if errors.As(err, &refused) != test.refused {
			t.Errorf("%s: %v", name, err)
		}
		if got := append(told.lines, "")[0]; got != test.note {
			t.Errorf("%s: got %q, not %q", name, got, test.note)
		}
	}
}
