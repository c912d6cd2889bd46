package fleet

import (
	"testing"
)

func TestPrice(t *testing.T) {
	for text, want := range map[string]string{
		"0.0245 USD": "49.00 USD",
		"0.02":       "40.00",
		"0.02€":      "40.00 €",
	} {
		config, err := parseConfig("fleet.yaml", "/srv", []byte("scan: [.]\nstorage_price: "+text+"\n"))
		if got := config.StoragePrice.Month(2e12); err != nil || got != want {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	_, err := parseConfig("fleet.yaml", "/srv", []byte("scan: [.]\nstorage_price: USD 3\n"))
	if want := `fleet.yaml:2: storage_price: what a GB costs a month is expected, such as 0.0245 USD (got "USD 3")`; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	if got := (Price{}).Month(2e12); got != "" {
		t.Errorf("no price: %q", got)
	}
}
