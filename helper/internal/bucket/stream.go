package bucket

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// streamedPart is a part too big for memory. Its request has a fixed length, and Write feeds it. It cannot be sent again, and there is
// only one at a time. Only dumps beyond some 50 GB have any.
type streamedPart struct {
	number int32
	head   []byte // the buffer with its first bytes
	size   int64
	room   int64 // bytes that are still missing
	pipe   *io.PipeWriter
	end    chan struct{} // closed when the request has ended
	etag   *string
	err    error
}

// beginStream begins a part of size bytes. The filled buffer is its beginning.
func (u *Upload) beginStream(size int64) error {
	if err := u.open(); err != nil {
		return err
	}
	body, pipe := io.Pipe()
	s := &streamedPart{number: u.part, head: u.buf, size: size, room: size - int64(len(u.buf)),
		pipe: pipe, end: make(chan struct{})}
	u.stream, u.buf, u.part = s, nil, u.part+1
	u.sending.Go(func() {
		defer close(s.end)
		// The request ends with its body, which waits for Write.
		stop := context.AfterFunc(u.ctx, func() { _ = body.CloseWithError(context.Cause(u.ctx)) })
		defer stop()
		out, err := u.b.client.UploadPart(u.ctx, &s3.UploadPartInput{
			Bucket: &u.b.name, Key: &u.key, UploadId: &u.id, PartNumber: &s.number,
			Body: io.MultiReader(bytes.NewReader(s.head), body), ContentLength: &s.size,
		}, once, s3.WithAPIOptions(v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware))
		if err != nil {
			u.cut.Store(true)
			s.err = u.b.fail(u.ctx, fmt.Sprintf("upload part %d of", s.number), "s3:PutObject", u.key, err)
			u.cancel(s.err)
			_ = body.CloseWithError(s.err) // wakes Write
			return
		}
		s.etag = out.ETag
	})
	return nil
}

// once is a body that can be read only once.
func once(o *s3.Options) { o.Retryer = aws.NopRetryer{} }

// write copies as much of p into the part as it needs.
func (s *streamedPart) write(p []byte) (int, error) {
	if int64(len(p)) > s.room {
		p = p[:s.room]
	}
	n, err := s.pipe.Write(p)
	s.room -= int64(n)
	return n, err
}

// endStream waits for the answer to a part that has all its bytes.
func (u *Upload) endStream() error {
	s := u.stream
	_ = s.pipe.Close()
	<-s.end
	if s.err != nil {
		return s.err
	}
	u.stream = nil
	u.sent.Add(s.size)
	u.done(s.number, s.etag)
	u.bufs.put(s.head)
	return nil
}
