package bucket

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func TestPartSizesReachFiveTebibytes(t *testing.T) {
	var total int64
	for n := int32(1); n <= maxParts; n++ {
		size := defaultLimits.partSize(n)
		if size < 5*mib || size > 5*1024*mib {
			t.Fatalf("part %d has %d bytes", n, size)
		}
		if n > 1 && size < defaultLimits.partSize(n-1) {
			t.Fatalf("part %d is smaller than the one before", n)
		}
		if size > defaultLimits.maxBuffer && total < 40<<30 {
			t.Fatalf("parts are streamed from %d bytes on", total)
		}
		total += size
	}
	if total < 5<<40 {
		t.Errorf("10,000 parts hold %d bytes", total)
	}
}

// upload writes content in pieces and completes.
func upload(t *testing.T, b *Bucket, content []byte, piece int, opts UploadOptions) (*Upload, error) {
	t.Helper()
	u, err := b.Upload(t.Context(), b.NewKey(time.Now(), ".sql.zst"), opts)
	if err != nil {
		t.Fatal(err)
	}
	for len(content) > 0 {
		n, err := u.Write(content[:min(piece, len(content))])
		if err != nil {
			return u, err
		}
		content = content[n:]
	}
	return u, u.Complete(t.Context())
}

func TestUpload(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		for _, size := range []int{1, 5*mib - 1, 5 * mib, 5*mib + 1, 10 * mib, 16 * mib, 16*mib + 1, 21 * mib} {
			t.Run(fmt.Sprint(size), func(t *testing.T) {
				content := random(size)
				u, err := upload(t, b, content, 1<<20-7, UploadOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if u.Sent() != int64(size) {
					t.Errorf("sent %d of %d bytes", u.Sent(), size)
				}
				if (u.id != "") != (size > 5*mib) {
					t.Errorf("in parts: %v", u.id != "")
				}
				if err := u.Abort(); err != nil {
					t.Errorf("abort after complete: %v", err)
				}
				e.wantContent(t, u.Key(), content)
			})
		}
	})
}

func TestUploadStreamsBigParts(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		content := random(50 * mib)
		u, err := b.Upload(t.Context(), b.NewKey(time.Now(), ".sql.zst"), UploadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		// Parts of 5, 5, 6 and 7 MiB; the fourth is streamed once its first 6 MiB are there and more is coming.
		if _, err := u.Write(content[:22*mib]); err != nil {
			t.Fatal(err)
		}
		if u.Room() != 0 {
			t.Fatalf("room is %d before more is coming", u.Room())
		}
		if _, err := u.Write(content[22*mib : 22*mib+5]); err != nil {
			t.Fatal(err)
		}
		if u.Room() != mib-5 {
			t.Fatalf("room is %d", u.Room())
		}
		if err := u.Complete(t.Context()); err == nil {
			t.Fatal("completed inside a part of fixed length")
		}
		if err := u.Abort(); err != nil {
			t.Fatal(err)
		}
		e.wantNothing(t, u)

		// Through several streamed parts, padded as dumpfile does.
		u, err = b.Upload(t.Context(), b.NewKey(time.Now(), ".sql.zst"), UploadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		n, streamed := 0, 0
		for n < 40*mib || u.Room() > 0 {
			if u.Room() > 0 {
				streamed++
			}
			m, err := u.Write(content[n : n+100_000])
			if err != nil {
				t.Fatal(err)
			}
			n += m
		}
		if err := u.Complete(t.Context()); err != nil {
			t.Fatal(err)
		}
		if streamed == 0 {
			t.Error("no part was streamed")
		}
		if u.Sent() != int64(n) {
			t.Errorf("sent %d of %d bytes", u.Sent(), n)
		}
		e.wantContent(t, u.Key(), content[:n])
	})
}

