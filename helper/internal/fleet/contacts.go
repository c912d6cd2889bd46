package fleet

import (
	"go.yaml.in/yaml/v3"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// Contacts are whom fleet.yaml wants to be told what came of a run. Who knows one of the URLs may speak in the fleet's
// name, so the file holds only where they are.
type Contacts struct {
	// Webhook is sent what is new, in the form of WebhookTemplate; empty is that of Slack.
	Webhook         secret.Reference
	WebhookTemplate string
	// Heartbeat is requested after a run in which all is well.
	Heartbeat secret.Reference
}

// reference reads where a secret is.
func (r *configReader) reference(name string, to *secret.Reference) func(*yaml.Node) {
	return func(node *yaml.Node) {
		reference := secret.Reference(node.Value)
		if err := reference.Check(); err != nil || reference == "" {
			r.add(node, name+": "+secret.ErrNoReference.Error())
			return
		}
		*to = reference
	}
}
