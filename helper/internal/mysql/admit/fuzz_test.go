package admit

import (
	"math/rand/v2"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/admit/admittest"
	"github.com/jobiqo/dump-refresh/tests/grammar"
)

// refusesReach makes a statement, and requires that it is refused if it reaches for another database.
func refusesReach(t *testing.T, choose grammar.Choose) (reaches bool) {
	text, reaches := admittest.Statement(choose)
	for _, server := range servers {
		j := judgeFor(server)
		j.Database = "site94__dump_incoming"
		if err := judged(j, text); reaches && err == nil {
			t.Errorf("%s %d admits %q", server.Flavour, server.Number(), text)
		}
	}
	return reaches
}

// FuzzStatement makes statements by a grammar.
func FuzzStatement(f *testing.F) {
	f.Add([]byte("a dump"))
	f.Add([]byte{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9})
	f.Fuzz(func(t *testing.T, choices []byte) {
		refusesReach(t, func(n int) int {
			if len(choices) == 0 {
				return n - 1
			}
			choice := int(choices[0]) % n
			choices = choices[1:]
			return choice
		})
	})
}

// FuzzText gives the judge any text, in parts too. It must come to an end, and the parts must make no difference to what is refused as rows.
func FuzzText(f *testing.F) {
	for _, text := range admittest.Ordinary {
		f.Add([]byte(text), 7)
	}
	for _, text := range admittest.Hostile {
		f.Add([]byte(text), 20)
	}
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		j := judgeFor(servers[0])
		_ = j.Statement(text)
		whole := j.Rows().Part(text, true)
		if cut <= 0 || cut >= len(text) || whole == nil {
			return
		}
		rows := j.Rows()
		if err := rows.Part(text[:cut], false); err != nil {
			return
		}
		if err := rows.Part(text[cut:], true); err == nil {
			t.Errorf("%q is refused (%v), but not if it is cut at %d", text, whole, cut)
		}
	})
}

// The grammar makes as many statements in each test as take a second.
func TestGrammar(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 3)) // the same statements each time
	reaching := 0
	for range 30000 {
		if refusesReach(t, random.IntN) {
			reaching++
		}
	}
	if reaching < 10000 {
		t.Errorf("only %d statements reach for another database", reaching)
	}
}
