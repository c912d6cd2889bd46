package fleet

import (
	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// Status returns the status of a project during a run, from what the survey found and from its result, which is nil
// before there is one. It makes no request.
func (i *Item) Status(result *Result, hint func(error) string) ProjectStatus {
	newest, history := i.Newest, i.history
	if result != nil && result.Tries > 0 {
		history.Runs = append([]Run(nil), history.Runs...)
		history.Add(result.Run)
		if result.Key != "" && (newest == nil || newest.Key != result.Key) {
			newest = &bucket.Object{Key: result.Key, Time: result.SnapshotTime, Size: result.ObjectBytes}
		}
	}
	if i.Project.Problem != nil {
		return unknownStatus(*i.Project, VerdictBroken, i.Project.Problem, hint)
	}
	return Judge(*i.Project, newest, history, i.Now())
}
