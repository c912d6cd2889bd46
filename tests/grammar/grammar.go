// Package grammar makes texts by a grammar, for tests that try what nobody has thought of.
package grammar

import "strings"

// Choose returns a number from 0 to n-1.
type Choose func(n int) int

// Grammar makes statements.
type Grammar struct {
	// Rules has the alternatives of each name, in which {name} stands for one of that name's. The first one of each leads to an end.
	// Statements begin with "statement". An alternative that begins with ! reaches for what it must not have.
	Rules map[string][]string
	// Gaps may stand between words. The last one is the usual one.
	Gaps []string
}

// Statement makes a statement. It reports whether the statement reaches for what it must not have.
func (g Grammar) Statement(choose Choose) (text string, reaches bool) {
	e := &expansion{Grammar: g, choose: choose}
	e.expand("{statement}", 0)
	return e.text.String(), e.reaches
}

type expansion struct {
	Grammar
	choose  Choose
	text    strings.Builder
	reaches bool
}

// deepest is how deep the grammar is expanded. What is deeper takes its first alternative.
const deepest = 8

func (e *expansion) expand(text string, depth int) {
	for {
		before, rest, found := strings.Cut(text, "{")
		e.write(before)
		if !found {
			return
		}
		name, behind, _ := strings.Cut(rest, "}")
		alternatives := e.Rules[name]
		choice := 0
		if depth < deepest {
			choice = e.choose(len(alternatives))
		}
		alternative := alternatives[choice]
		if harmful, is := strings.CutPrefix(alternative, "!"); is {
			e.reaches, alternative = true, harmful
		}
		e.expand(alternative, depth+1)
		text = behind
	}
}

// write writes a part of the statement, with another kind of gap for some of its spaces.
func (e *expansion) write(text string) {
	for i, part := range strings.Split(text, " ") {
		if i > 0 {
			e.text.WriteString(e.Gaps[min(e.choose(4*len(e.Gaps)), len(e.Gaps)-1)])
		}
		e.text.WriteString(part)
	}
}
