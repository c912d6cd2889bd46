package cli

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/units"
)

// age parses a flag that holds a duration: 30m, 12h, 2d. It is 0 if not given.
func age(c *cli.Context, flag string) (time.Duration, error) {
	text := c.String(flag)
	if text == "" {
		return 0, nil
	}
	length, err := units.Duration(text)
	if err != nil {
		return 0, &usage{fmt.Sprintf("--%s %s: a duration such as 30m, 12h or 2d is expected", flag, text)}
	}
	return length, nil
}

// moments are the accepted formats of a time. Those without a zone are local.
var moments = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly, "20060102T150405Z"}

// moment parses a flag that holds a time. A date means the end of that day. It is the zero time if not given.
func moment(c *cli.Context, flag string) (time.Time, error) {
	text := c.String(flag)
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range moments {
		found, err := time.ParseInLocation(layout, text, time.Local)
		if err != nil {
			continue
		}
		switch layout {
		case time.DateOnly:
			return found.AddDate(0, 0, 1).Add(-time.Second), nil
		case "20060102T150405Z": // as in a key
			return time.Date(found.Year(), found.Month(), found.Day(), found.Hour(), found.Minute(), found.Second(), 0, time.UTC), nil
		}
		return found, nil
	}
	return time.Time{}, &usage{fmt.Sprintf("--%s %s: a time such as 2026-11-22 or 2026-11-22T06:30:00Z is expected", flag, text)}
}
