package cli

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
)

// neighbourError means that a setting's host is answered by a container of another DDEV project.
type neighbourError struct{ setting, host, container string }

func (e *neighbourError) Error() string {
	return fmt.Sprintf("%s: %s leads to container %s, which is another project's", e.setting, e.host, e.container)
}

// resolver looks up names and addresses, as net.Resolver does.
type resolver interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
	LookupAddr(ctx context.Context, address string) ([]string, error)
}

// refuseNeighbour fails with *neighbourError where the host of a setting is the short name of a service that another DDEV project
// has, too, and this one has not, or not now. In the network that projects share every container answers to the name of its service.
// Docker looks in the project's own network first, and says of an address of the shared one which container has it. Whoever
// means another project's container writes its name in full, which no other has. An address that nobody can tell anything of passes.
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

// requireTarget makes sure that there is a target, and that it is not another project's by mistake.
func (s *session) requireTarget(ctx context.Context) error {
	if err := s.project.RequireTarget(); err != nil {
		return err
	}
	if s.project.Target.Server != nil { // the server says who it is
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
