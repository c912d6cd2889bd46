// Package bake makes objects with tables as files from a dump in the bucket. It loads the dump into a throw-away server of
// the wanted version, which writes its tables to files. So the files only contain what is in the dump, and staging is not
// needed.
package bake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/export"
	"github.com/jobiqo/dump-refresh/helper/internal/signing"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/throwaway"
)

// ErrGone means that the dump was deleted while it was baked.
var ErrGone = errors.New("the dump was deleted meanwhile")

// UnfitError means that a dump cannot be baked for any server.
type UnfitError struct {
	Name   string // the dump's
	Reason string // a clause, as in "it is one stream"
}

func (e *UnfitError) Error() string { return e.Name + " cannot be baked: " + e.Reason }

// UnsafeError means that files for a kind of server are unsafe: developers could lose databases.
type UnsafeError struct{ Refused *target.FilesError }

func (e *UnsafeError) Error() string {
	if e.Refused.Err == nil {
		return e.Refused.Error()
	}
	return fmt.Sprintf("%v: %v", e.Refused, e.Refused.Err)
}

func (e *UnsafeError) Unwrap() error { return e.Refused }

// FailedError means that a bake has failed for one kind of server.
type FailedError struct {
	Name string // the dump's
	Kind throwaway.Kind
	Err  error
}

func (e *FailedError) Error() string {
	return "bake " + e.Name + " for " + e.Kind.String() + ": " + e.Err.Error()
}

func (e *FailedError) Unwrap() error { return e.Err }

// Config says what to bake, and for which servers.
type Config struct {
	Project     string
	ToolVersion string
	// Publisher names the user and machine, as in ada@laptop.
	Publisher string
	Bucket    *bucket.Bucket
	// Key names the dump; "" for the newest one.
	Key string
	// Kinds are the kinds of servers to bake for.
	Kinds []throwaway.Kind
	// SignKey signs what is baked, if it is set.
	SignKey signing.Key
	// Force bakes again even if an object exists.
	Force bool
	// Load loads a dump's text into a database that does not exist yet. It may keep files in the folder.
	Load     func(ctx context.Context, dump bucket.Object, target dburl.URL, folder string) error
	Progress dump.Progress
}

// Result is the result of a bake.
type Result struct {
	Dump    string   `json:"dump"` // the dump's key
	Objects []Object `json:"objects"`
}

// Object is the baked object for one series of servers.
type Object struct {
	Series string `json:"series"` // "mariadb-11.8"
	Key    string `json:"key"`    // "" if there is no object because no table is large enough
	// Published is false if the object existed already.
	Published   bool             `json:"published"`
	ObjectBytes int64            `json:"object_bytes"`
	FileBytes   int64            `json:"file_bytes"` // of all files
	Tables      int64            `json:"tables"`     // the tables as files
	Small       int64            `json:"small"`      // tables that are too small to be worth it
	Left        []dump.LeftTable `json:"left,omitempty"`
	Seconds     float64          `json:"seconds"`
}

// Run bakes a dump for all kinds of servers. If it fails for one of them, it continues with the others. The error is then
// one *FailedError or several, joined. It never leaves an unfinished upload in the bucket.
func Run(ctx context.Context, config Config) (Result, error) {
	r := &run{Config: config}
	if err := r.choose(ctx); err != nil {
		return Result{Dump: r.dump.Key}, err
	}
	result := Result{Dump: r.dump.Key, Objects: []Object{}}
	var failures []error
	for _, kind := range r.Kinds {
		began := time.Now()
		object, err := r.one(ctx, kind)
		if ctx.Err() != nil {
			return result, context.Cause(ctx)
		}
		if err != nil {
			failures = append(failures, &FailedError{r.dump.Name, kind, err})
			continue
		}
		if object.Published {
			object.Seconds = time.Since(began).Seconds()
		}
		result.Objects = append(result.Objects, object)
	}
	return result, errors.Join(failures...)
}

type run struct {
	Config
	dump  bucket.Object
	index *dumpfile.Index
}

// choose finds the dump and checks that it can be baked.
func (r *run) choose(ctx context.Context) (err error) {
	if r.Key != "" {
		r.dump, err = r.Bucket.Find(ctx, r.Key)
	} else {
		r.dump, err = r.Bucket.Newest(ctx)
	}
	if err != nil {
		return err
	}
	unfit := func(reason string) error { return &UnfitError{r.dump.Name, reason} }
	compression, known := dumpfile.ByName(r.dump.Name)
	switch {
	case r.dump.Series != "":
		return unfit("it is not a dump but was baked from one")
	case !known:
		return unfit("its name does not have the ending of a dump's name")
	}
	r.index, err = dumpfile.ReadIndex(r.Bucket.ReaderAt(ctx, r.dump), r.dump.Size, compression)
	switch {
	case errors.Is(err, dumpfile.ErrNoIndex):
		return unfit("it was made by another tool")
	case err != nil:
		return fmt.Errorf("read %s: %w", r.dump.Name, err)
	case r.index.Baked != nil:
		return unfit("it is not a dump but was baked from one")
	case r.index.Engine == string(dburl.Postgres):
		return unfit("PostgreSQL's tables cannot travel as files")
	case !r.index.Sectioned():
		return unfit("it is one stream, as dump clients and commands write it")
	}
	return nil
}

