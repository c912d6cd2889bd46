package refresh

import (
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// Retention says which dumps are kept. With neither rule set, all of them.
type Retention struct {
	// Newest is how many of the newest dumps are kept, 0 for no such rule.
	Newest int
	// Days is for how many days a dump is kept, 0 for no such rule.
	Days int
}

// Expired gives what no rule keeps, in the order in which it is to be deleted: those of the dumps, which come newest first, each
// behind what lies beside it, and what has lost its dump. What others put into the bucket is never among them, nor is the newest
// dump. Without a rule it is nothing.
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
