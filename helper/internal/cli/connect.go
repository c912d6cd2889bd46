package cli

import (
	"context"
	"maps"
	"net"
	"os"
	"os/user"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/mask"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/leak"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	sourcecommand "github.com/jobiqo/dump-refresh/helper/internal/source/command"
)

// openBucket opens the project's bucket.
func (s *session) openBucket(ctx context.Context) (*bucket.Bucket, error) {
	if err := s.project.RequireBucket(); err != nil {
		return nil, err
	}
	if err := s.refuseNeighboursStore(ctx); err != nil {
		return nil, err
	}
	return bucket.Open(ctx, bucket.Config{
		Bucket: s.project.Bucket, Prefix: s.project.Prefix, Project: s.project.DumpsOf,
		Region: s.project.Region, Endpoint: s.project.Endpoint, PathStyle: s.project.PathStyle,
		SSE: s.project.SSE, KMSKeyID: s.project.KMSKeyID,
		Environment: s.awsEnvironment(), Sessions: s.sessions, RateLimit: s.rate, Note: s.note,
	})
}

// awsEnvironment returns the AWS_* variables of the environment and of the project's .env files.
func (s *session) awsEnvironment() map[string]string {
	variables := map[string]string{}
	for _, pair := range environment() {
		if name, text, ok := strings.Cut(pair, "="); ok && strings.HasPrefix(name, "AWS_") && text != "" {
			variables[name] = text
		}
	}
	maps.Copy(variables, s.project.AWS)
	return variables
}

// source says what staging is, and what is masked and searched for.
func (s *session) source(ctx context.Context) (source.Config, error) {
	config, err := s.unmasked(ctx)
	if err != nil {
		return source.Config{}, err
	}
	if config.Masks, err = s.masks(ctx); err != nil {
		return source.Config{}, err
	}
	canaries, err := s.project.Canaries(ctx)
	if err != nil {
		return source.Config{}, err
	}
	if config.Masks.Mask() || len(canaries) > 0 {
		config.Leaks = leak.New(canaries, config.Masks.Accepted)
	}
	return config, nil
}

// unmasked is source without what needs the key of the maskers.
func (s *session) unmasked(ctx context.Context) (source.Config, error) {
	if err := s.project.RequireSource(); err != nil {
		return source.Config{}, err
	}
	password, err := s.project.SourcePassword(ctx, s.fromAWS)
	if err != nil {
		return source.Config{}, err
	}
	config := source.Config{
		Command: s.project.Source.Command, Dir: s.project.Root, Environment: s.sourceEnvironment(), CommandSilence: s.project.SourceSilence, Password: password, SSH: s.project.SSH,
		StructureOnly: s.project.Rules.StructureOnly, Exclude: s.project.Rules.Exclude, Rows: s.project.Rules.Rows,
		Client: s.project.Engine == "client", Note: s.note,
	}
	if s.project.Source.URL != nil {
		url := *s.project.Source.URL
		url.Password = password // the project's settings have decided which password applies
		if server := url.Server; server == nil && s.project.SSH == "" {
			if err := refuseNeighbour(ctx, net.DefaultResolver, "DUMP_SOURCE", url.Host); err != nil {
				return source.Config{}, err
			}
		} else if server != nil && len(server.Addresses) > 0 {
			url.Host = server.Addresses[0] // other projects' servers answer to the same name
		}
		config.URL = &url
	}
	return config, nil
}

// fromAWS reads a secret that AWS keeps.
func (s *session) fromAWS(ctx context.Context, ref string) (secret.String, error) {
	return s.sessions.ReadSecret(ctx, s.awsEnvironment(), s.project.Region, ref)
}

// masks returns the rules for columns, with their key.
func (s *session) masks(ctx context.Context) (rules.Rules, error) {
	all := rules.Rules{Columns: s.project.Rules.Columns, Accepted: s.project.Rules.Accepted, Privacy: s.project.Privacy, Reviewed: s.project.Rules.Reviewed}
	if len(all.Columns) == 0 {
		return all, nil // no key is needed to leave values out
	}
	key, err := s.project.MaskKey(ctx, s.fromAWS)
	if err != nil {
		return rules.Rules{}, err
	}
	all.Key = mask.NewKey(key)
	return all, nil
}

// publisher names who runs this, such as ada@laptop.
func publisher() string {
	name, host := "unknown", "unknown"
	if current, err := user.Current(); err == nil && current.Username != "" {
		name = current.Username
	}
	if found, err := os.Hostname(); err == nil && found != "" {
		host = found
	}
	return name + "@" + host
}

// sourceEnvironment is the environment of a source that is a command: what a fleet gives it, or what the project names.
func (s *session) sourceEnvironment() []string {
	if s.commandEnvironment != nil {
		return s.commandEnvironment
	}
	return sourcecommand.Environment(environment(), s.project.SourceEnvironment)
}
