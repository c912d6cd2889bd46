package load

import (
	"cmp"
	"slices"
	"sync"
)

// rowJob is chunks of one table that are loaded one after the other.
type rowJob struct {
	table  string
	chunks []int
}

// rowJobs gives out the rows of a dump table by table, the largest first. The chunks of several tables lie among one
// another in a dump, and all large tables would get their keys in the end: when the server has their pages in memory no more, and
// with no rows left for the other sessions to load meanwhile.
type rowJobs struct {
	mutex sync.Mutex
	left  []rowJob
}

// order puts the tables with most bytes first.
func (j *rowJobs) order(bytes map[string]int64) {
	slices.SortStableFunc(j.left, func(a, b rowJob) int {
		return cmp.Or(cmp.Compare(bytes[b.table], bytes[a.table]), cmp.Compare(a.table, b.table))
	})
}

// next gives the first job of those whose chunks have come. Where none has, it is the one that comes next.
func (j *rowJobs) next(has func(chunk int) bool) (job rowJob, ok bool) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if len(j.left) == 0 {
		return rowJob{}, false
	}
	chosen := slices.IndexFunc(j.left, func(job rowJob) bool { return !slices.ContainsFunc(job.chunks, func(i int) bool { return !has(i) }) })
	if chosen < 0 {
		chosen = 0
		for i, job := range j.left {
			if job.chunks[0] < j.left[chosen].chunks[0] {
				chosen = i
			}
		}
	}
	job = j.left[chosen]
	j.left = slices.Delete(j.left, chosen, chosen+1)
	return job, true
}
