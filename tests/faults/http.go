package faults

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
)

// HTTP is a proxy for servers of S3 and others of HTTP.
type HTTP struct {
	*httptest.Server

	mutex sync.Mutex
	rules []*rule
	log   []Request

	request  atomic.Pointer[func(w http.ResponseWriter, r *http.Request) bool]
	response atomic.Pointer[func(resp *http.Response)]
}

// Rule says which requests suffer, and what.
type Rule struct {
	// Matches selects requests; nil selects all.
	Matches func(*http.Request) bool
	// Skip lets the first ones pass. Times is how many of the others suffer; 0 is all.
	Skip, Times int
	// Answer answers in the server's place, which never sees the request.
	Answer func(http.ResponseWriter, *http.Request)
	// Up is done to the request's body, Down to that of the answer. Change may change the answer's status and header before.
	Up, Down Damage
	Change   func(*http.Response)
}

type rule struct {
	Rule
	seen, hits int
}

// Request is a request that has passed.
type Request struct{ Method, Path, Operation string }

// NewHTTP starts a proxy in front of a server.
func NewHTTP(server string) (*HTTP, error) { return ListenHTTP("127.0.0.1:0", server) }

// ListenHTTP does the same at an address.
func ListenHTTP(address, server string) (*HTTP, error) {
	target, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	p := &HTTP{}
	forward := &httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0),
		// The client's Host header stays, because the signature contains it.
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		FlushInterval:  -1,
		ModifyResponse: p.answered,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := p.request.Load(); f != nil && (*f)(w, r) {
			return
		}
		suffers := p.suffers(r)
		if suffers.Answer != nil {
			suffers.Answer(w, r)
			return
		}
		if suffers.Up != nil {
			r.Body = io.NopCloser(suffers.Up(r.Context(), r.Body))
		}
		forward.ServeHTTP(w, r.WithContext(with(r.Context(), suffers)))
	}))
	p.Config.ErrorLog = log.New(io.Discard, "", 0)
	if address != "127.0.0.1:0" {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return nil, err
		}
		_ = p.Listener.Close()
		p.Listener = listener
	}
	p.Start()
	return p, nil
}

// Rules sets the rules. The first one that matches a request applies.
func (p *HTTP) Rules(rules ...Rule) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.rules = nil
	for _, r := range rules {
		p.rules = append(p.rules, &rule{Rule: r})
	}
}

// Hits counts the requests that have suffered since the rules were set.
func (p *HTTP) Hits() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	hits := 0
	for _, r := range p.rules {
		hits += r.hits
	}
	return hits
}

// Requests returns all requests so far.
func (p *HTTP) Requests() []Request {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return append([]Request(nil), p.log...)
}

// OnRequest sets a function that may answer in the server's place, and then returns true. It runs for several requests at once.
func (p *HTTP) OnRequest(f func(w http.ResponseWriter, r *http.Request) bool) { p.request.Store(&f) }

// OnResponse sets a function that may change an answer.
func (p *HTTP) OnResponse(f func(resp *http.Response)) { p.response.Store(&f) }

// suffers returns the rule that applies to a request, or an empty one.
func (p *HTTP) suffers(r *http.Request) Rule {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.log = append(p.log, Request{r.Method, r.URL.Path, Operation(r)})
	for _, candidate := range p.rules {
		if candidate.Matches != nil && !candidate.Matches(r) {
			continue
		}
		candidate.seen++
		if candidate.seen <= candidate.Skip || candidate.Times > 0 && candidate.hits >= candidate.Times {
			continue
		}
		candidate.hits++
		return candidate.Rule
	}
	return Rule{}
}

// answered changes an answer of the server.
func (p *HTTP) answered(resp *http.Response) error {
	if f := p.response.Load(); f != nil { //nolint:bodyclose // the proxy closes it
		(*f)(resp)
	}
	suffers := of(resp.Request.Context())
	if suffers.Change != nil {
		suffers.Change(resp)
	}
	if suffers.Down != nil {
		body := resp.Body
		resp.Body = struct {
			io.Reader
			io.Closer
		}{suffers.Down(resp.Request.Context(), body), body}
	}
	return nil
}

// Operation returns the name of the S3 operation that a request asks for, with a path that begins with the bucket.
func Operation(r *http.Request) string {
	query := r.URL.Query()
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch has := query.Has; {
	case r.Method == http.MethodPost && has("uploads"):
		return "CreateMultipartUpload"
	case r.Method == http.MethodPost && has("uploadId"):
		return "CompleteMultipartUpload"
	case r.Method == http.MethodPut && has("partNumber"):
		return "UploadPart"
	case r.Method == http.MethodDelete && has("uploadId"):
		return "AbortMultipartUpload"
	case r.Method == http.MethodGet && has("uploadId"):
		return "ListParts"
	case r.Method == http.MethodGet && has("uploads"):
		return "ListMultipartUploads"
	case r.Method == http.MethodGet && has("list-type"):
		return "ListObjectsV2"
	case r.Method == http.MethodGet && has("versions"):
		return "ListObjectVersions"
	case key == "":
		return r.Method + " bucket"
	}
	return map[string]string{
		http.MethodGet: "GetObject", http.MethodPut: "PutObject", http.MethodHead: "HeadObject", http.MethodDelete: "DeleteObject",
	}[r.Method]
}

// On selects the requests of an S3 operation whose path contains a text.
func On(operation, path string) func(*http.Request) bool {
	return func(r *http.Request) bool { return Operation(r) == operation && strings.Contains(r.URL.Path, path) }
}
