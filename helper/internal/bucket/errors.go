package bucket

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// Kind is the cause of an error, for hints and exit codes. It is an error itself, so errors.Is(err, bucket.ErrNoSuchBucket) finds
// it in an *Error.
type Kind string

// The kinds of errors. Their texts are part of the messages.
const (
	ErrNoCredentials     Kind = "no AWS credentials found"
	ErrNoProfile         Kind = "no such AWS profile" // Profile is set
	ErrAWSFile           Kind = "an AWS file cannot be read"
	ErrSSOExpired        Kind = "the SSO session has expired"            // Profile is set
	ErrExpired           Kind = "the temporary credentials have expired" // Profile is set
	ErrInvalidToken      Kind = "the session token is not valid"
	ErrInvalidKey        Kind = "the access key is not known"
	ErrSignature         Kind = "the secret key does not fit the access key"
	ErrAccessDenied      Kind = "access denied" // Action is set
	ErrKMSDenied         Kind = "access to the KMS key denied"
	ErrNoSuchBucket      Kind = "no such bucket"
	ErrNoSuchKey         Kind = "no such object"
	ErrNoSuchSecret      Kind = "no such secret"
	ErrWrongRegion       Kind = "the bucket is in another region" // Region is set if the server names it
	ErrClockSkew         Kind = "this machine's clock is wrong"   // Offset is set
	ErrArchived          Kind = "the object is archived and must be restored first"
	ErrChanged           Kind = "the object was replaced meanwhile"
	ErrUnreachable       Kind = "cannot be reached"
	ErrContradiction     Kind = "the store refuses conditional writes although their conditions hold"
	ErrUnavailable       Kind = "the server fails"
	ErrGarbled           Kind = "something between here and the store changes its answers"
	ErrUploadGone        Kind = "another refresh or a lifecycle rule has removed the unfinished upload"
	ErrNoSpace           Kind = "no space left in the store"
	ErrEndpoint          Kind = "not an S3 endpoint"
	ErrEmpty             Kind = "no dump found"
	ErrDamaged           Kind = "the store did not keep what was sent"
	ErrLeaseLost         Kind = "the lease was lost to another refresh"
	ErrCredentialProcess Kind = "the credential_process failed"        // Profile is set
	ErrNeedsCode         Kind = "the profile asks for a one-time code" // Profile is set
	ErrReference         Kind = "not a reference to a secret"
	ErrRejected          Kind = "rejected" // any other answer of the server
)

func (k Kind) Error() string { return string(k) }

// Error is the type of all errors of this package, except for cancelled contexts and the caller's own errors.
type Error struct {
	Op      string        // what was done: "list", "put part 3 of"
	Target  string        // what it was done to: s3://bucket/key
	Kind    Kind          // what went wrong
	Action  string        // ErrAccessDenied: the missing permission, s3:PutObject
	Profile string        // credentials: the AWS profile
	Region  string        // ErrWrongRegion: the right one; empty if the server did not say
	Offset  time.Duration // ErrClockSkew: the server's clock minus this machine's
	Others  Others        // ErrEmpty: whose dumps are there instead
	Err     error         // the cause; its text is the SDK's and no part of the message

	message string // the server's message, if it helps
}

