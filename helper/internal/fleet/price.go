package fleet

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Price is what it costs to keep a gigabyte, of a thousand million bytes, for a month. The zero Price is not known.
type Price struct {
	PerGigabyte float64
	Currency    string // "USD"; it may be empty
}

// Known reports whether fleet.yaml names a price.
func (p Price) Known() bool { return p != Price{} }

// Month returns what so many bytes cost a month, as in "1.27 USD"; "" if no price is known.
func (p Price) Month(bytes int64) string {
	if !p.Known() {
		return ""
	}
	return strings.TrimSpace(strconv.FormatFloat(float64(bytes)/1e9*p.PerGigabyte, 'f', 2, 64) + " " + p.Currency)
}

var price = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)(?: ?(\pL{1,8}|\p{Sc}))?$`)

// price reads a number with a currency after it.
func (r *configReader) price(to *Price) func(*yaml.Node) {
	return func(node *yaml.Node) {
		match := price.FindStringSubmatch(node.Value)
		if match == nil {
			r.add(node, "storage_price: what a GB costs a month is expected, such as 0.0245 USD (got "+strconv.Quote(node.Value)+")")
			return
		}
		to.PerGigabyte, _ = strconv.ParseFloat(match[1], 64)
		to.Currency = match[2]
	}
}
