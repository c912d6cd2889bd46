// Package notify reports the results of a fleet to people, by a webhook, and to their monitoring, by a heartbeat.
package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// Config is what fleet.yaml says about notifications. Empty contacts are skipped.
type Config struct {
	fleet.Contacts
	// Dir is the folder that paths are relative to.
	Dir string
}

// Check returns an error if the template is invalid.
func (c Config) Check() error {
	_, err := parse(c.WebhookTemplate)
	return err
}

// Send sends news to the webhook, in one message.
func (c Config) Send(ctx context.Context, news []fleet.News) error {
	if c.Webhook == "" || len(news) == 0 {
		return nil
	}
	if err := c.send(ctx, usual, news); err != nil {
		return fmt.Errorf("tell the webhook: %w", err)
	}
	return nil
}

func (c Config) send(ctx context.Context, pace pace, news []fleet.News) error {
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

// Beat requests the URL that says that all is well, or the one that says that it is not, and the one that says that a run has ended.
func (c Config) Beat(ctx context.Context, allWell bool) error { return c.beat(ctx, usual, allWell) }

func (c Config) beat(ctx context.Context, pace pace, allWell bool) error {
	name, from := "heartbeat_failed", c.HeartbeatFailed
	if allWell {
		name, from = "heartbeat", c.Heartbeat
	}
	return errors.Join(c.ping(ctx, pace, name, from), c.ping(ctx, pace, "heartbeat_ran", c.HeartbeatRan))
}

func (c Config) ping(ctx context.Context, pace pace, name string, from secret.Reference) error {
	if from == "" {
		return nil
	}
	address, err := c.address(from)
	if err == nil {
		err = request(ctx, pace, address, "", nil)
	}
	if err != nil {
		return fmt.Errorf("request the URL of %s: %w", name, err)
	}
	return nil
}

// address reads a URL. Its errors do not contain the URL.
func (c Config) address(from secret.Reference) (secret.String, error) {
	text, err := from.Read(c.Dir)
	if err != nil {
		return secret.String{}, err
	}
	address, err := url.Parse(text.Reveal())
	if err != nil || address.Scheme != "http" && address.Scheme != "https" || address.Host == "" {
		return secret.String{}, fmt.Errorf("%s does not contain a URL that begins with https:// or http://", from)
	}
	return text, nil
}
