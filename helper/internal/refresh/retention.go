package refresh

import (
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/clock"
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
// dump never expire, nor do dumps that are dated in the future, whose age nobody knows. Without a rule nothing expires.
func (r Retention) Expired(contents bucket.Contents) []bucket.Object {
	if r.Newest <= 0 && r.Days <= 0 {
		return nil
	}
	var expired []bucket.Object
	kept := 0
	for _, dump := range contents.Dumps {
		young := r.Days > 0 && clock.Age(dump.Time, contents.Now) <= time.Duration(r.Days)*24*time.Hour
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