// one bakes for one kind of server, unless another process has done so or is doing so.
func (r *run) one(ctx context.Context, kind throwaway.Kind) (Object, error) {
	series := Series(kind)
	key := bucket.Beside(r.dump.Key, series)
	there := func(ctx context.Context) (Object, bool, error) {
		if r.Force {
			return Object{}, false, nil
		}
		found, err := r.Bucket.Baked(ctx, r.dump.Key, series)
		if errors.Is(err, bucket.ErrNoSuchKey) {
			return Object{}, false, nil
		}
		return Object{Series: series, Key: key, ObjectBytes: found.Size}, err == nil, err
	}
	if found, is, err := there(ctx); err != nil || is {
		return found, err
	}
	if len(r.large()) == 0 {
		return Object{Series: series, Small: int64(len(r.index.Tables))}, nil
	}
	lease, err := r.Bucket.AcquireBake(ctx, r.dump.Key, series, bucket.LeaseOptions{Holder: r.Publisher, Wait: func(holder string) {
		r.Progress.Note("waiting for the bake by " + holder)
	}})
	if err != nil {
		return Object{}, err
	}
	if lease.Result() != "" {
		found, err := r.Bucket.Baked(ctx, r.dump.Key, series)
		return Object{Series: series, Key: key, ObjectBytes: found.Size}, err
	}
	made, is, err := there(lease.Context())
	if err == nil && !is {
		made, err = r.underLease(lease.Context(), kind)
	}
	if releaseErr := lease.Release(ctx, bucket.Published{Key: made.Key}); err == nil && releaseErr != nil {
		r.Progress.Note("cannot release the lease, so the next bake waits until it expires: " + releaseErr.Error())
	}
	return made, err
}

// Series returns a kind's series of servers, as in keys: "mariadb-11.8".
func Series(kind throwaway.Kind) string {
	return target.FileServer{Engine: kind.Engine, Version: kind.Version}.Series()
}

// underLease bakes while no other process bakes for the same servers.
func (r *run) underLease(ctx context.Context, kind throwaway.Kind) (object Object, err error) {
	if aborted, err := r.Bucket.AbortUnfinishedBakes(ctx, Series(kind)); err == nil && aborted > 0 {
		r.Progress.Note("removed unfinished uploads of an interrupted bake")
	}
	r.Progress.Phase("starting "+kind.String(), 0)
	server, err := throwaway.Start(ctx, kind, r.Progress.Note)
	if err != nil {
		return Object{}, err
	}
	defer func() {
		if stopErr := server.Stop(); stopErr != nil {
			r.Progress.Note(stopErr.Error())
		}
	}()
	r.Progress.Note(fmt.Sprintf("baking %s for %s on %s", r.dump.Name, kind, server.Source))
	target := dburl.URL{Engine: dburl.MySQL, User: "root", Host: server.Socket(), Name: "bake", TLS: dburl.TLSOff}
	if err := r.survive(ctx, server, kind, target); err != nil {
		return Object{}, err
	}
	if err := r.Load(ctx, r.dump, target, server.Folder("cache")); err != nil {
		return Object{}, err
	}
	r.Progress.Phase("writing the tables to files", 0)
	export, err := export.OpenExport(ctx, target, r.large())
	if err != nil {
		return Object{}, err
	}
	defer func() { _ = export.Close() }()
	r.Progress.Phase("trying the files", export.Bytes())
	if err := export.Try(ctx, r.Progress.Advance); err != nil {
		return Object{}, err
	}
	object = Object{
		Series: Series(kind), FileBytes: export.Bytes(), Tables: int64(len(export.Tables)), Left: export.Left,
		Small: int64(len(r.index.Tables) - len(export.Tables) - len(export.Left)),
	}
	if object.Tables == 0 {
		return object, nil
	}
	object.Key, object.ObjectBytes, err = r.publish(ctx, export)
	object.Published = err == nil
	return object, err
}

// survive fails with *UnsafeError if a server does not survive a crash while it imports tables as files. What MySQL's InnoDB
// does to files then may change with any version, so the version itself is tried. MariaDB only needs a checkpoint, which the
// import requests.
func (r *run) survive(ctx context.Context, server *throwaway.Server, kind throwaway.Kind, to dburl.URL) error {
	if kind.Engine != "mysql" {
		return nil
	}
	r.Progress.Phase("trying whether the server survives crashes", 0)
	to.Name = "crash"
	err := export.Survives(ctx, to, server.Crash)
	var refused *target.FilesError
	if errors.As(err, &refused) {
		return &UnsafeError{refused}
	}
	return err
}
