package refresh

import (
	"context"
	"net"
	"strconv"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/engine"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// OtherSourceError means that the newest dump in a project's place was made of another database: two projects have the same name and
// place, or the source has moved.
type OtherSourceError struct {
	// Dump is the name of that dump, Publisher who made it.
	Dump, Publisher string
}

func (e *OtherSourceError) Error() string {
	text := "the dumps here come from another database: " + e.Dump
	if e.Publisher != "" {
		text += ", published by " + e.Publisher
	}
	return text
}

// Address returns where a source is, without user and password: "" for a command, of which only its author knows what it reads.
func Address(url *dburl.URL, ssh string) string {
	if url == nil {
		return ""
	}
	if _, host, ok := strings.Cut(ssh, "@"); ok {
		ssh = host
	}
	return strings.ToLower(ssh+" "+net.JoinHostPort(url.Host, strconv.Itoa(url.Port))) + "/" + url.Name
}

// origin describes the source in the index. A server has many addresses, such as one through a tunnel, and a new one gets the old one's
// address: so a source is known by either.
func (r *run) origin(info source.Info) dumpfile.Origin {
	return dumpfile.Origin{
		Address: secret.NewFingerprint(Address(r.Source.URL, r.Source.SSH)), Server: secret.NewFingerprint(r.serverOf(info)),
	}
}

// serverOf returns which database of which server it is, in the server's own words; "" if it does not say.
func (r *run) serverOf(info source.Info) string {
	if info.Server == "" || r.Source.URL == nil {
		return ""
	}
	return info.Server + "/" + r.Source.URL.Name
}

// refuseOthers fails with *OtherSourceError for a dump that was made of another source. It asks the server only if its address is another
// one. Dumps of earlier versions do not say what they were made of.
func (r *run) refuseOthers(ctx context.Context, object bucket.Object, index *dumpfile.Index) error {
	if r.Force || index == nil || !index.Origin.Address.Differs(Address(r.Source.URL, r.Source.SSH)) {
		return nil
	}
	src, err := engine.OpenSource(ctx, r.quietSource())
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	return r.refuseOther(object, index, src.Info())
}

// refuseOther is the same for a source that is open.
func (r *run) refuseOther(object bucket.Object, index *dumpfile.Index, info source.Info) error {
	if r.Force || index == nil || !index.Origin.Address.Differs(Address(r.Source.URL, r.Source.SSH)) {
		return nil
	}
	if server := r.serverOf(info); server != "" && index.Origin.Server != "" && !index.Origin.Server.Differs(server) {
		return nil
	}
	return &OtherSourceError{Dump: object.Name, Publisher: index.Publisher}
}
