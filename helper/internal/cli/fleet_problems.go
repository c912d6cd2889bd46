package cli

import (
	"fmt"
	"strings"
)

// writeProblem writes what is wrong behind a head, such as a project's name, and on a line of its own what to do, if that is known. Texts of
// several lines become one.
func writeProblem(text *strings.Builder, head, problem, hint string) {
	fmt.Fprintf(text, "%s: %s\n", head, oneLine(problem))
	if hint != "" {
		fmt.Fprintf(text, "  hint: %s\n", oneLine(hint))
	}
}
