package personal

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/engine"
	"github.com/jobiqo/dump-refresh/helper/internal/mask"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// scanKey stands for the key of the maskers: a scan only asks which of them work on a column.
var scanKey = secret.New("no value is masked with it")

// Run looks at up to that many of the oldest and of the newest rows of each table of the source. The key of the rules does not count. The
// errors are those of package source.
func Run(ctx context.Context, config source.Config, known rules.Rules, rows int) (scan *Scan, err error) {
	config.Rows, config.Note = nil, nil // they are about what is published
	staging, err := engine.OpenSource(ctx, config)
	if err != nil {
		return nil, err
	}
	defer func() { _ = staging.Close() }()
	known.Key = mask.NewKey(scanKey)
	scan = &Scan{Rules: known}
	return scan, staging.Sample(ctx, rows, longestValue, scan)
}
