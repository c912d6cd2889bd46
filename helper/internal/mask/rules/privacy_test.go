package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/mask"
)

func TestPrivacy(t *testing.T) {
	text := func(name string, nullable bool) Column {
		return Column{Name: name, Column: mask.Column{Kind: mask.Text, Nullable: nullable}}
	}
	id := Column{Name: "id", Column: mask.Column{Kind: mask.Integer, Unique: true}}
	tables := []Table{{Name: "users", Names: []string{"users"}, Columns: []Column{
		id, text("mail", false), text("theme", true), text("note", false), text("seen", true), text("public", true), {Name: "sum", Generated: true, Column: mask.Column{Kind: mask.Text}},
	}}}
	known := Rules{
		Columns:  []Rule{{Column: "users.mail", Spec: mask.Spec{Name: "email"}}},
		Accepted: []Accepted{{Column: "*.public", Reason: "it is"}}, Reviewed: []string{"users.s*"},
	}
	for privacy, want := range map[Privacy]struct{ columns, note string }{
		Off:    {"users.mail: email", ""},
		Report: {"users.mail: email", "published, although nobody has classified them: users.theme, users.note"},
		Strict: {"users.mail: email; users.note: empty (quarantine); users.theme: null (quarantine)", "in quarantine, and published empty, since nobody has classified them: users.theme, users.note"},
	} {
		known.Privacy = privacy
		plan, err := known.Compile(tables)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(plan.Columns(), "; "); got != want.columns {
			t.Errorf("%s: %s", privacy, got)
		}
		if got := strings.Join(plan.Warnings(), "; "); got != want.note {
			t.Errorf("%s: it says %q", privacy, got)
		}
		if got := known.QuarantinesTable("letters", "public.letters"); got != (privacy == Strict) {
			t.Errorf("%s: an unknown table in quarantine: %v", privacy, got)
		}
		if known.QuarantinesTable("users") {
			t.Errorf("%s: a known table is in quarantine", privacy)
		}
	}
	known.Accepted = nil
	tables[0].Columns = append(tables[0].Columns, Column{Name: "code", Column: mask.Column{Kind: mask.Text, Unique: true}})
	_, err := known.Compile(tables)
	if diff := cmp.Diff("DUMP_PRIVACY=strict: users.code: column users.code: nobody has classified it, and it cannot be left empty", err.Error()); diff != "" {
		t.Error(diff)
	}
}

// The digest changes with what changes rows, and with nothing else.
func TestPrivacyDigest(t *testing.T) {
	with := func(privacy Privacy, reviewed ...string) string {
		return Rules{Columns: []Rule{{Column: "a.b"}}, Privacy: privacy, Reviewed: reviewed}.Digest()
	}
	if with("") != with(Off) || with(Off) != with(Report, "a.c") || with(Report) == with(Strict) || with(Strict) == with(Strict, "a.c") {
		t.Error("the digest does not follow the rows")
	}
}
