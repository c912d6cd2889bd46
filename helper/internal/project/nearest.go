package project

import (
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/spelling"
)

// nearest gives the known name that is closest to name, and whether it is so close that name is
// probably a slip of it.
func nearest(name string, known []string) (closest string, likely bool) {
	closest, wrong := spelling.Nearest(name, known)
	return closest, wrong >= 0 && 2*wrong <= len(strings.TrimPrefix(name, namePrefix))
}
