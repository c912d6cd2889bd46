package bucket

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// ReadSecret reads a password that AWS stores: "aws-secretsmanager:ID" or "aws-ssm:NAME". environment and region are as in Config;
// an ARN's region takes precedence. Errors are *Error, usually of kind ErrNoSuchSecret or ErrAccessDenied; ErrReference if ref
// is neither.
func (s *Sessions) ReadSecret(ctx context.Context, environment map[string]string, region, ref string) (secret.String, error) {
	scheme, id, _ := strings.Cut(ref, ":")
	if id == "" || (scheme != "aws-secretsmanager" && scheme != "aws-ssm") {
		return secret.String{}, &Error{Op: "read", Target: ref, Kind: ErrReference,
			message: "aws-secretsmanager:ID or aws-ssm:NAME is expected"}
	}
	if arn := strings.Split(id, ":"); len(arn) > 5 && arn[0] == "arn" {
		region = arn[3]
	}
	shared, err := s.session(ctx, environment, region)
	if err != nil {
		return secret.String{}, err
	}
	cfg, acc := shared.config, shared.access
	fail := func(action string, err error) error {
		return classify(ctx, acc, nil, &Error{Op: "read", Target: ref, Action: action, Err: err})
	}
	var text *string
	switch scheme {
	case "aws-secretsmanager":
		client := secretsmanager.NewFromConfig(cfg, func(o *secretsmanager.Options) {
			if url := firstOf(environment, "AWS_ENDPOINT_URL_SECRETS_MANAGER"); url != "" {
				o.BaseEndpoint = &url
			}
		})
		out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
		if err != nil {
			return secret.String{}, fail("secretsmanager:GetSecretValue", err)
		}
		text = out.SecretString
		if text == nil && out.SecretBinary != nil {
			text = aws.String(string(out.SecretBinary))
		}
	case "aws-ssm":
		client := ssm.NewFromConfig(cfg, func(o *ssm.Options) {
			if url := firstOf(environment, "AWS_ENDPOINT_URL_SSM"); url != "" {
				o.BaseEndpoint = &url
			}
		})
		out, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: &id, WithDecryption: aws.Bool(true)})
		if err != nil {
			return secret.String{}, fail("ssm:GetParameter", err)
		}
		text = out.Parameter.Value
	}
	if aws.ToString(text) == "" {
		return secret.String{}, &Error{Op: "read", Target: ref, Kind: ErrNoSuchSecret, message: "it is empty"}
	}
	return secret.New(*text), nil
}
