package bucket

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// Confirmation says that staging was still as in a dump at a later time, so that nobody needed a new one.
type Confirmation struct {
	Published           // the dump
	Time      time.Time `json:"time"` // by the bucket's clock
	// State is the source's state at that time, if it is not that of the dump's index.
	State string `json:"source_state,omitempty"`
	// Tables are the states of the source's tables at that time, by their names.
	Tables map[string]string `json:"table_states,omitempty"`
}

// confirmation is the name of the project's latest Confirmation among its states.
const confirmation = "confirmed.json"

// Confirm records that staging was still as in a dump at a time.
func (b *Bucket) Confirm(ctx context.Context, dump Object, at time.Time, state string, tables map[string]string) error {
	text, err := json.Marshal(Confirmation{Published{dump.Key, unquotedETag(dump.ETag)}, at.UTC(), state, tables})
	if len(text) > mostState { // of so many tables, the next refresh reads all
		text, err = json.Marshal(Confirmation{Published{dump.Key, unquotedETag(dump.ETag)}, at.UTC(), state, nil})
	}
	if err != nil {
		return err
	}
	return b.WriteState(ctx, confirmation, text)
}

// Confirmation returns the confirmation of a dump; nil if there is none. It takes one request. Without permission to read it there is none.
func (b *Bucket) Confirmation(ctx context.Context, dump Object) (*Confirmation, error) {
	text, err := b.ReadState(ctx, confirmation)
	if errors.Is(err, ErrNoSuchKey) || errors.Is(err, ErrAccessDenied) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found Confirmation
	if json.Unmarshal(text, &found) != nil || !found.Is(dump) ||
		!found.Time.After(dump.Time) || clock.IsFuture(found.Time, b.Now()) {
		return nil, nil //nolint:nilerr // there is none
	}
	return &found, nil
}

// Known is when staging was last known to be as in a dump: the time of its snapshot, or a later one that was confirmed.
func (b *Bucket) Known(ctx context.Context, dump Object) (time.Time, error) {
	found, err := b.Confirmation(ctx, dump)
	if found == nil {
		return dump.Time, err
	}
	return found.Time, nil
}

// expiryDate matches the date in the header by which S3 says when a lifecycle rule deletes an object.
var expiryDate = regexp.MustCompile(`expiry-date="([^"]+)"`)

// readExpiration returns that date; the zero time if no rule deletes the object.
func readExpiration(header string) time.Time {
	if found := expiryDate.FindStringSubmatch(header); found != nil {
		if at, err := http.ParseTime(found[1]); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}
