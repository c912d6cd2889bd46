package cli

import (
	"fmt"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

// settingFlags are the flags that override a setting.
var settingFlags = map[string]string{
	"target":     "DUMP_TARGET",
	"engine":     "DUMP_ENGINE",
	"limit-rate": "DUMP_LIMIT_RATE",
	"for":        "DUMP_BAKE",
}

func limitRateFlag() cli.Flag {
	return &cli.StringFlag{Name: "limit-rate", Usage: "send and fetch at most `RATE` bytes per second, such as 500k or 10M"}
}

// mostThreads is more than any known server benefits from.
const mostThreads = 16

// threads parses the flag for the number of connections; 0 is the default.
func threads(c *cli.Context) (int, error) {
	n, err := number(c.String("threads"), mostThreads)
	if err != nil {
		return 0, &usage{fmt.Sprintf("--threads %s: a number from 1 to %d is expected", c.String("threads"), mostThreads)}
	}
	return n, nil
}

// level parses the flag for the compression level; 0 is the default.
func level(c *cli.Context, compression string) (int, error) {
	most := dumpfile.Compression(compression).MaxLevel()
	n, err := number(c.String("level"), most)
	if err != nil {
		return 0, &usage{fmt.Sprintf("--level %s: a number from 1 to %d is expected for %s", c.String("level"), most, compression)}
	}
	return n, nil
}

// number parses a whole number from 0 to most. An empty text is 0.
func number(text string, most int) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err == nil && (n < 0 || n > most) {
		err = strconv.ErrRange
	}
	return n, err
}
