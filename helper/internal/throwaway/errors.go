package throwaway

import "strings"

// NoServerError means that no server of a kind is available here.
type NoServerError struct {
	Kind    Kind
	Reasons []string
}

func (e *NoServerError) Error() string {
	return "no " + e.Kind.Engine + " " + e.Kind.Version + " can be started here: " + strings.Join(e.Reasons, "; ")
}
