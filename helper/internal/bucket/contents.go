package bucket

import (
	"fmt"
	"slices"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// Contents is what a listing finds for a project.
type Contents struct {
	Dumps   []Object // as Dumps returns them, with their Baked
	Orphans []Object // baked objects whose dump is gone
	Others  Others   // of other projects
	// Future are dumps that are dated later than Now: by a wrong clock, or they are none. Nobody knows how old they are, so they
	// are never the newest dump and never too old.
	Future []Object
	Now    time.Time // the present time, by which ages are judged
}

// setApart moves what is dated in the future out of the dumps.
func (c *Contents) setApart(now time.Time) {
	c.Now = now
	future := func(o Object) bool { return clock.IsFuture(o.Time, now) }
	for _, dump := range c.Dumps {
		if future(dump) {
			c.Future = append(c.Future, dump)
		}
	}
	c.Dumps = slices.DeleteFunc(c.Dumps, future)
}

// FutureText says which dumps are dated in the future; "" if there is none.
func (c *Contents) FutureText() string {
	if len(c.Future) == 0 {
		return ""
	}
	last := c.Future[0]
	text := fmt.Sprintf("%s is dated in the future, %s, and counts for nothing until then", last.Name, last.Time.Format(time.RFC3339))
	switch more := len(c.Future) - 1; {
	case more == 1:
		text += "; 1 more is, too"
	case more > 1:
		text += fmt.Sprintf("; %d more are, too", more)
	}
	return text
}

// sayFuture tells the user of such dumps.
func (b *Bucket) sayFuture(contents Contents) {
	if text := contents.FutureText(); text != "" {
		b.note(text)
	}
}
