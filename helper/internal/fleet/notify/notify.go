// Package notify tells people and their monitoring what came of a fleet: by a webhook, and by a heartbeat.
package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// Config is what fleet.yaml says of whom to tell. What is empty is not told.
type Config struct {
	fleet.Contacts
	// Dir is what paths are relative to.
	Dir string
}

// Check says what is wrong with the template.
func (c Config) Check() error {
	_, err := parse(c.WebhookTemplate)
	return err
}

// Tell sends news to the webhook, in one message.
func (c Config) Tell(ctx context.Context, news []fleet.News) error {
	if c.Webhook == "" || len(news) == 0 {
		return nil
	}
	if err := c.tell(ctx, usual, news); err != nil {
		return fmt.Errorf("tell the webhook: %w", err)
	}
	return nil
}

func (c Config) tell(ctx context.Context, pace pace, news []fleet.News) error {
	address, err := c.address(c.Webhook)
	if err != nil {
		return err
	}
	body, err := c.body(news)
	if err != nil {
		return err
	}
	contentType := "text/plain; charset=utf-8"
	if json.Valid(body) {
		contentType = "application/json"
	}
	return request(ctx, pace, address, contentType, body)
}

// Beat requests the heartbeat's URL.
func (c Config) Beat(ctx context.Context) error {
	if c.Heartbeat == "" {
		return nil
	}
	if err := c.beat(ctx, usual); err != nil {
		return fmt.Errorf("request the heartbeat's URL: %w", err)
	}
	return nil
}

func (c Config) beat(ctx context.Context, pace pace) error {
	address, err := c.address(c.Heartbeat)
	if err != nil {
		return err
	}
	return request(ctx, pace, address, "", nil)
}

// address reads a URL. Errors do not hold it.
func (c Config) address(from secret.Reference) (secret.String, error) {
	text, err := from.Read(c.Dir)
	if err != nil {
		return secret.String{}, err
	}
	address, err := url.Parse(text.Reveal())
	if err != nil || address.Scheme != "http" && address.Scheme != "https" || address.Host == "" {
		return secret.String{}, fmt.Errorf("what is in %s is not a URL that begins with https:// or http://", from)
	}
	return text, nil
}
