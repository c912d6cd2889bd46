package load

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What has come is given out table by table, the largest first; where nothing has, what comes next.
func TestRowJobs(t *testing.T) {
	jobs := &rowJobs{left: []rowJob{{"small", []int{1}}, {"large", []int{2}}, {"large", []int{3}}, {"ordered", []int{4, 6}}, {"large", []int{5}}}}
	jobs.order(map[string]int64{"small": 1, "ordered": 2, "large": 3})
	come := map[int]bool{1: true, 3: true, 4: true}
	var got []int
	for len(jobs.left) > 0 {
		job, ok := jobs.next(func(chunk int) bool { return come[chunk] })
		if !ok {
			t.Fatal("there is a job, and none is given")
		}
		got = append(got, job.chunks[0])
	}
	if diff := cmp.Diff([]int{3, 1, 2, 4, 5}, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if _, ok := jobs.next(func(int) bool { return true }); ok {
		t.Error("there is a job left")
	}
}
