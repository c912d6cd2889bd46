package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

// errNoIndexToCompare means that a dump by another tool cannot be compared without reading all of it.
var errNoIndexToCompare = errors.New("has no index, because another tool made it")

// diff shows how a dump differs from an earlier one; an empty key is that of the newest dump.
func (s *session) diff(ctx context.Context, before, after string) error {
	var keys [2]string
	var indexes [2]*dumpfile.Index
	for i, key := range []string{before, after} {
		_, object, index, err := s.dump(ctx, key)
		if err != nil {
			return err
		}
		if index == nil {
			return fmt.Errorf("compare %s: it %w", object.Name, errNoIndexToCompare)
		}
		keys[i], indexes[i] = object.Key, index
	}
	difference := dumpfile.Diff(indexes[0], indexes[1])
	s.out.Print("%s", describeDifference(keys, difference))
	return s.out.Result(struct {
		Before string `json:"before"`
		After  string `json:"after"`
		dumpfile.Difference
	}{keys[0], keys[1], difference})
}

func describeDifference(keys [2]string, d dumpfile.Difference) string {
	text := fmt.Sprintf("from %s\nto   %s\n\n", keys[0], keys[1])
	switch {
	case d.Definitions == nil:
		text += "definitions: unknown, one of the dumps was made by another version or another client\n"
	case *d.Definitions:
		text += "definitions: changed\n"
	default:
		text += "definitions: the same\n"
	}
	if len(d.Tables) == 0 {
		if d.Definitions == nil {
			return text + "all tables have as many rows as before\n"
		}
		return text + "all tables have the same rows\n"
	}
	rows := func(count *int64) string {
		switch {
		case count == nil:
			return "-"
		case *count < 0:
			return "unknown"
		}
		return fmt.Sprint(*count)
	}
	lines := [][]string{{"TABLE", "ROWS", "BEFORE", "CHANGED SQL"}}
	for _, table := range d.Tables {
		changed := "unknown"
		if table.ChangedBytes != nil {
			changed = ui.Bytes(*table.ChangedBytes)
		}
		lines = append(lines, []string{table.Name, rows(table.After), rows(table.Before), changed})
	}
	return text + "\n" + ui.Table(lines)
}
