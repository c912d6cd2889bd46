package throwaway

import "strings"

// NoServerError means that there is no server of a kind to be had here.
type NoServerError struct {
	Kind    Kind
	Reasons []string
}

func (e *NoServerError) Error() string {
	return "no " + e.Kind.Engine + " " + e.Kind.Version + " can be started here: " + strings.Join(e.Reasons, "; ")
}
