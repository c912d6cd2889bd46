// Package units parses amounts as people write them: durations and numbers of bytes.
package units

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration parses a duration such as 30m, 12h or 2d. It must be positive.
func Duration(text string) (time.Duration, error) {
	length, err := time.ParseDuration(text)
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		var count float64
		count, err = strconv.ParseFloat(days, 64)
		length = time.Duration(count * 24 * float64(time.Hour))
	}
	if err != nil || length <= 0 {
		return 0, errors.New("not a length of time such as 30m, 12h or 2d")
	}
	return length, nil
}

var byteCount = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)([kKmMgG]?)$`)

// Bytes parses a number of bytes as curl, wget and aws write rates: k, M and G are powers of 1024.
func Bytes(text string) (int64, error) {
	wrong := errors.New("not a number of bytes such as 500k or 1.5M")
	match := byteCount.FindStringSubmatch(text)
	if match == nil {
		return 0, wrong
	}
	count, err := strconv.ParseFloat(match[1], 64)
	count *= map[string]float64{"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[strings.ToLower(match[2])]
	if err != nil || count > math.MaxInt64/2 {
		return 0, wrong
	}
	return int64(count), nil
}