func TestUploadDescribesTheObject(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		metadata := map[string]string{"Engine": "mariadb", "publisher": "Zoë Müller, Århus\n日本", "empty": ""}
		for _, size := range []int{10, 6 * mib} {
			u, err := upload(t, b, random(size), mib, UploadOptions{
				Metadata: metadata, Tags: map[string]string{"project": "shop", "engine-version": "10.11 a+b/c=d"},
			})
			if err != nil {
				t.Fatal(err)
			}
			o, err := b.Head(t.Context(), u.Key())
			if err != nil {
				t.Fatal(err)
			}
			if o.Metadata["engine"] != "mariadb" || o.Metadata["publisher"] != metadata["publisher"] {
				t.Errorf("metadata is %q", o.Metadata)
			}
			if got := aws.ToString(e.head(t, u.Key()).ContentType); got != "application/zstd" {
				t.Errorf("content type is %q", got)
			}
			tags, err := e.Client().GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: &e.bucket, Key: &u.key})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, tag := range tags.TagSet {
				got[*tag.Key] = *tag.Value
			}
			if got["project"] != "shop" || got["engine-version"] != "10.11 a+b/c=d" {
				t.Errorf("tags are %q", got)
			}
		}
		if e.notes.String() != "" {
			t.Errorf("notes: %s", e.notes)
		}
	})
}

func TestUploadWithoutPermissionToTag(t *testing.T) {
	for status, code := range map[int]string{403: "AccessDenied", 501: "NotImplemented"} {
		e := newEnv(t, "minio")
		p, behind := e.behind(t)
		p.OnRequest(func(w http.ResponseWriter, r *http.Request) bool {
			return r.Header.Get("X-Amz-Tagging") != "" && answerError(w, status, code, "No tags.")
		})
		b := behind.open(t)
		for _, size := range []int{10, 6 * mib} {
			u, err := upload(t, b, random(size), mib, UploadOptions{Tags: map[string]string{"project": "shop"}})
			if err != nil {
				t.Fatal(err)
			}
			e.wantContent(t, u.Key(), random(size))
		}
		if got, want := e.notes.String(), "the dump has no tags: tagging is not allowed (s3:PutObjectTagging) or not supported"; got != want {
			t.Errorf("%s: note is %q", code, got)
		}
	}
}

func TestUploadEncrypts(t *testing.T) {
	e := newEnv(t, "minio")
	c := e.config()
	c.KMSKeyID = "dump-test-key"
	b := open(t, c)
	for _, size := range []int{10, 6 * mib} {
		u, err := upload(t, b, random(size), mib, UploadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		h := e.head(t, u.Key())
		if h.ServerSideEncryption != "aws:kms" || !strings.HasSuffix(aws.ToString(h.SSEKMSKeyId), "dump-test-key") {
			t.Errorf("encryption is %q with key %q", h.ServerSideEncryption, aws.ToString(h.SSEKMSKeyId))
		}
		e.wantContent(t, u.Key(), random(size))
	}
}

func TestAbortLeavesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		for _, size := range []int{0, mib, 12 * mib, 23 * mib} {
			t.Run(fmt.Sprint(size), func(t *testing.T) {
				b := e.open(t)
				ctx, cancel := context.WithCancelCause(t.Context())
				u, err := b.Upload(ctx, b.NewKey(time.Now(), ".sql.zst"), UploadOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := u.Write(random(size)); err != nil {
					t.Fatal(err)
				}
				why := errors.New("ctrl-c")
				cancel(why)
				if _, err := u.Write([]byte("x")); !errors.Is(err, why) {
					t.Errorf("write after cancel: %v", err)
				}
				if err := u.Complete(t.Context()); !errors.Is(err, why) {
					t.Errorf("complete after cancel: %v", err)
				}
				for range 2 {
					if err := u.Abort(); err != nil {
						t.Fatal(err)
					}
				}
				e.wantNothing(t, u)
			})
		}
	})
}

