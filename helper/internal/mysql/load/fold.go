package load

import (
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
)

// claim refuses a statement that would replace something of the same name.
func (l *Load) claim(s *rewrite.Statement) error {
	if !l.Server.About.FoldsNames || s.Verb != "CREATE" || !slices.Contains([]string{"TABLE", "VIEW", "SEQUENCE"}, s.Kind) {
		return nil
	}
	at := s.Find(s.Kind) + 1
	for slices.Contains([]string{"IF", "NOT", "EXISTS"}, s.Word(at)) {
		at++
	}
	return l.made.Claim(s.NameAt(at))
}
