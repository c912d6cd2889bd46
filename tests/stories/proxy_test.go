package stories

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/jobiqo/dump-refresh/tests/faults"
)

// proxy FAULT puts a proxy in front of the S3 server. It does what a real server cannot be made to do. It writes the path and method of
// each request to the file proxy.log. Requests that a fault delays continue once the file proxy.resume exists.
func proxy(ts *testscript.TestScript, _ bool, args []string) {
	fault, ok := storyFaults[args[0]]
	if !ok {
		ts.Fatalf("unknown fault %q", args[0])
	}
	log, err := os.Create(ts.MkAbs("proxy.log"))
	check(ts, err)
	ts.Defer(func() { _ = log.Close() })
	resume := ts.MkAbs("proxy.resume")
	server, err := faults.NewHTTP(of(ts).store.Endpoint)
	check(ts, err)
	server.OnRequest(func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = fmt.Fprintln(log, r.URL.Path, r.Method)
		return fault(w, r, resume)
	})
	ts.Defer(server.CloseClientConnections)
	ts.Setenv("DUMP_S3_ENDPOINT", server.URL)
}

// storyFaults answer a request, or return false for it to be passed on to the server.
var storyFaults = map[string]func(w http.ResponseWriter, r *http.Request, resume string) bool{
	// skew is how S3 answers a client whose clock is 20 minutes behind.
	"skew": func(w http.ResponseWriter, _ *http.Request, _ string) bool {
		w.Header().Set("Date", time.Now().Add(20*time.Minute).UTC().Format(http.TimeFormat))
		return refuse(w, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
	},
	// counting harms nothing: the log counts the requests.
	"counting": func(http.ResponseWriter, *http.Request, string) bool { return false },
	// ahead is a store whose clock is 10 minutes ahead, which it tolerates.
	"ahead": func(w http.ResponseWriter, _ *http.Request, _ string) bool {
		w.Header().Set("Date", time.Now().Add(10*time.Minute).UTC().Format(http.TimeFormat))
		return false
	},
	// archived is how S3 answers a request for an object in Glacier.
	"archived": func(w http.ResponseWriter, r *http.Request, _ string) bool {
		return isDump(r) && r.Method == http.MethodGet &&
			refuse(w, "InvalidObjectState", "The operation is not valid for the object's storage class")
	},
	// stalled never answers requests for, or with, a dump's bytes.
	"stalled-get": func(_ http.ResponseWriter, r *http.Request, _ string) bool {
		// The index, at the end of the object, can still be read.
		return isDump(r) && r.Method == http.MethodGet && strings.HasPrefix(r.Header.Get("Range"), "bytes=0-") && stall(r)
	},
	"stalled-put": func(_ http.ResponseWriter, r *http.Request, _ string) bool {
		return isDump(r) && r.Method == http.MethodPut && stall(r)
	},
	// late-lease delays requests that write a lease.
	"late-lease": func(_ http.ResponseWriter, r *http.Request, resume string) bool {
		for r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, ".lease.json") && r.Context().Err() == nil {
			if _, err := os.Stat(resume); err == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		return false
	},
	// expiring is a store whose lifecycle deletes each dump at once.
	"expiring": func(w http.ResponseWriter, r *http.Request, _ string) bool {
		if isDump(r) && r.Method == http.MethodHead {
			soon := time.Now().Add(500 * time.Millisecond).UTC().Format(http.TimeFormat)
			w.Header().Set("X-Amz-Expiration", `expiry-date="`+soon+`", rule-id="old"`)
		}
		return false
	},
	// no-copies is a store that does not copy, and one-copy one that does it once.
	"no-copies": func(w http.ResponseWriter, r *http.Request, _ string) bool {
		return r.Header.Get("X-Amz-Copy-Source") != "" && refuse(w, "NotImplemented", "A header you provided implies functionality that is not implemented.")
	},
	// busy-copies is a store that answers what it cannot do with an error that usually passes.
	"busy-copies": func(w http.ResponseWriter, r *http.Request, _ string) bool {
		if r.Header.Get("X-Amz-Copy-Source") == "" {
			return false
		}
		w.WriteHeader(http.StatusInternalServerError)
		return true
	},
	"one-copy": func(w http.ResponseWriter, r *http.Request, _ string) bool {
		return r.Header.Get("X-Amz-Copy-Source") != "" && r.Header.Get("X-Amz-Copy-Source-Range") != "bytes=0-5242879" &&
			refuse(w, "AccessDenied", "Access Denied")
	},
	"kms": func(w http.ResponseWriter, r *http.Request, _ string) bool {
		return isDump(r) && r.Method != http.MethodGet && r.Method != http.MethodDelete &&
			refuse(w, "AccessDenied", "User: arn:aws:iam::111122223333:user/dev is not authorized to perform: kms:GenerateDataKey on this resource")
	},
}

func isDump(r *http.Request) bool {
	return strings.Contains(r.URL.Path, ".sql") && !strings.Contains(r.URL.Path, ".dump-refresh/")
}

func refuse(w http.ResponseWriter, code, message string) bool {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusForbidden)
	_, _ = w.Write([]byte(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>` + code + `</Code><Message>` + message + `</Message></Error>`))
	return true
}

func stall(r *http.Request) bool {
	<-r.Context().Done()
	return true
}
