package bucket

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// proxy stands before a server and does to requests what networks and overloaded servers do.
type proxy struct {
	*httptest.Server
	// request may answer in the server's place (true). It runs for several requests at once.
	request atomic.Pointer[func(w http.ResponseWriter, r *http.Request) bool]
	// response may change an answer.
	response atomic.Pointer[func(resp *http.Response)]
}

// behind returns a proxy, and an environment that has it as its endpoint.
func (e env) behind(t *testing.T) (*proxy, env) {
	t.Helper()
	target, err := url.Parse(e.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{}
	forward := &httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // the signature covers it
		},
		ModifyResponse: func(resp *http.Response) error {
			if f := p.response.Load(); f != nil { //nolint:bodyclose // the proxy closes it
				(*f)(resp)
			}
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := p.request.Load(); f != nil && (*f)(w, r) {
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	server := *e.S3
	server.Endpoint = p.URL
	return p, env{&server, e.bucket, e.notes}
}

func (p *proxy) onRequest(f func(w http.ResponseWriter, r *http.Request) bool) { p.request.Store(&f) }
func (p *proxy) onResponse(f func(resp *http.Response))                        { p.response.Store(&f) }

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
