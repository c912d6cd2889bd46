package refresh

import (
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// Retention says which dumps to keep. Without a rule all are kept.
type Retention struct {
	// Newest is how many of the newest dumps are kept; 0 for no such rule.
	Newest int
	// Days is how many days a dump is kept; 0 for no such rule.
	Days int
}

// Expired returns the objects that no rule keeps, in the order in which to delete them: dumps, each after its baked objects,
// then baked objects without a dump. The contents must list the newest dump first. Objects of other tools and the newest
// dump never expire, and without a rule nothing does.
func (r Retention) Expired(contents bucket.Contents, now time.Time) []bucket.Object {
	if r.Newest <= 0 && r.Days <= 0 {
		return nil
	}
	var expired []bucket.Object
	kept := 0
	for _, dump := range contents.Dumps {
		young := r.Days > 0 && now.Sub(dump.Time) <= time.Duration(r.Days)*24*time.Hour
		switch {
		case !dump.Ours:
		case kept == 0, kept < r.Newest, young:
			kept++
		default:
			expired = append(append(expired, dump.Baked...), dump)
		}
	}
	return append(expired, contents.Orphans...)
}
