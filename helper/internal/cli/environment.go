package cli

import (
	"os"
	"slices"
	"strings"
)

// forwardedVariable lists, separated by blanks, the names of the caller's variables that the add-on's
// host commands hand into the container of the dump service.
const forwardedVariable = "DUMP_REFRESH_FORWARDED"

// environment is the environment that settings and credentials are taken from. In the dump service a
// variable may also come from the time when the container was made: from a .env file of the project, which
// DDEV reads for it, and which may have changed since. The file counts then, as it is now.
func environment() []string {
	forwarded, inService := os.LookupEnv(forwardedVariable)
	if !inService {
		return os.Environ()
	}
	names := strings.Fields(forwarded)
	return slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		ours := strings.HasPrefix(name, "DUMP_") || strings.HasPrefix(name, "AWS_")
		return ours && !slices.Contains(names, name)
	})
}
