package bucket

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Between this machine and a store are proxies, gateways and login pages, which answer in the store's place: an HTML page with
// status 200, an empty body, half of one. The SDK takes some of these for an empty listing, or for an object's content. So each
// answer must show that it is the store's.

// garbled is an answer that is not the store's, or not all of it. Another try may get the right one.
type garbled struct{ why string }

func (e *garbled) Error() string { return e.why }

// documents are the operations that answer with XML, with the name of its root element. UploadPartCopy is not among them: a store that
// does not know it answers as to UploadPart, and would be asked again for minutes before everything is sent instead.
var documents = map[string]string{
	"ListObjectsV2":           "ListBucketResult",
	"ListObjectVersions":      "ListVersionsResult",
	"ListMultipartUploads":    "ListMultipartUploadsResult",
	"ListParts":               "ListPartsResult",
	"CreateMultipartUpload":   "InitiateMultipartUploadResult",
	"CompleteMultipartUpload": "CompleteMultipartUploadResult",
}

// hasETag are the operations whose answers have an ETag.
var hasETag = map[string]bool{"PutObject": true, "UploadPart": true, "HeadObject": true, "GetObject": true}

// checkAnswers looks at each answer before the SDK does.
func (b *Bucket) checkAnswers(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("checkAnswer", func(
			ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
		) (middleware.DeserializeOutput, middleware.Metadata, error) {
			out, metadata, err := next.HandleDeserialize(ctx, in)
			if answer, ok := out.RawResponse.(*smithyhttp.Response); ok && err == nil {
				operation := awsmiddleware.GetOperationName(ctx)
				if err = checkAnswer(operation, answer.Response); err == nil && answer.StatusCode < 300 {
					b.answered(operation)
				}
			}
			return out, metadata, err
		}), middleware.After) // next to the transport
	})
}

// checkAnswer fails with *garbled if a success is not the store's.
func checkAnswer(operation string, answer *http.Response) error {
	if answer.StatusCode < 200 || answer.StatusCode >= 300 {
		return nil
	}
	if hasETag[operation] && answer.Header.Get("ETag") == "" {
		_ = answer.Body.Close()
		return &garbled{"its answer to " + operation + " has no ETag" + likely(answer)}
	}
	root, ok := documents[operation]
	if !ok {
		return nil
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil {
		return fmt.Errorf("read the answer to %s: %w", operation, err)
	}
	switch found, whole := document(body); {
	case found == "Error": // S3 may find an error after it has answered 200
	case found != root:
		return &garbled{"its answer to " + operation + " is not S3's" + likely(answer)}
	case !whole:
		return &garbled{"its answer to " + operation + " is cut off or no XML"}
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// document returns the name of an XML document's root element, "" if it has none, and whether the document has its end.
func document(body []byte) (root string, whole bool) {
	for decoder := xml.NewDecoder(bytes.NewReader(body)); ; {
		token, err := decoder.Token()
		if err != nil {
			return root, err == io.EOF
		}
		if start, ok := token.(xml.StartElement); ok && root == "" {
			root = start.Name.Local
		}
	}
}

// likely says what an answer seems to be instead.
func likely(answer *http.Response) string {
	if kind, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";"); kind == "text/html" {
		return " but a web page"
	}
	return ""
}

// checkRange fails if an answer is not the range of the object that was asked for.
func (b *Bucket) checkRange(o Object, at, size int64, out *s3.GetObjectOutput) error {
	if got := aws.ToString(out.ETag); o.ETag != "" && got != o.ETag { // the store has ignored If-Match
		return &Error{Op: "fetch", Target: b.target(o.Key), Kind: ErrChanged}
	}
	got := aws.ToString(out.ContentRange)
	if got == "" { // the whole object
		if at == 0 && size == o.Size && aws.ToInt64(out.ContentLength) == o.Size {
			return nil
		}
		return &garbled{fmt.Sprintf("it was asked for bytes %d-%d of the object and ignored that", at, at+size-1)}
	}
	total, ok := strings.CutPrefix(got, fmt.Sprintf("bytes %d-%d/", at, at+size-1))
	switch {
	case !ok:
		return &garbled{fmt.Sprintf("it was asked for bytes %d-%d of the object and sent %s", at, at+size-1, got)}
	case total != "*" && total != fmt.Sprint(o.Size):
		return &Error{Op: "fetch", Target: b.target(o.Key), Kind: ErrChanged}
	}
	return nil
}
