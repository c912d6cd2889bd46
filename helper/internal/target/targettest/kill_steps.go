package targettest

import (
	"hash/fnv"
	"iter"
	"testing"
)

// KillStride is how far the steps are apart at which a test kills a helper: the long tests try every one.
func KillStride() int {
	if Long() {
		return 1
	}
	return 3
}

// KillSteps yields, without an end, the steps at which a test kills a helper. Which one it begins with comes from the test's name, so
// that what one test leaves out others of its kind try.
func KillSteps(t *testing.T) iter.Seq[int] {
	stride := KillStride()
	name := fnv.New32a()
	_, _ = name.Write([]byte(t.Name()))
	first := 1 + int(name.Sum32()%uint32(stride))
	return func(yield func(int) bool) {
		for step := first; yield(step); step += stride {
		}
	}
}
