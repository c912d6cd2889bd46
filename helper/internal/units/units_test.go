package units

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30m": 30 * time.Minute, "2d": 48 * time.Hour, "1h30m": 90 * time.Minute, "0.5d": 12 * time.Hour,
		"": 0, "0s": 0, "-1h": 0, "soon": 0, "d": 0, "3": 0,
	} {
		if got, err := Duration(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: got %s, %v", text, got, err)
		}
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "500": 500, "500k": 512000, "1.5M": 1572864, "2G": 2 << 30, "": -1, "k": -1, "-1": -1, "5T": -1, "1e99G": -1,
	} {
		got, err := Bytes(text)
		if want < 0 != (err != nil) || err == nil && got != want {
			t.Errorf("%q: got %d, %v", text, got, err)
		}
	}
}
