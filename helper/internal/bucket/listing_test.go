package bucket

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
)

// A store that repeats a page is asked twice, and not for ever.
func TestListingThatRepeatsAPage(t *testing.T) {
	for _, token := range []string{"<NextContinuationToken>again</NextContinuationToken>", ""} {
		var requests atomic.Int64
		b := answers(t, func(w http.ResponseWriter, _ *http.Request) {
			requests.Add(1)
			_, _ = io.WriteString(w, `<ListBucketResult><IsTruncated>true</IsTruncated>`+token+`</ListBucketResult>`)
		})
		_, err := b.Dumps(t.Context())
		wantError(t, err, ErrGarbled, "list s3://b/p/: something between here and the store changes its answers: the listing does not end: it repeats a page")
		if requests.Load() > 2 {
			t.Errorf("%d requests", requests.Load())
		}
	}
	b := answers(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>again</NextKeyMarker></ListMultipartUploadsResult>`)
	})
	if _, err := b.AbortUnfinished(t.Context()); !errors.Is(err, ErrGarbled) {
		t.Errorf("unfinished uploads: %v", err)
	}
}
