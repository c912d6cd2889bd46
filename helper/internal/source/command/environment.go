package command

import (
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/wildcard"
)

// needed are the variables that programs need to run at all, to find their files and to reach other machines. Credentials are not
// among them, whatever they are for: a command that needs some is given them by name.
var needed = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "LANG", "LANGUAGE", "LC_*", "TZ", "XDG_*",
	"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSH_AUTH_SOCK",
	"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
}

// Environment returns those variables of an environment that a command gets: the ones that it needs, and the ones that more names, with
// * and ?.
func Environment(environ, more []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return !wildcard.MatchAny(needed, name) && !wildcard.MatchAny(more, name)
	})
}
