package bucket

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/smithy-go/logging"
)

// defaultRegion is used if no region is set. S3-compatible stores accept any, and AWS names the right one when it is wrong.
const defaultRegion = "us-east-1"

// access describes how the user signs in, for messages.
type access struct {
	profile string // the profile in use, "default" if none is named
	source  string // where the credentials come from
	sso     bool   // the profile signs in with aws sso login

	environment map[string]string
}

// loadAccess reads the AWS settings as every AWS tool does and looks up the credentials. The environment takes the place of the
// process's environment; it may be nil.
func loadAccess(ctx context.Context, environment map[string]string, region string) (aws.Config, access, error) {
	get := func(names ...string) string { return firstOf(environment, names...) }
	profile := get("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
	acc := access{profile: profile, environment: environment}
	if acc.profile == "" {
		acc.profile = "default"
	}

	// The SDK's warnings are for programmers. What a user has to know is in the errors.
	opts := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})}
	if files := get("AWS_CONFIG_FILE"); files != "" {
		opts = append(opts, config.WithSharedConfigFiles([]string{files}))
	}
	if files := get("AWS_SHARED_CREDENTIALS_FILE"); files != "" {
		opts = append(opts, config.WithSharedCredentialsFiles([]string{files}))
	}
	if bundle := get("AWS_CA_BUNDLE"); bundle != "" && os.Getenv("AWS_CA_BUNDLE") == "" {
		pem, err := os.Open(bundle)
		if err != nil {
			return aws.Config{}, acc, acc.failed(ctx, err)
		}
		defer pem.Close()
		opts = append(opts, config.WithCustomCABundle(pem))
	}
	if region == "" {
		region = get("AWS_REGION", "AWS_DEFAULT_REGION")
	}
	if region != "" {
		opts = append(opts, config.WithRegion(region))
	}
	// Keys take precedence over a profile's, as they do in the process's environment.
	id, key := get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY")
	switch {
	case id != "" && key != "":
		static := credentials.StaticCredentialsProvider{Value: aws.Credentials{
			AccessKeyID: id, SecretAccessKey: key, SessionToken: get("AWS_SESSION_TOKEN"),
			Source: "AWS_ACCESS_KEY_ID",
		}}
		opts = append(opts, config.WithCredentialsProvider(static))
		if profile != "" { // for its region and endpoint
			opts = append(opts, config.WithSharedConfigProfile(profile))
		}
	case profile != "":
		opts = append(opts, config.WithSharedConfigProfile(profile))
	}

	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return cfg, acc, acc.failed(ctx, err)
	}
	if cfg.Region == "" {
		cfg.Region = defaultRegion
	}
	for _, source := range cfg.ConfigSources {
		if shared, ok := source.(config.SharedConfig); ok && id == "" {
			acc.sso = usesSSO(&shared)
			if program := missingProgram(ctx, &shared); program != "" {
				e := &Error{Op: getCredentials, Kind: ErrCredentialProcess, Profile: acc.profile, message: "there is no program " + program + " here"}
				return cfg, acc, e
			}
		}
	}
	cfg.Credentials = namedCredentials{cfg.Credentials}
	found, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return cfg, acc, acc.failed(ctx, err)
	}
	acc.source = describeSource(found.Source, acc.profile)
	return cfg, acc, nil
}

// failed is the error for credentials that were not found.
func (a access) failed(ctx context.Context, err error) error {
	return classify(ctx, a, nil, &Error{Op: getCredentials, Err: err})
}

const getCredentials = "get AWS credentials"

// describeSource describes where credentials come from.
func describeSource(source, profile string) string {
	switch {
	case source == "AWS_ACCESS_KEY_ID" || strings.HasPrefix(source, "EnvConfig"):
		return "AWS_ACCESS_KEY_ID"
	case strings.HasPrefix(source, "SharedConfig"), source == "":
		return "profile " + profile
	case source == "SSOProvider":
		return "profile " + profile + " (SSO)"
	case source == "ProcessProvider":
		return "profile " + profile + " (credential_process)"
	case source == "AssumeRoleProvider":
		return "profile " + profile + " (assumed role)"
	case source == "EC2RoleProvider":
		return "the role of this EC2 instance"
	case source == "CredentialsEndpointProvider":
		return "the role of this container"
	case source == "WebIdentityCredentials":
		return "a web identity token"
	}
	return source
}

