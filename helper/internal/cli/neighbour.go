package cli

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
)

// neighbourError means that the host in a setting is a container of another DDEV project.
type neighbourError struct{ setting, host, container string }

func (e *neighbourError) Error() string {
	return fmt.Sprintf("%s: %s leads to container %s, which is another project's", e.setting, e.host, e.container)
}

// resolver looks up names and addresses, as net.Resolver does.
type resolver interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
	LookupAddr(ctx context.Context, address string) ([]string, error)
}

// refuseNeighbour fails with *neighbourError if the host in a setting is the short name of a service that another DDEV
// project runs and this one does not. In the network that projects share, every container answers to the name of its
// service. Docker resolves a name in the project's own network first, and a reverse lookup of an address in the shared one
// names its container. Those who mean another project's container use its full name, which is unique. An address without a
// name is accepted.
func refuseNeighbour(ctx context.Context, names resolver, setting, host string) error {
	const shared = ".ddev_default"
	if os.Getenv("IS_DDEV_PROJECT") != "true" || host == "" || host == "localhost" || strings.ContainsAny(host, ".:/") {
		return nil
	}
	addresses, _ := names.LookupHost(ctx, host)
	for _, address := range addresses {
		found, _ := names.LookupAddr(ctx, address)
		for _, name := range found {
			container, is := strings.CutSuffix(strings.TrimSuffix(name, "."), shared)
			if is && strings.HasPrefix(container, "ddev-") && !strings.EqualFold(container, host) {
				return &neighbourError{setting, host, container}
			}
		}
	}
	return nil
}

// requireTarget makes sure that there is a target, and that it does not belong to another project by mistake.
func (s *session) requireTarget(ctx context.Context) error {
	if err := s.project.RequireTarget(); err != nil {
		return err
	}
	if s.project.Target.Server != nil { // the server identifies itself
		return nil
	}
	return refuseNeighbour(ctx, net.DefaultResolver, "DUMP_TARGET", s.project.Target.Host)
}

// refuseNeighboursStore does the same for the S3 server.
func (s *session) refuseNeighboursStore(ctx context.Context) error {
	endpoint, err := url.Parse(s.project.Endpoint)
	if err != nil {
		return fmt.Errorf("read DUMP_S3_ENDPOINT: %w", err)
	}
	return refuseNeighbour(ctx, net.DefaultResolver, "DUMP_S3_ENDPOINT", endpoint.Hostname())
}
