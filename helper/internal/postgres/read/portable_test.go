package read

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPortableText(t *testing.T) {
	const text = `-- PostgreSQL database dump
SET statement_timeout = 0;
SET transaction_timeout = 0;
SET some_future_timeout = '1s';
SELECT pg_catalog.set_config('search_path', '', false);
SET default_table_access_method = heap;
SET default_table_access_method = columnar;
CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$
SET transaction_timeout = 0;
$$;
COPY t FROM stdin;
SET transaction_timeout = 0;
\.
`
	const made = "SELECT pg_catalog.set_config(name, '%s', false) FROM pg_catalog.pg_settings WHERE name = '%s'"
	want := strings.Replace(text, "SET transaction_timeout = 0", fmt.Sprintf(made, "0", "transaction_timeout"), 1)
	want = strings.Replace(want, "SET some_future_timeout = '1s'", fmt.Sprintf(made, "1s", "some_future_timeout"), 1)
	want = strings.Replace(want, "SET default_table_access_method = heap", fmt.Sprintf(made, "heap", "default_table_access_method"), 1)
	got, err := io.ReadAll(newOwnText(strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
