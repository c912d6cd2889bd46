package notify

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
)

// Config is what fleet.yaml says of whom to tell. What is empty is not told.
type Config struct {
	// Webhook is where the URL is that news are sent to.
	Webhook Reference
	// Template makes what is sent, in the language of Go's text/template; empty is what Slack and its relatives
	// understand.
	Template string
	// Heartbeat is where the URL is that is requested after a run in which all is well.
	Heartbeat Reference
	// Dir is what paths are relative to.
	Dir string
}

// Check says what is wrong with it, as field: reason.
func (c Config) Check() error {
	if err := c.Webhook.Check(); err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	if err := c.Heartbeat.Check(); err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	if _, err := parse(c.Template); err != nil {
		return fmt.Errorf("webhook_template: %w", err)
	}
	return nil
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
	address, err := c.Webhook.read(c.Dir)
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
	address, err := c.Heartbeat.read(c.Dir)
	if err == nil {
		err = request(ctx, usual, address, "", nil)
	}
	if err != nil {
		return fmt.Errorf("request the heartbeat's URL: %w", err)
	}
	return nil
}
