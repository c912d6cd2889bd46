package load

import (
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
)

// meet refuses a statement that makes what takes the place of something else.
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
