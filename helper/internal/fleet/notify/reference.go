// Package notify tells people and their monitoring what came of a fleet: by a webhook, and by a heartbeat.
package notify

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// ErrPlainURL means that a URL was written where the name of a place must be: whoever knows the URL may speak in the
// project's name.
var ErrPlainURL = errors.New("the URL is a secret and does not belong here; env:NAME or file:PATH says where it is")

// Reference says where a URL is kept: env:NAME or file:PATH.
type Reference string

// Check says whether it is one. The error does not repeat what was written.
func (r Reference) Check() error {
	kind, name, _ := strings.Cut(string(r), ":")
	if r == "" || (kind == "env" || kind == "file") && name != "" {
		return nil
	}
	return ErrPlainURL
}

// read gets the URL; a path is relative to dir. Errors do not hold it.
func (r Reference) read(dir string) (secret.String, error) {
	if err := r.Check(); err != nil {
		return secret.String{}, err
	}
	kind, name, _ := strings.Cut(string(r), ":")
	text := ""
	if kind == "env" {
		text = os.Getenv(name)
	} else {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return secret.String{}, fmt.Errorf("read its URL: %w", err)
		}
		text = string(content)
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return secret.String{}, fmt.Errorf("there is nothing in %s", r)
	}
	address, err := url.Parse(text)
	if err != nil || address.Scheme != "http" && address.Scheme != "https" || address.Host == "" {
		return secret.String{}, fmt.Errorf("what is in %s is not a URL that begins with https:// or http://", r)
	}
	return secret.New(text), nil
}
