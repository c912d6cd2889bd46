package cli

import (
	"os"
	"slices"
	"strings"
)

// forwardedVariable holds the names, separated by spaces, of the caller's variables that the add-on's host commands pass
// into the container of the dump service.
const forwardedVariable = "DUMP_REFRESH_FORWARDED"

// environment is the source of settings and credentials. In the dump service, a variable may date from when the container
// was created: DDEV read it from one of the project's .env files, which may have changed since. Then the file's current
// content counts.
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
