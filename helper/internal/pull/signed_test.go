package pull

import (
	"bytes"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
	"github.com/jobiqo/dump-refresh/helper/internal/signing"
)

// signedOutput takes a dump.
type signedOutput struct{ bytes.Buffer }

func (*signedOutput) Room() int64 { return 0 }

func TestCheckSignature(t *testing.T) {
	private, err := signing.ParseKey(secret.New("MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := signing.ParsePublicKeys("MCowBQYDK2VwAyEAJcgdugQVnqyVxvow/4bwcAJ6tpMo8eVgaG+HezAXtbM=,MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=")
	if err != nil {
		t.Fatal(err)
	}
	index := func(signed bool) *dumpfile.Index {
		var object signedOutput
		w, err := dumpfile.NewWriter(t.Context(), &object, dumpfile.Zstd, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if signed {
			w.SignWith(private)
		}
		if err := w.Close(dumpfile.Index{Project: "shop"}); err != nil {
			t.Fatal(err)
		}
		read, err := dumpfile.ReadIndex(bytes.NewReader(object.Bytes()), int64(object.Len()), dumpfile.Zstd)
		if err != nil {
			t.Fatal(err)
		}
		return read
	}
	signed := index(true)
	for name, test := range map[string]struct {
		index   *dumpfile.Index
		project string
		keys    []signing.PublicKey
		want    string
	}{
		"signed":          {signed, "shop", keys, ""},
		"no keys":         {nil, "shop", nil, ""},
		"another tool's":  {nil, "shop", keys, "d is not signed, and DUMP_VERIFY_KEY is set"},
		"unsigned":        {index(false), "shop", keys, "d is not signed, and DUMP_VERIFY_KEY is set"},
		"another key":     {signed, "shop", keys[:1], "d is not signed by a key in DUMP_VERIFY_KEY: it says that key e744c0791320c328 has signed it"},
		"another project": {signed, "blog", keys, "d is signed as a dump of another project, shop"},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckSignature(test.index, "d", test.project, test.keys)
			if err != nil && err.Error() != test.want || err == nil && test.want != "" {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
