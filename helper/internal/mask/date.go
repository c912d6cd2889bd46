package mask

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// date moves dates by up to a number of days. It keeps their order, in a row and everywhere: what was not later than another date is not
// later afterwards. The line of time is cut into cells, each border is moved by a keyed amount, and what lies between two borders is
// stretched with them. Dates that lie close to one another are therefore moved nearly alike, and whoever knows some original dates can
// tell roughly what others were.
//
// Columns of integers hold seconds since 1970.
type date struct {
	*hasher
	kind   Kind
	column Column
	bound  int64 // seconds
}

const (
	daySeconds     = 24 * 60 * 60
	defaultDays    = 30
	mostDays       = 3650
	leastTimestamp = 2 * daySeconds // so that a time zone does not lead before 1970
	mostTimestamp  = 1<<31 - 1 - 2*daySeconds
)

func newDate(key Key, spec Spec, column Column) (Masker, error) {
	if err := onlyFor("date", column, Date, DateTime, Integer, Text); err != nil {
		return nil, err
	}
	if column.Unique {
		return nil, uniqueErr("date", "digits, or no masker")
	}
	days := spec.Days
	if days == 0 {
		days = defaultDays
	}
	if days < 1 || days > mostDays {
		return nil, fmt.Errorf("date: days must be from 1 to %d", mostDays)
	}
	if column.Kind == Integer && column.exceeds(strconv.AppendInt(nil, mostTimestamp, 10)) {
		return nil, errors.New("date needs a column of at least 32 bits")
	}
	return &date{key.hasher("date "+strconv.Itoa(days), false), column.Kind, column, int64(days) * daySeconds}, nil
}

func (m *date) Mask(dst, value []byte) ([]byte, bool) {
	if m.kind == Integer {
		seconds, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil || seconds == 0 { // 0 is no date
			return append(dst, value...), false
		}
		begin := len(dst)
		if dst = strconv.AppendInt(dst, m.seconds(seconds), 10); m.column.exceeds(dst[begin:]) {
			limit := m.column.Most
			if seconds < 0 {
				limit = m.column.Least
			}
			dst = append(dst[:begin], limit...)
		}
		return dst, false
	}
	parsed, ok := parseDate(value)
	if !ok { // 0000-00-00, infinity, or text
		return m.odd(dst, value), false
	}
	seconds := parsed.at.Unix()
	moved := time.Unix(m.within(seconds, m.move(seconds)), 0).UTC()
	if parsed.clock {
		dst = moved.AppendFormat(dst, "2006-01-02"+parsed.between+"15:04:05")
	} else {
		dst = moved.AppendFormat(dst, "2006-01-02")
	}
	return append(dst, parsed.rest...), false
}

// firstMillisecond is the least number that means milliseconds: as seconds, it would be in the year 5138.
const firstMillisecond = 100_000_000_000

// seconds moves a number of seconds, or of milliseconds, since 1970. It stays in the range of 32 bits if it was there.
func (m *date) seconds(at int64) int64 {
	switch {
	case at >= firstMillisecond:
		moved := m.move(at/1000)*1000 + at%1000
		return max(moved, firstMillisecond)
	case at > mostTimestamp:
		return min(max(m.move(at), mostTimestamp), firstMillisecond-1)
	case at >= leastTimestamp:
		return min(max(m.move(at), leastTimestamp), mostTimestamp)
	case at >= 0:
		return at
	}
	return min(max(m.move(at), min(at, -1<<31)), -1)
}

// odd replaces what is not a date of the calendar.
func (m *date) odd(dst, value []byte) []byte {
	if m.kind != Text {
		// Such values stand for nothing, and have no day that could be moved; partial ones, such as 1990-00-00, lose their year.
		if len(value) >= 10 && string(value[:4]) != "0000" && value[0] >= '0' && value[0] <= '9' && string(value[4:10]) != "-00-00" {
			return append(dst, empties[m.kind]...)
		}
		return append(dst, value...)
	}
	m.hash(value)
	for i, c := range value {
		if asciiClass[c] == digit {
			c = '0' + m.sum[i%len(m.sum)]%10
		}
		dst = append(dst, c)
	}
	return dst
}

// within keeps a moved time in the range that every server takes.
func (m *date) within(before, moved int64) int64 {
	least, most := yearBegins(1), yearBegins(10000)-1
	if m.kind == DateTime && before >= leastTimestamp && before <= mostTimestamp {
		least, most = leastTimestamp, mostTimestamp // a TIMESTAMP, perhaps
	}
	return min(max(moved, least), most)
}

func yearBegins(year int) int64 { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Unix() }

// move moves a time, in seconds since 1970.
func (m *date) move(at int64) int64 {
	width := 2*m.bound + daySeconds
	cell := floorDiv(at, width)
	inside := at - cell*width
	before, after := m.jitter(cell), m.jitter(cell+1)
	// The numbers stay far below 2^63: 10 years of seconds, twice, squared.
	return at + before + floorDiv((after-before)*inside, width)
}

// jitter is by how much a border of cells is moved.
func (m *date) jitter(cell int64) int64 {
	sum := m.hash(binary.BigEndian.AppendUint64(nil, uint64(cell)))
	return int64(binary.BigEndian.Uint64(sum)%uint64(2*m.bound+1)) - m.bound
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// parsedDate is a date as texts have it.
type parsedDate struct {
	at      time.Time
	clock   bool
	between string // date and clock
	rest    []byte // fractions and a time zone
}

// parseDate reads 2006-01-02, also with 15:04:05 behind it. It is false for days that no calendar has.
func parseDate(value []byte) (parsedDate, bool) {
	const day, clock = "2006-01-02", "2006-01-02 15:04:05"
	if len(value) < len(day) {
		return parsedDate{}, false
	}
	if len(value) == len(day) {
		at, err := time.Parse(day, string(value))
		return parsedDate{at: at}, err == nil && at.Year() > 0
	}
	if len(value) < len(clock) || value[10] != ' ' && value[10] != 'T' {
		return parsedDate{}, false
	}
	at, err := time.Parse("2006-01-02"+string(value[10])+"15:04:05", string(value[:len(clock)]))
	rest := value[len(clock):]
	if err != nil || at.Year() == 0 || len(rest) > 0 && bytesOutside(rest, "0123456789.:+-Z") {
		return parsedDate{}, false
	}
	return parsedDate{at, true, string(value[10]), rest}, true
}

// bytesOutside says whether a text has bytes that are none of the given ones.
func bytesOutside(text []byte, allowed string) bool {
	for _, c := range text {
		found := false
		for i := range len(allowed) {
			found = found || allowed[i] == c
		}
		if !found {
			return true
		}
	}
	return false
}