// Error is "list s3://b/p/: access denied, s3:ListBucket is missing: Access Denied".
func (e *Error) Error() string {
	var s strings.Builder
	s.WriteString(e.Op)
	if e.Target != "" {
		s.WriteString(" " + e.Target)
	}
	s.WriteString(": " + string(e.Kind))
	switch {
	case e.Kind == ErrAccessDenied && e.Action != "":
		s.WriteString(", " + e.Action + " is missing")
	case e.Kind == ErrSSOExpired || e.Kind == ErrExpired || e.Kind == ErrCredentialProcess || e.Kind == ErrNeedsCode:
		s.WriteString(" (profile " + e.Profile + ")")
	case e.Kind == ErrWrongRegion && e.Region != "":
		s.WriteString(", " + e.Region)
	case e.Kind == ErrEmpty && len(e.Others) > 0:
		s.WriteString(", but " + e.Others.String())
	case e.Kind == ErrClockSkew && e.Offset != 0:
		s.WriteString(", " + describeOffset(e.Offset) + " the server's")
	}
	if e.message != "" {
		s.WriteString(": " + strings.TrimRight(e.message, ". \n"))
	}
	return s.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is find the Kind.
func (e *Error) Is(target error) bool { return target == e.Kind }

// fail turns an error of the SDK into one of ours. key is empty for the whole bucket; action is the permission that the call
// needs.
func (b *Bucket) fail(ctx context.Context, op, action, key string, err error) error {
	err = classify(ctx, b.access, b.clock, &Error{Op: op, Target: b.target(key), Action: action, Err: err})
	var found *Error
	if errors.As(err, &found) && isType[*garbled](found.Err) && !b.outages.proven.Load() {
		found.Kind, found.message = ErrEndpoint, "" // it may never have been a store
	}
	return err
}

// classify sets what went wrong, by e.Err. A cancelled context keeps the caller's own cause.
func classify(ctx context.Context, a access, c *clock.Clock, e *Error) error {
	if ctx.Err() != nil {
		return &cancelled{e.Op, e.Target, context.Cause(ctx)}
	}
	var before *Error
	if errors.As(e.Err, &before) {
		return before
	}
	var creds *credentialsError
	api := apiError(e.Err)
	switch {
	case errors.As(e.Err, &creds), e.Target == "":
		classifyCredentials(a, e)
	case isType[*garbled](e.Err):
		e.Kind, e.message = ErrGarbled, innermost(e.Err)
	case api != nil:
		e.Profile = a.profile
		classifyAPI(e, api)
	case isNetwork(e.Err):
		e.Kind, e.message = ErrUnreachable, networkMessage(e.Err)
	case isType[*smithy.DeserializationError](e.Err):
		e.Kind = ErrEndpoint
	default:
		e.Kind, e.message = ErrRejected, innermost(e.Err)
	}
	// Servers have many codes for a wrong clock, and the answer to a HEAD has none.
	if c != nil {
		offset, known := c.Offset()
		switch {
		case e.Kind == ErrClockSkew:
			e.Offset = offset
		case known && offset.Abs() > maxSkew && (e.Kind == ErrSignature || e.Kind == ErrAccessDenied):
			e.Kind, e.Offset = ErrClockSkew, offset
		}
	}
	if e.Kind != ErrAccessDenied {
		e.Action = ""
	}
	return e
}

// cancelled means that a call's context has ended.
type cancelled struct {
	op, target string
	cause      error
}

func (e *cancelled) Error() string {
	return strings.TrimSpace(e.op+" "+e.target) + ": " + e.cause.Error()
}
func (e *cancelled) Unwrap() error { return e.cause }

// kinds maps the codes of S3, of compatible stores and of the services for credentials and secrets.
var kinds = map[string]Kind{
	"AccessDenied":                       ErrAccessDenied,
	"AccessDeniedException":              ErrAccessDenied,
	"AllAccessDisabled":                  ErrAccessDenied,
	"AccountProblem":                     ErrAccessDenied,
	"ForbiddenException":                 ErrAccessDenied,
	"Forbidden":                          ErrAccessDenied,
	"UnauthorizedAccess":                 ErrAccessDenied,
	"InvalidAccessKeyId":                 ErrInvalidKey,
	"InvalidToken":                       ErrInvalidToken,
	"InvalidTokenId":                     ErrInvalidToken,
	"InvalidClientTokenId":               ErrInvalidKey,
	"UnrecognizedClientException":        ErrInvalidKey,
	"ExpiredToken":                       ErrExpired,
	"ExpiredTokenException":              ErrExpired,
	"TokenRefreshRequired":               ErrExpired,
	"SignatureDoesNotMatch":              ErrSignature,
	"InvalidSignatureException":          ErrSignature,
	"RequestTimeTooSkewed":               ErrClockSkew,
	"RequestExpired":                     ErrClockSkew,
	"NoSuchBucket":                       ErrNoSuchBucket,
	"NoSuchKey":                          ErrNoSuchKey,
	"NoSuchVersion":                      ErrNoSuchKey,
	"NotFound":                           ErrNoSuchKey,
	"NoSuchUpload":                       ErrUploadGone,
	"ResourceNotFoundException":          ErrNoSuchSecret,
	"ParameterNotFound":                  ErrNoSuchSecret,
	"PermanentRedirect":                  ErrWrongRegion,
	"TemporaryRedirect":                  ErrWrongRegion,
	"MovedPermanently":                   ErrWrongRegion,
	"AuthorizationHeaderMalformed":       ErrWrongRegion,
	"IllegalLocationConstraintException": ErrWrongRegion,
	"InvalidRegion":                      ErrWrongRegion,
	"InvalidObjectState":                 ErrArchived,
	"PreconditionFailed":                 ErrChanged,
	"InvalidRange":                       ErrChanged,
	"ConditionalRequestConflict":         ErrChanged,
	"QuotaExceeded":                      ErrNoSpace,
	"QuotaExceededException":             ErrNoSpace,
	"StorageFull":                        ErrNoSpace,
	"InsufficientStorage":                ErrNoSpace,
	"XMinioStorageFull":                  ErrNoSpace,
	"XMinioAdminBucketQuotaExceeded":     ErrNoSpace,
	"InternalError":                      ErrUnavailable,
	"ServiceUnavailable":                 ErrUnavailable,
	"SlowDown":                           ErrUnavailable,
	"RequestTimeout":                     ErrUnavailable,
	"TooManyRequests":                    ErrUnavailable,
	"OperationAborted":                   ErrUnavailable,
	"BadDigest":                          ErrGarbled,
	"IncompleteBody":                     ErrGarbled,
	"XAmzContentSHA256Mismatch":          ErrGarbled,
	"DecryptionFailure":                  ErrKMSDenied,
	"InvalidKeyId":                       ErrKMSDenied,
}

// rightRegion finds the region in "the region 'us-east-1' is wrong; expecting 'eu-central-1'".
var rightRegion = regexp.MustCompile(`expecting '([a-z0-9-]+)'`)

// classifyAPI sets the kind for an answer of the server.
func classifyAPI(e *Error, api smithy.APIError) {
	code := api.ErrorCode()
	status, header := response(e.Err)
	e.message = api.ErrorMessage()
	if e.message == "" || e.message == "UnknownError" || e.message == http.StatusText(status) {
		e.message = ""
	}
	kind, known := kinds[code]
	switch {
	case strings.HasPrefix(code, "KMS.") || known && kind == ErrAccessDenied && strings.Contains(e.message, "kms:"):
		kind = ErrKMSDenied
	case known:
	case status == http.StatusMovedPermanently || status == http.StatusTemporaryRedirect:
		kind = ErrWrongRegion
	case status == http.StatusBadRequest && header.Get("X-Amz-Bucket-Region") != "":
		kind = ErrWrongRegion // the answer to a HEAD signed for another region
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		kind = ErrAccessDenied
	case status == http.StatusNotFound:
		kind = ErrNoSuchKey
	case status == http.StatusPreconditionFailed || status == http.StatusRequestedRangeNotSatisfiable:
		kind = ErrChanged
	case status == http.StatusInsufficientStorage:
		kind = ErrNoSpace
	case status >= 500 && status != http.StatusNotImplemented || status == http.StatusTooManyRequests:
		kind = ErrUnavailable
	default:
		kind = ErrRejected
	}
	e.Kind = kind
	switch {
	case kind == ErrRejected && e.message == "":
		e.message = code
	case kind == ErrWrongRegion:
		e.Region = header.Get("X-Amz-Bucket-Region")
		if m := rightRegion.FindStringSubmatch(e.message); m != nil && e.Region == "" {
			e.Region = m[1]
		}
		e.message = ""
	case kind == ErrNoSuchKey || kind == ErrNoSuchBucket || kind == ErrChanged || kind == ErrSSOExpired:
		e.message = "" // says no more than the kind
	}
}

// code returns the server's error code; "" if it did not answer.
func code(err error) string {
	if api := apiError(err); api != nil {
		return api.ErrorCode()
	}
	return ""
}

// apiError returns the server's answer in an error; nil if there is none.
func apiError(err error) smithy.APIError {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api
	}
	return nil
}