// A writer that waits for the network must hear of Abort, and of the first failure, at once.
func TestWriteIsWokenUp(t *testing.T) {
	e := newEnv(t, "minio")
	p, behind := e.behind(t)
	b := behind.open(t)
	stuck := make(chan struct{})
	t.Cleanup(func() { close(stuck) })
	arrived := make(chan struct{}, 100)
	p.OnRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("partNumber") == "" {
			return false
		}
		arrived <- struct{}{}
		if r.URL.Query().Get("partNumber") == "2" {
			return answerError(w, 403, "AccessDenied", "No.")
		}
		select {
		case <-stuck:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	})
	u, err := b.Upload(t.Context(), b.NewKey(time.Now(), ".sql.zst"), UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = u.Write(random(100 * mib))
	wantError(t, err, ErrAccessDenied, "upload part 2 of s3://"+e.bucket+"/"+u.Key()+": access denied, s3:PutObject is missing: No")
	if _, again := u.Write([]byte("x")); again != err {
		t.Errorf("the second write returns %v", again)
	}
	if err := u.Abort(); err != nil {
		t.Fatal(err)
	}
	e.wantNothing(t, u)

	p.OnRequest(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("partNumber") == "" {
			return false
		}
		arrived <- struct{}{}
		select {
		case <-stuck:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	})
	for len(arrived) > 0 {
		<-arrived
	}
	u, err = b.Upload(t.Context(), b.NewKey(time.Now(), ".sql.zst"), UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	written := make(chan error)
	go func() { _, err := u.Write(random(100 * mib)); written <- err }()
	<-arrived
	if err := u.Abort(); err != nil {
		t.Fatal(err)
	}
	if err := <-written; !errors.Is(err, ErrAborted) {
		t.Errorf("write returns %v", err)
	}
	e.wantNothing(t, u)
}

func TestUploadOutlastsBadConnections(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		p, behind := e.behind(t)
		b := behind.open(t)
		var n atomic.Int64
		p.OnRequest(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodHead {
				return false
			}
			switch n.Add(1) {
			case 3:
				return answerError(w, 503, "SlowDown", "Please reduce your request rate.")
			case 2:
				_, _ = io.CopyN(io.Discard, r.Body, 1<<20)
				panic(http.ErrAbortHandler)
			case 4:
				return answerError(w, 500, "InternalError", "We encountered an internal error.")
			}
			return false
		})
		content := random(16 * mib)
		u, err := upload(t, b, content, mib, UploadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if n.Load() < 5 {
			t.Errorf("only %d requests", n.Load())
		}
		e.wantContent(t, u.Key(), content)
	})
}

// The server completes the upload, but its response is lost: the second attempt gets NoSuchUpload.
func TestCompleteAnswerLost(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		p, behind := e.behind(t)
		b := behind.open(t)
		var lost atomic.Bool
		p.OnResponse(func(resp *http.Response) {
			if resp.Request.Method == http.MethodPost && resp.Request.URL.Query().Has("uploadId") && !lost.Swap(true) {
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body = &cut{resp.Body, 0}
			}
		})
		content := random(6 * mib)
		u, err := upload(t, b, content, mib, UploadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !lost.Load() {
			t.Fatal("nothing was lost")
		}
		e.wantContent(t, u.Key(), content)
	})
}

// S3 may answer a CompleteMultipartUpload with 200 and an error inside.
func TestCompleteFailsInside200(t *testing.T) {
	e := newEnv(t, "minio")
	p, behind := e.behind(t)
	b := behind.open(t)
	p.OnRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") {
			return answerError(w, 200, "InternalError", "We encountered an internal error. Please try again.")
		}
		return false
	})
	u, err := upload(t, b, random(6*mib), mib, UploadOptions{})
	wantError(t, err, ErrUnavailable, "complete s3://"+e.bucket+"/"+u.Key()+
		": the server fails: We encountered an internal error. Please try again")
	if err := u.Abort(); err != nil {
		t.Fatal(err)
	}
	e.wantNothing(t, u)
}

