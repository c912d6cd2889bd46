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

// rowJobs hands out the rows of a dump table by table, the largest table first. In a dump, the chunks of several
// tables alternate. In that order, all large tables would get their keys at the very end: their pages would have left
// the server's memory, and the other sessions would have no rows left to load meanwhile.
type rowJobs struct {
	mutex sync.Mutex
	left  []rowJob
}

// order sorts the tables by size, largest first.
func (j *rowJobs) order(bytes map[string]int64) {
	slices.SortStableFunc(j.left, func(a, b rowJob) int {
		return cmp.Or(cmp.Compare(bytes[b.table], bytes[a.table]), cmp.Compare(a.table, b.table))
	})
}

// next returns the first job whose chunks have arrived. If none has, it returns the job that will arrive next.
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
