package bucket

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/tests/faults"
)

// behind returns a proxy in front of the server, and an environment that has it as its endpoint.
func (e env) behind(t *testing.T) (*faults.HTTP, env) {
	t.Helper()
	p, err := faults.NewHTTP(e.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	server := *e.S3
	server.Endpoint = p.URL
	return p, env{&server, e.bucket, e.notes}
}

// answer writes an S3 error.
func answerError(w http.ResponseWriter, status int, code, message string) bool {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `<?xml version="1.0"?><Error><Code>`+code+`</Code><Message>`+message+`</Message></Error>`)
	return true
}

// cut ends a body after n bytes as a broken connection does.
type cut struct {
	io.ReadCloser
	n int
}

func (c *cut) Read(p []byte) (int, error) {
	if c.n == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.ReadCloser.Read(p[:min(len(p), c.n)])
	c.n -= n
	return n, err
}

// writeInstead stores a small object for a request whose headers must not be taken as they are.
func (e env) writeInstead(t *testing.T, w http.ResponseWriter, r *http.Request) bool {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	key := strings.TrimPrefix(r.URL.Path, "/"+e.bucket+"/")
	if err := e.PutObject(e.bucket, key, body); err != nil {
		t.Error(err)
	}
	w.Header().Set("ETag", `"unknown"`)
	w.WriteHeader(http.StatusOK)
	return true
}
