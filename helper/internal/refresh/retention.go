package refresh

import (
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/retention"
)

// Expired returns the objects that no rule keeps, in the order in which to delete them: dumps, each after its baked objects,
// then baked objects without a dump. The contents must list the newest dump first. Objects of other tools and the newest
// dump never expire, nor do dumps that are dated in the future, whose age nobody knows. Without a rule nothing expires.
func Expired(rules retention.Rules, contents bucket.Contents) []bucket.Object {
	if rules == (retention.Rules{}) {
		return nil
	}
	var ours []bucket.Object
	var snapshots []time.Time
	for _, dump := range contents.Dumps {
		if dump.Ours {
			ours, snapshots = append(ours, dump), append(snapshots, dump.Time)
		}
	}
	var expired []bucket.Object
	for i, kept := range rules.Kept(snapshots, contents.Now) {
		if !kept {
			expired = append(append(expired, ours[i].Baked...), ours[i])
		}
	}
	return append(expired, contents.Orphans...)
}
