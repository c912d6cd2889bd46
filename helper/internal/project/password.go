package project

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
	"github.com/jobiqo/dump-refresh/helper/internal/signing"
)

// SourcePassword returns the password of the staging database; it is not set if none is configured. Of DUMP_SOURCE_PASSWORD,
// DUMP_SOURCE_PASSWORD_FROM and a password in DUMP_SOURCE, the one from the later place counts; from the same place, the first
// in this list.
//
// Whatever DUMP_SOURCE_PASSWORD_FROM names is read at each call. fromAWS resolves aws-secretsmanager:ID and aws-ssm:NAME; it
// gets the whole reference. The error is a *ConfigError of kind ErrPasswordUnavailable.
func (p *Project) SourcePassword(ctx context.Context, fromAWS func(ctx context.Context, ref string) (secret.String, error)) (secret.String, error) {
	best := origin{layer: -1}
	var password secret.String
	reference := ""
	if p.sourcePassword.IsSet() {
		best, password = p.values["DUMP_SOURCE_PASSWORD"].from, p.sourcePassword
	}
	if from := p.values["DUMP_SOURCE_PASSWORD_FROM"].from; p.SourcePasswordFrom != "" && from.isAfter(best) {
		best, reference = from, p.SourcePasswordFrom
	}
	if database := p.Source.URL; database != nil && database.Password.IsSet() && p.values["DUMP_SOURCE"].from.isAfter(best) {
		return database.Password, nil
	}
	if reference == "" {
		return password, nil
	}
	return p.readReference(ctx, "DUMP_SOURCE_PASSWORD_FROM", "password", reference, fromAWS)
}

// MaskKey returns the key of the maskers, from DUMP_MASK_KEY or DUMP_MASK_KEY_FROM, whichever comes from the later place. The error is a
// *ConfigError: of kind ErrMissing if there is none, else of kind ErrPasswordUnavailable.
func (p *Project) MaskKey(ctx context.Context, fromAWS func(ctx context.Context, ref string) (secret.String, error)) (secret.String, error) {
	from := p.values["DUMP_MASK_KEY_FROM"].from
	switch {
	case p.MaskKeyFrom != "" && (!p.maskKey.IsSet() || from.isAfter(p.values["DUMP_MASK_KEY"].from)):
		key, err := p.readReference(ctx, "DUMP_MASK_KEY_FROM", "key", p.MaskKeyFrom, fromAWS)
		if err == nil && len(key.Reveal()) < leastMaskKey {
			err = &ConfigError{Kind: ErrInvalidValue, Origin: from.String(), Name: "DUMP_MASK_KEY_FROM", Text: shortMaskKey}
		}
		return key, err
	case p.maskKey.IsSet():
		return p.maskKey, nil
	}
	return secret.String{}, &ConfigError{Kind: ErrMissing, Name: "DUMP_MASK_KEY", Text: "not set for project " + p.Name + ", whose rules mask columns"}
}

// SignKey returns the key with which dumps are signed, from DUMP_SIGN_KEY or DUMP_SIGN_KEY_FROM, whichever comes from the later place; none
// if neither is set. The error is a *ConfigError.
func (p *Project) SignKey(ctx context.Context, fromAWS func(ctx context.Context, ref string) (secret.String, error)) (signing.Key, error) {
	from := p.values["DUMP_SIGN_KEY_FROM"].from
	if p.SignKeyFrom == "" || p.signKey.IsSet() && !from.isAfter(p.values["DUMP_SIGN_KEY"].from) {
		if !p.signKey.IsSet() {
			return signing.Key{}, nil
		}
		return signing.ParseKey(p.signKey) // it was parsed when the settings were read
	}
	text, err := p.readReference(ctx, "DUMP_SIGN_KEY_FROM", "key", p.SignKeyFrom, fromAWS)
	if err != nil {
		return signing.Key{}, err
	}
	key, err := signing.ParseKey(text)
	if err != nil {
		return signing.Key{}, &ConfigError{Kind: ErrInvalidValue, Origin: from.String(), Name: "DUMP_SIGN_KEY_FROM", Text: err.Error()}
	}
	return key, nil
}

// readReference reads the secret that a setting refers to.
func (p *Project) readReference(ctx context.Context, setting, what, reference string, fromAWS func(context.Context, string) (secret.String, error)) (secret.String, error) {
	text, err := p.readPassword(ctx, setting, reference, fromAWS)
	if err == nil && !text.IsSet() {
		err = errors.New("it is empty")
	}
	if err != nil {
		return secret.String{}, &ConfigError{
			Kind:   ErrPasswordUnavailable,
			Origin: p.values[setting].from.String(),
			Name:   setting,
			Text:   "get the " + what + " from " + reference + ": " + err.Error(),
			Cause:  err,
		}
	}
	return text, nil
}

func (p *Project) readPassword(ctx context.Context, setting, reference string, fromAWS func(context.Context, string) (secret.String, error)) (secret.String, error) {
	place, name, _ := strings.Cut(reference, ":")
	switch place {
	case "env":
		text, ok := p.passwords(name, p.values[setting].from)
		if !ok {
			return secret.String{}, errors.New("this variable is neither in the environment nor in an env file of DDEV")
		}
		return secret.New(text), nil
	case "file":
		return p.readPasswordFile(ctx, name)
	default:
		if fromAWS == nil {
			return secret.String{}, errors.New("AWS cannot be asked here")
		}
		return fromAWS(ctx, reference)
	}
}

// readPasswordFile reads a file. A relative path starts at the project's root. A line break at the end is not part of the
// password.
func (p *Project) readPasswordFile(ctx context.Context, path string) (secret.String, error) {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && p.home != "" {
		path = filepath.Join(p.home, rest)
	} else if !filepath.IsAbs(path) {
		path = filepath.Join(p.Root, path)
	}
	text, err := readSecretFile(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return secret.String{}, errors.New("no such file")
	}
	if err != nil {
		return secret.String{}, err
	}
	return secret.New(strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")), nil
}
