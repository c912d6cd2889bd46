package bucket

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"mime"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Object is a dump in the bucket, or an object that was baked from one.
type Object struct {
	Key          string    // the whole key
	Name         string    // the last part of the key
	Size         int64     // bytes
	Time         time.Time // the snapshot's time if the key has it, else LastModified; in UTC, whole seconds
	Ours         bool      // the key is one of this project's dumps by this tool
	LastModified time.Time // in UTC, with fractions if the store has them; for a multipart upload when it began
	ETag         string    // changes with the content, in quotes as the server gives it
	StorageClass string    // STANDARD, GLACIER, …
	VersionID    string    // Head only, and only in versioned buckets
	Expires      time.Time // when a lifecycle rule deletes it; Head only, and zero if none does

	// Series is set for a dump's tables as files: the servers that can use them, as in "mariadb-11.8".
	Series string
	// Baked are a dump's tables as files, in the order of series; only set by Dumps, Contents and Newest.
	Baked []Object

	// Metadata is the uploader's, with names in lower case; Head only.
	Metadata map[string]string
}

// Dumps lists the project's dumps, newest first. These are direct children of the prefix that have the ending of a dump and are not
// empty, by this tool or another. It leaves out the dumps of other projects that share the prefix. An empty list is no error.
func (b *Bucket) Dumps(ctx context.Context) ([]Object, error) {
	contents, err := b.ContentsTold(ctx)
	return contents.Dumps, err
}

// Contents lists what Dumps lists, and what is no dump of the present.
func (b *Bucket) Contents(ctx context.Context) (Contents, error) {
	found := Contents{Others: Others{}}
	baked := map[string][]Object{} // by the dump's key
	var latest time.Time
	for listed, err := range b.objects(ctx, b.join(""), "/") {
		if err != nil {
			return Contents{}, err
		}
		o := b.listed(listed)
		if o.LastModified.After(latest) {
			latest = o.LastModified
		}
		who, _ := b.keys.read(o.Name)
		switch {
		case who == sibling && o.Size > 0:
			found.Others.add(o.Name)
		case o.Series != "":
			baked[DumpOf(o.Key)] = append(baked[DumpOf(o.Key)], o)
		case who != sibling && isDump(o.Name) && o.Size > 0:
			found.Dumps = append(found.Dumps, o)
		}
	}
	slices.SortFunc(found.Dumps, newestFirst)
	for i := range found.Dumps {
		dump := &found.Dumps[i]
		dump.Baked = baked[dump.Key]
		slices.SortFunc(dump.Baked, bySeries)
		delete(baked, dump.Key)
	}
	for _, dump := range slices.Sorted(maps.Keys(baked)) {
		found.Orphans = append(found.Orphans, baked[dump]...)
	}
	found.setApart(b.present(latest))
	return found, nil
}

// listed is an object in a listing.
func (b *Bucket) listed(o types.Object) Object {
	object := b.object(aws.ToString(o.Key), aws.ToInt64(o.Size), aws.ToTime(o.LastModified))
	object.ETag, object.StorageClass = aws.ToString(o.ETag), string(o.StorageClass)
	return object
}

// ContentsTold is Contents, and tells the user of dumps that are dated in the future.
func (b *Bucket) ContentsTold(ctx context.Context) (Contents, error) {
	contents, err := b.Contents(ctx)
	b.sayFuture(contents)
	return contents, err
}

// Newest returns the first of Dumps. If there is none, the error's kind is ErrEmpty.
func (b *Bucket) Newest(ctx context.Context) (Object, error) {
	contents, err := b.ContentsTold(ctx)
	if err != nil {
		return Object{}, err
	}
	return b.NewestOf(contents)
}

// NewestOf is Newest for what Contents has found.
func (b *Bucket) NewestOf(contents Contents) (Object, error) {
	if len(contents.Dumps) == 0 {
		return Object{}, &Error{Op: "find the newest dump in", Target: b.String(), Kind: ErrEmpty, Others: contents.Others}
	}
	return contents.Dumps[0], nil
}

// newestFirst orders dumps. The key decides between two of the same time, so that the order is stable.
func newestFirst(x, y Object) int {
	return cmp.Or(y.Time.Compare(x.Time), y.LastModified.Compare(x.LastModified), strings.Compare(y.Key, x.Key))
}

// object makes an Object from a key and its entry in a listing. Times lose their fractions of a second, which keys do not have:
// otherwise a foreign dump would seem newer than one of ours from later in the same second. LastModified decides within a second.
func (b *Bucket) object(key string, size int64, modified time.Time) Object {
	modified = modified.UTC()
	o := Object{Key: key, Name: base(key), Size: size, LastModified: modified, Time: modified.Truncate(time.Second)}
	dump, series := readBaked(o.Name)
	if who, at := b.keys.read(dump); who == ours {
		o.Ours, o.Time, o.Series = true, at, series
	}
	return o
}

// Find is Head for what a user types: s3://bucket/key, a whole key, or its last part.
func (b *Bucket) Find(ctx context.Context, key string) (Object, error) {
	if whole, ok := strings.CutPrefix(key, "s3://"+b.name+"/"); ok {
		return b.Head(ctx, whole)
	}
	if !strings.Contains(key, "/") {
		return b.Head(ctx, b.join(key))
	}
	obj, err := b.Head(ctx, key)
	if errors.Is(err, ErrNoSuchKey) && b.prefix != "" && !strings.HasPrefix(key, b.prefix+"/") {
		if below, err := b.Head(ctx, b.join(key)); err == nil {
			return below, nil
		}
	}
	return obj, err
}

// Head returns an object by its whole key. If there is none, the kind of error is ErrNoSuchKey; without permission to list, S3
// returns ErrAccessDenied for a missing object.
func (b *Bucket) Head(ctx context.Context, key string) (Object, error) {
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		return Object{}, b.fail(ctx, "look at", "s3:GetObject", key, err)
	}
	o := b.object(key, aws.ToInt64(out.ContentLength), aws.ToTime(out.LastModified))
	o.ETag, o.StorageClass = aws.ToString(out.ETag), string(out.StorageClass)
	o.VersionID = aws.ToString(out.VersionId)
	o.Expires = readExpiration(aws.ToString(out.Expiration))
	o.Metadata = decodeMetadata(out.Metadata)
	return o, nil
}

// Metadata is sent in headers, so everything but printable ASCII is encoded as in mail headers (RFC 2047). S3 itself does this when
// it returns such values.

func encodeMetadata(in map[string]string) map[string]string {
	out := make(map[string]string, len(in))
	for k, v := range in {
		out[strings.ToLower(k)] = mime.QEncoding.Encode("utf-8", v)
	}
	return out
}

func decodeMetadata(in map[string]string) map[string]string {
	out := make(map[string]string, len(in))
	var words mime.WordDecoder
	for k, v := range in {
		if text, err := words.DecodeHeader(v); err == nil {
			v = text
		}
		out[strings.ToLower(k)] = v
	}
	return out
}