// response returns the status and header of the answer in an error.
func response(err error) (int, http.Header) {
	var resp *awshttp.ResponseError
	if errors.As(err, &resp) && resp.Response != nil {
		return resp.HTTPStatusCode(), resp.Response.Header
	}
	return 0, http.Header{}
}

// service and operation return the call that failed: "s3", "PutObject".
func service(err error) string {
	var op *smithy.OperationError
	if errors.As(err, &op) {
		return strings.ToLower(op.ServiceID)
	}
	return ""
}

func operation(err error) string {
	var op *smithy.OperationError
	if errors.As(err, &op) {
		return op.OperationName
	}
	return ""
}

// isNetwork reports whether an error came from below HTTP.
func isNetwork(err error) bool {
	return isType[*net.OpError](err) || isType[*net.DNSError](err) || isType[*url.Error](err) ||
		isCertificate(err) || isCut(err) || errors.Is(err, errIdle) || errors.Is(err, context.DeadlineExceeded)
}

func isCut(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
}

func isCertificate(err error) bool {
	return isType[*tls.CertificateVerificationError](err) || isType[x509.UnknownAuthorityError](err) ||
		isType[x509.HostnameError](err) || isType[tls.RecordHeaderError](err)
}

// networkMessage returns the text of an error from below HTTP, without the SDK's and the URL.
func networkMessage(err error) string {
	var (
		dns     *net.DNSError
		dial    *net.OpError
		request *url.Error
	)
	switch {
	case errors.Is(err, errIdle):
		return errIdle.Error()
	case isCut(err):
		return "the connection was cut"
	case errors.As(err, &dns):
		return "no host " + dns.Name + " (" + dns.Err + ")"
	case errors.As(err, &dial):
		return dial.Error()
	case errors.As(err, &request):
		return request.Err.Error()
	}
	return innermost(err)
}

// innermost returns the text of the innermost error, before the SDK added to it.
func innermost(err error) string {
	for {
		if several, ok := err.(interface{ Unwrap() []error }); ok && len(several.Unwrap()) > 0 {
			err = several.Unwrap()[0]
			continue
		}
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

func isType[T error](err error) bool {
	var t T
	return errors.As(err, &t)
}
