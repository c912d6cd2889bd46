package project

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mask/leak"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// canaryFile begins the name of a file with planted values.
const canaryFile = "file:"

func setCanary(s *Settings, text string) error {
	s.canary = secret.New(text)
	if strings.HasPrefix(text, canaryFile) {
		return nil
	}
	_, err := canaries(text, ",")
	return err
}

// Canaries returns the values that must not be in any dump: those of DUMP_CANARY, or the lines of the file that it names. The error is a
// *ConfigError.
func (p *Project) Canaries(ctx context.Context) ([]string, error) {
	if !p.canary.IsSet() {
		return nil, nil
	}
	text, separator := p.canary.Reveal(), ","
	if path, ok := strings.CutPrefix(text, canaryFile); ok {
		lines, err := p.readPasswordFile(ctx, path)
		if err != nil {
			return nil, &ConfigError{
				Kind: ErrPasswordUnavailable, Origin: p.values["DUMP_CANARY"].from.String(), Name: "DUMP_CANARY",
				Text: "get the values from " + text + ": " + err.Error(), Cause: err,
			}
		}
		text, separator = lines.Reveal(), "\n"
	}
	values, err := canaries(text, separator)
	if err != nil {
		return nil, &ConfigError{Kind: ErrInvalidValue, Origin: p.values["DUMP_CANARY"].from.String(), Name: "DUMP_CANARY", Text: err.Error()}
	}
	return values, nil
}

// canaries reads planted values.
func canaries(text, separator string) (values []string, err error) {
	for _, value := range strings.Split(text, separator) {
		if value = strings.TrimSpace(value); value == "" {
			continue
		}
		if len(value) < leak.Least {
			return nil, fmt.Errorf("each value must have at least %d characters, so that it is nowhere by chance", leak.Least)
		}
		values = append(values, value)
	}
	if len(values) == 0 {
		return nil, errors.New("must be values with commas between them, or file:PATH with one in each line")
	}
	return values, nil
}
