package bucket

import (
	"math"
	"net/http"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// maxSkew is the largest difference between two clocks that S3 tolerates.
const maxSkew = 15 * time.Minute

// measure takes a response's Date header.
func (b *Bucket) measure(date string) {
	at, err := http.ParseTime(date)
	if err != nil {
		return
	}
	first := b.clock.Measure(at)
	if offset, _ := b.clock.Offset(); first && offset.Abs() > maxSkew {
		b.note("this machine's clock is " + describeOffset(offset) + " the server's: set it")
	}
}

// ClockOffset returns the server's time minus this machine's, within about a second, as of the last answer; false if there was
// none yet.
func (b *Bucket) ClockOffset() (time.Duration, bool) { return b.clock.Offset() }

// Now is the present time by the store's clock, which also dates the objects. Before the first answer it is this machine's.
func (b *Bucket) Now() time.Time { return b.clock.Now() }

// present is the time by which a listing is judged. latest is the latest time that the store itself gave an object. A store that
// claims to be earlier than that has a wrong clock, or a proxy has changed the answer; if this machine's clock agrees with the
// object, it is right.
func (b *Bucket) present(latest time.Time) time.Time {
	now := b.Now()
	if own := time.Now().UTC(); clock.IsFuture(latest, now) && !clock.IsFuture(latest, own) {
		return own
	}
	return now
}

// describeOffset describes how this machine's clock differs: "20m0s behind", "3h0m0s ahead of".
func describeOffset(d time.Duration) string {
	minutes := time.Duration(math.Round(d.Abs().Minutes())) * time.Minute
	if d < 0 {
		return minutes.String() + " ahead of"
	}
	return minutes.String() + " behind"
}