func TestUploadNoticesAnotherSize(t *testing.T) {
	e := newEnv(t, "minio")
	p, behind := e.behind(t)
	b := behind.open(t)
	p.OnResponse(func(resp *http.Response) {
		if resp.Request.Method == http.MethodHead {
			resp.Header.Set("Content-Length", "17")
			resp.ContentLength = 17
		}
	})
	u, err := upload(t, b, random(10), mib, UploadOptions{})
	wantError(t, err, ErrDamaged, "check s3://"+e.bucket+"/"+u.Key()+
		": the store did not keep what was sent: 10 bytes were sent, it has 17")
	if err := u.Abort(); err != nil {
		t.Fatal(err)
	}
	e.wantNothing(t, u)
}

func TestNothingWrittenIsNoDump(t *testing.T) {
	e := newEnv(t, "minio")
	u, err := upload(t, e.open(t), nil, 1, UploadOptions{})
	if err == nil || !strings.Contains(err.Error(), "nothing was written") {
		t.Errorf("complete: %v", err)
	}
	e.wantNothing(t, u)
}

func TestBuffersAreBounded(t *testing.T) {
	l := defaultLimits
	bufs := newBuffers(l)
	var taken [][]byte
	synctest.Test(t, func(t *testing.T) { // the time limit ends only the wait for a buffer that does not come
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for {
			buf, err := bufs.get(ctx, l.maxBuffer-mib)
			if err != nil {
				break
			}
			taken = append(taken, buf)
		}
	})
	if len(taken) != 2 {
		t.Fatalf("%d buffers of 31 MiB", len(taken))
	}
	first := &taken[0][:1][0]
	bufs.put(taken[0])
	again, err := bufs.get(t.Context(), 8*mib)
	if err != nil {
		t.Fatal(err)
	}
	if &again[:1][0] != first || cap(again) != 8*mib {
		t.Error("the buffer is not used again")
	}
	if !bytes.Equal(again, nil) {
		t.Error("the buffer is not empty")
	}
}

// A bucket with object lock refuses parts that come without a Content-MD5.
func TestUploadWhereMD5IsDemanded(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		p, e := e.behind(t)
		var refused atomic.Int32
		p.OnRequest(func(w http.ResponseWriter, r *http.Request) bool {
			if !r.URL.Query().Has("partNumber") || r.Header.Get("Content-MD5") != "" {
				return false
			}
			refused.Add(1)
			_, _ = io.Copy(io.Discard, r.Body) // or else the answer may be lost with the connection
			return answerError(w, http.StatusBadRequest, "InvalidRequest",
				"Content-MD5 OR x-amz-checksum- HTTP header is required for Put Part requests with Object Lock parameters")
		})
		content := random(21 * mib)
		u, err := upload(t, e.open(t), content, mib, UploadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		e.wantContent(t, u.Key(), content)
		if refused.Load() == 0 {
			t.Error("no part was sent without: there was nothing to get over")
		}
	})
}

// With TLS, too, each part is sent with its checksum.
func TestPartsAreSignedWithTLS(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		p, e := e.behind(t)
		var parts, unsigned atomic.Int32
		forward := p.Config.Handler
		secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("partNumber") {
				parts.Add(1)
				if len(r.Header.Get("X-Amz-Content-Sha256")) != 64 {
					unsigned.Add(1)
				}
			}
			forward.ServeHTTP(w, r)
		}))
		t.Cleanup(secure.Close)
		bundle := filepath.Join(t.TempDir(), "ca.pem")
		block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
		if err := os.WriteFile(bundle, block, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("AWS_CA_BUNDLE", bundle)
		config := e.config()
		config.Endpoint = secure.URL
		content := random(11 * mib)
		u, err := upload(t, open(t, config), content, mib, UploadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		e.wantContent(t, u.Key(), content)
		if parts.Load() == 0 || unsigned.Load() > 0 {
			t.Errorf("of %d parts %d were unsigned", parts.Load(), unsigned.Load())
		}
	})
}
