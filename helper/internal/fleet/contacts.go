package fleet

import (
	"go.yaml.in/yaml/v3"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// Contacts are the URLs to notify after a run. Anybody who knows one can post in the fleet's name, so fleet.yaml only says
// where to find them.
type Contacts struct {
	// Webhook receives the news, formatted by WebhookTemplate. An empty template means Slack's format.
	Webhook         secret.Reference
	WebhookTemplate string
	// Heartbeat is requested after a run that leaves every project fresh, HeartbeatFailed after any other, and HeartbeatRan after each.
	Heartbeat, HeartbeatFailed, HeartbeatRan secret.Reference
}

// reference parses where to find a secret.
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