// usesSSO reports whether a profile, or the one that it takes its credentials from, signs in with SSO.
func usesSSO(c *config.SharedConfig) bool {
	for ; c != nil; c = c.Source {
		if c.SSOSessionName != "" || c.SSOStartURL != "" {
			return true
		}
	}
	return false
}

// firstOf returns the first value that is set: from environment for the names in it, else from the process.
func firstOf(environment map[string]string, names ...string) string {
	for _, name := range names {
		if v := environment[name]; v != "" {
			return v
		}
		if v := os.Getenv(name); v != "" {
			return v
		}
	}
	return ""
}

// namedCredentials makes the errors of credentials recognizable in any request.
type namedCredentials struct{ aws.CredentialsProvider }

func (n namedCredentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := n.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return c, &credentialsError{err}
	}
	return c, nil
}

type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return e.err.Error() }
func (e *credentialsError) Unwrap() error { return e.err }

// ssoCodes are the SSO services' codes for an expired session.
var ssoCodes = []string{"UnauthorizedException", "InvalidGrantException", "ExpiredTokenException", "InvalidClientException"}

// classifyCredentials sets the kind for credentials that were not found.
func classifyCredentials(a access, e *Error) {
	var profile config.SharedConfigProfileNotExistError
	var process *processcreds.ProviderError
	var code config.AssumeRoleTokenProviderNotSetError
	api := apiError(e.Err)
	switch {
	case errors.As(e.Err, &profile):
		e.Kind, e.Profile, e.message = ErrNoProfile, profile.Profile, profile.Profile
	case errors.As(e.Err, &process):
		e.Kind, e.Profile, e.message = ErrCredentialProcess, a.profile, innermost(e.Err)
	case errors.As(e.Err, &code):
		e.Kind, e.Profile = ErrNeedsCode, a.profile
	case service(e.Err) == "ec2imds": // the last in the chain: nothing else had any
		e.Kind, e.message = ErrNoCredentials, a.half()
	case isNetwork(e.Err):
		e.Kind, e.message = ErrUnreachable, networkMessage(e.Err)
	case a.sso && (api == nil || slices.Contains(ssoCodes, api.ErrorCode())):
		e.Kind, e.Profile = ErrSSOExpired, a.profile
	case api != nil:
		e.Profile = a.profile
		classifyAPI(e, api)
		if e.Kind == ErrAccessDenied && e.Action == "" {
			e.Action = service(e.Err) + ":" + operation(e.Err)
		}
	default:
		e.Kind, e.Profile, e.message = ErrNoCredentials, a.profile, innermost(e.Err)
		// The SDK has no types for these.
		if _, file, is := strings.Cut(e.Err.Error(), "unable to read file at "); is {
			path, _, _ := strings.Cut(file, ": ")
			e.Kind, e.message = ErrAWSFile, path+file[strings.LastIndex(file, ": "):]
		} else if strings.Contains(e.Err.Error(), "partial credentials found for profile") {
			e.message = "the profile " + a.profile + " has one of two keys alone"
		}
	}
	if e.Kind == ErrNoCredentials || e.Kind == ErrNoProfile {
		if problem := fileProblem(a.environment); problem != "" {
			e.Kind, e.message = ErrAWSFile, problem
		}
	}
}

// half says which one of a pair of keys is missing; "" if both are.
func (a access) half() string {
	const id, key = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
	hasID, hasKey := firstOf(a.environment, id) != "", firstOf(a.environment, key) != ""
	switch {
	case hasID && !hasKey:
		return id + " is set, but " + key + " is not"
	case hasKey && !hasID:
		return key + " is set, but " + id + " is not"
	}
	return ""
}
