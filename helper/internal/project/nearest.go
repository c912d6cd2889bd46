package project

import (
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/spelling"
)

// nearest returns the known name that is closest to name, and whether it is close enough for name to be a misspelling.
func nearest(name string, known []string) (closest string, likely bool) {
	closest, wrong := spelling.Nearest(name, known)
	return closest, wrong >= 0 && 2*wrong <= len(strings.TrimPrefix(name, namePrefix))
}
